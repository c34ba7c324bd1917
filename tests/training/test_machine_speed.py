"""The reference step, and where a run records it."""

import time

import numpy as np
import torch

from bench.encoding.device import choose
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training import run as training
from bench.training.machine_speed import machine_speed
from tests.support.runs import train, train_with_stops


def test_it_is_short_and_draws_nothing():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    since = time.perf_counter()
    seconds = machine_speed(choose())
    assert 0 < seconds < time.perf_counter() - since
    assert torch.equal(torch.get_rng_state(), before)


def test_what_slows_the_work_shows(monkeypatch):
    """Half of the products take a while longer, as they do where another process has the core."""
    quiet = machine_speed(choose())
    real, calls = torch.mm, []

    def slowed(*arguments, **options):
        calls.append(0)
        if len(calls) % 2:
            time.sleep(2 * quiet)
        return real(*arguments, **options)

    monkeypatch.setattr(torch, "mm", slowed)
    assert machine_speed(choose()) > 5 * quiet


def test_a_run_records_it_of_the_process_that_finished_it(specify, context, tmp_path, monkeypatch):
    calls = []

    def numbered(device) -> float:
        calls.append(device)
        return float(len(calls))

    monkeypatch.setattr(training, "machine_speed", numbered)
    run = specify(budget=Budget(examples=24))
    assert train(run, context, tmp_path / "whole").record()["reference_step"] == {
        "start": 1,
        "end": 2,
    }
    calls.clear()
    folder = RunFolder(tmp_path / "parts" / run.id)
    stops = train_with_stops(run, context, folder)
    assert folder.record()["reference_step"] == {"start": stops + 1, "end": stops + 2}


def test_it_is_no_training_time(specify, context, tmp_path, monkeypatch):
    def slow(device) -> float:
        time.sleep(3)
        return 1.0

    monkeypatch.setattr(training, "machine_speed", slow)
    folder = train(specify(budget=Budget(examples=8)), context, tmp_path)
    seconds = {bill.phase: bill.seconds for bill in folder.bills() if bill.what == "run"}
    assert seconds["train"] < 3
    assert np.greater([seconds["start"], seconds["save"]], 3).all()
