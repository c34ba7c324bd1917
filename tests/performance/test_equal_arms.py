"""A/A: arms that do the same work take the same time, whichever comes first.

Two arms that are wholly the same would be one run; these differ in the seventh digit of an option.
"""

import numpy as np
from scipy.stats import ttest_1samp

from bench.execution.coordinator import Coordinator
from bench.results import load_results
from bench.study.schema import parse_study

ARMS = ("one", "other", "third")
ALLOWED = 0.05


def test_equal_arms_take_the_same_time(tmp_path):
    """In each seed's runs, which are neighbours, drawn in an order of their own."""
    study = parse_study(
        {
            "name": "equal",
            "title": "Three equal arms",
            "collection": "pydocs(documents=300)",
            "seeds": [1, 2, 3, 4, 5],
            "baseline": ARMS[0],
            "budget": {"steps": 30},
            "training": {"batch_size": 16},
            "evaluation": {"points": 1, "pool": 20},
            "defaults": {"student": "truncated(layers=2, max_length=48)"},
            "arms": [
                {"name": name, "loss": f"infonce(temperature={0.05 + at / 10**7})"}
                for at, name in enumerate(ARMS)
            ],
        },
        "equal",
    )
    outcome = Coordinator(study, tmp_path / "out", tmp_path / "artifacts", None).run()
    assert not outcome.failed
    table = load_results(tmp_path / "out").summary.query("role == 'final'")
    seconds = table.pivot(index="seed", columns="arm", values="train_seconds")
    ratios = seconds.div(seconds[ARMS[0]], axis=0).drop(columns=ARMS[0])
    print(f"\ntrain seconds:\n{seconds.round(2)}\nas ratios:\n{ratios.round(3)}")
    for arm, ratio in ratios.items():
        # The median: what else a machine does strikes single runs.
        assert abs(ratio.median() - 1) < ALLOWED, arm
        middle = ttest_1samp(np.log(ratio), 0).confidence_interval(0.95)
        assert middle.low <= 0 <= middle.high, arm
