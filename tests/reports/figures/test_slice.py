"""What came of each value that tuning tried."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import reports
from bench.errors import InputError
from reports.analysis.trials import trials_table
from tests.support.study_writer import Arm, Plan, Writer

RATE, MARGIN = "training.learning_rate", "loss.margin"


def tried(results, seed=0, untuned=()):
    """The results with trials that differ in both parameters, and in their values.

    The learning rate matters a lot, the margin not at all; the best trial was chosen.
    """
    rng = np.random.default_rng(seed)
    summary, curves = results.summary.copy(), results.curves.copy()
    trials = summary["role"] == "tuning"
    summary.loc[trials, RATE] = 10 ** rng.uniform(-5, -3, trials.sum())
    summary.loc[trials, MARGIN] = rng.uniform(0.1, 1, trials.sum())
    for arm in untuned:
        summary.loc[summary["arm"] == arm, MARGIN] = np.nan
    options = summary[trials].set_index(["arm", "trial"])
    value = 0.6 - 0.05 * (np.log10(options[RATE]) + 4.5) ** 2 + rng.normal(0, 0.004, len(options))
    rows = curves["role"] == "tuning"
    places = pd.MultiIndex.from_frame(curves.loc[rows, ["arm", "trial"]])
    curves.loc[rows, "dev-select nDCG@10"] = value.reindex(places).to_numpy()
    for arm, best in value.groupby("arm").idxmax().items():
        finals = (summary["arm"] == arm) & (summary["role"] == "final")
        for name in (RATE, MARGIN):
            summary.loc[finals, name] = options.loc[best, name]
    return replace(results, summary=summary, curves=curves)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    plan = Plan(arms=[Arm(name) for name in names], baseline=names[0], trials=24)
    return tried(Writer(folder, plan).write())


@pytest.fixture
def one(study):
    return tried(study(arms=[{"name": "margin-mse"}], trials=6))


def _dots(axes):
    """Places and values of trials and of final runs."""
    (finals,) = axes.lines
    return axes.collections[0].get_offsets().tolist(), finals.get_xydata().tolist()


def test_every_trial_stands_at_its_value(one):
    figure = reports.draw("slice", one)
    assert [axes.get_xlabel() for axes in figure.axes] == ["learning_rate\n(log scale)", "margin"]
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "linear"]
    summary = one.summary.query("role == 'tuning'").sort_values("trial")
    curves = one.curves.query("role == 'tuning'")
    values = curves.groupby("trial")["dev-select nDCG@10"].max()
    for axes, name in zip(figure.axes, (RATE, MARGIN), strict=True):
        trials, finals = _dots(axes)
        assert np.allclose(sorted(trials), sorted(zip(summary[name], values, strict=True)))
        assert len(finals) == 3
        assert {place for place, _ in finals} == {
            summary.set_index("trial").loc[values.idxmax(), name]
        }


def test_the_axis_is_the_space_of_the_study_file(one):
    table = trials_table(one).set_index("parameter")
    assert table.loc[RATE, ["low", "high", "log"]].drop_duplicates().values.tolist() == [
        [1e-5, 1e-3, True]
    ]
    margins = one.summary.query("role == 'tuning'")[MARGIN]
    assert table.loc[MARGIN, ["low", "high", "log"]].drop_duplicates().values.tolist() == [
        [margins.min(), margins.max(), False]
    ]


def test_a_trial_without_a_value_is_a_tick_at_the_foot(one):
    pruned = (one.summary["role"] == "tuning") & (one.summary["trial"] == 2)
    one.summary.loc[pruned, "status"] = "pruned"
    gone = (one.curves["role"] == "tuning") & (one.curves["trial"] == 2)
    results = replace(one, curves=one.curves[~gone])
    for axes, name in zip(reports.draw("slice", results).axes, (RATE, MARGIN), strict=True):
        (tick,) = axes.collections[1].get_segments()
        assert tick[:, 0] == pytest.approx(one.summary.loc[pruned, name].tolist() * 2)
    assert "of 5 trials" in reports.figures.create("slice").alt(results, trials_table(results))


def test_choices_stand_in_a_row(one):
    trials = one.summary["role"] == "tuning"
    words = one.summary[MARGIN].astype(object)
    words[trials] = ["b", "a", "b", "c", "a", "b"]
    words[one.summary["role"] == "final"] = "b"
    figure = reports.draw("slice", replace(one, summary=one.summary.assign(**{MARGIN: words})))
    axes = figure.axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert sorted(place for place, _ in _dots(axes)[0]) == [0, 0, 1, 1, 1, 2]


def test_what_an_arm_does_not_vary_has_no_panel(study):
    arms = [{"name": "margin-mse"}, {"name": "b", "tuned": False}, {"name": "c"}]
    results = tried(study(arms=arms, trials=6), untuned=("c",))
    assert set(trials_table(results)["arm"]) == {"margin-mse", "c"}
    figure = reports.draw("slice", results)
    shown = [axes.get_xlabel() for axes in figure.axes if axes.axison]
    assert shown == ["", "margin", "learning_rate\n(log scale)"]


def test_the_measure_stays_the_one_that_chose(one):
    drawn = reports.draw("slice", one, measure="RR@10")
    assert drawn.get_supylabel() == "nDCG@10 on dev-select"


def test_trials_that_do_not_differ_are_no_slice(results):
    with pytest.raises(InputError, match="4 trials or more that differ"):
        reports.draw("slice", results)
