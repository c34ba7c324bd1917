"""A/A: arms that do the same work take the same time, whichever comes first.

Two arms that are wholly the same would be one run; these differ in the seventh digit of an option.
"""

from bench.crossing import Crossing
from bench.results import load_results
from bench.study import parse_study

ARMS = ("one", "other", "third")
ALLOWED = 0.05


def test_equal_arms_take_the_same_time(tmp_path):
    """In each seed's runs, which are neighbours, drawn in an order of their own."""
    study = parse_study(
        {
            "title": "Three equal arms",
            "collection": "pydocs(documents=300)",
            "seeds": [1, 2, 3],
            "baseline": ARMS[0],
            "budget": {"steps": 60},
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
    outcome = Crossing(study, tmp_path / "out", tmp_path / "artifacts", None).run()
    assert not outcome.failed
    table = load_results(tmp_path / "out").summary.query("role == 'final'")
    seconds = table.pivot(index="seed", columns="arm", values="train_seconds")
    ratios = seconds.div(seconds[ARMS[0]], axis=0).drop(columns=ARMS[0])
    print(f"\ntrain seconds:\n{seconds.round(2)}\nas ratios:\n{ratios.round(3)}")
    totals = seconds.sum()
    assert totals.max() / totals.min() < 1 + ALLOWED, totals.to_dict()
    # The speed-up's interval holds 1: no ratio is on one side alone for every seed and far from it.
    for _, ratio in ratios.items():
        assert ratio.min() <= 1 + ALLOWED
        assert ratio.max() >= 1 - ALLOWED
