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
