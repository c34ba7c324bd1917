"""Threads of the commands do not spin for long, unless the user says so."""

import os
import subprocess
import sys

from bench.waiting import SPINS, wait_briefly


def test_it_is_said_before_torch_is_loaded():
    said = (
        "import os, sys; from bench import cli; assert 'torch' not in sys.modules; "
        "sys.argv = ['bench', '--help']\n"
        "try: cli.main()\n"
        "finally: print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == f"{SPINS} False"


def test_what_the_user_says_stays(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
