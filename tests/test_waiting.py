"""Threads of the commands do not spin for long, unless the user says so."""

import os

from bench.waiting import SPINS, wait_briefly
from tests.support.command_line import left_by


def test_it_is_said_before_torch_is_loaded():
    spins = "os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules"
    assert left_by("--help", expression=spins) == f"{SPINS} False"


def test_what_the_user_says_stays(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
