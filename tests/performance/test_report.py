"""How long a report over a thousand runs takes: everything but training scales with them."""

import time

from bench.results import load_results
from reports.writing import write_report
from tests.support.study_writer import Arm, Plan, Writer

ARMS, TRIALS, SEEDS = 40, 20, 5
ALLOWED = 30.0
"""Seconds."""


def test_a_thousand_runs_are_reported_in_half_a_minute(tmp_path):
    arms = [Arm(f"arm {number}", 0.5 + number / 200, {"tokens 1": 3.0}) for number in range(ARMS)]
    seeds = range(1, SEEDS + 1)
    Writer(tmp_path, Plan(arms=arms, trials=TRIALS, seeds=seeds, baseline="arm 0")).write()
    begun = time.perf_counter()
    results = load_results(tmp_path)
    page = write_report(results)
    spent = time.perf_counter() - begun
    runs = int((results.summary["role"] != "reference").sum())
    size = page.stat().st_size / 1e6
    print(f"\n{runs:,} runs: {spent:.1f} s, a page of {size:.1f} MB")
    assert runs == ARMS * (TRIALS + SEEDS)
    assert spent < ALLOWED
