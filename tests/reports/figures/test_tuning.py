"""What finding an arm's options cost."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import reports
from bench.errors import InputError
from reports.figures.options import FigureOptions
from tests.support.study_writer import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


def test_tuning_shows_trials_and_what_they_led_to(study):
    arms = [{"name": "margin-mse"}, {"name": "b", "tuned": False}]
    results = study(arms=arms, trials=5, nuisance=False)
    figure = reports.figures.create("tuning")
    data = figure.data(results)
    steps = data[data["role"] == "tuning"]
    assert list(steps["arm"]) == ["margin-mse"] * 5
    assert steps["best"].is_monotonic_increasing
    assert (steps["seconds"].diff().dropna() > 0).all()
    chosen = results.curves["dev-select nDCG@10"].groupby(
        [results.curves[key] for key in ("arm", "role", "seed", "trial")]
    )
    finals = chosen.max().xs("final", level="role").groupby("arm").mean()
    ends = data[data["role"] == "final"].set_index("arm")
    assert ends["value"].to_dict() == pytest.approx(
        {arm: finals[arm] for arm in ("margin-mse", "b")}
    )
    assert ends["trials"].to_dict() == {"margin-mse": 5, "b": 0}
    values = [chosen.max().xs(("b", "final", seed)).item() for seed in (1, 2, 3)]
    bounds = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert tuple(ends.loc["b", ["low", "high"]]) == pytest.approx(bounds)
    assert "s, nothing tuned" in figure.alt(results, data)
    assert "with 5 trials, the best of them" in figure.alt(results, data)


def test_tuning_is_not_drawn_where_nothing_was_tuned(study):
    with pytest.raises(InputError, match="was chosen by tuning"):
        reports.draw("tuning", study(trials=0))


def test_tuning_can_begin_with_trials_that_were_pruned(study):
    results = study(arms=[{"name": "margin-mse"}])
    tuning = results.summary["role"] == "tuning"
    results.summary.loc[tuning, "status"] = "pruned"
    curves = results.curves[results.curves["role"] != "tuning"]
    assert reports.draw("tuning", replace(results, curves=curves)).axes


def test_the_measure_stays_the_one_that_chose(results):
    shown = FigureOptions(measure="RR@10").with_measure(results)
    figure = reports.figures.create("tuning")
    assert "nDCG@10: margin-mse" in figure.alt(shown, figure.data(shown))
    (axes,) = reports.draw("tuning", results, measure="RR@10").axes
    assert axes.get_ylabel() == "nDCG@10 on dev-select"
