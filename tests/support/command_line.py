"""The command line, in a process of its own and in this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def bench(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def left_by(*arguments: str, expression: str) -> str:
    """What an expression (which may name ``os`` and ``sys``) is after the command, in a process
    that has done nothing else."""
    said = (
        "import os, sys; from bench import cli; assert 'torch' not in sys.modules; "
        f"sys.argv = {['bench', *arguments]}\n"
        "try: cli.main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        f"print({expression})"
    )
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    return ended.stdout.splitlines()[-1]


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of the command, in this process."""
    from bench import cli

    before, sys.argv = sys.argv, ["bench", *arguments]
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        sys.argv = before
    output = capsys.readouterr()
    return caught.value.code or 0, output.out, output.err
