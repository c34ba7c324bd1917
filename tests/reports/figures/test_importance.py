"""Which parameters mattered: what Optuna says of a study built by hand."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

import reports
from bench.errors import InputError
from bench.results import load_results
from bench.spaces import Choice, Float
from reports.analysis import Analysis
from reports.analysis.trials import FEWEST, importance_table, space_of
from tests.reports.figures.test_slice import MARGIN, RATE, tried
from tests.support.study_writer import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    plan = Plan(arms=[Arm(name) for name in names], baseline=names[0], trials=24)
    return tried(Writer(folder, plan).write())


def _by_hand(results, spaces):
    """What Optuna says of a study with these trials."""
    values = results.curves.query("role == 'tuning'").groupby("trial")["dev-select nDCG@10"].max()
    study = optuna.create_study(direction="maximize")
    for row in results.summary.query("role == 'tuning'").to_dict("records"):
        params, value = {name: row[name] for name in spaces}, float(values[row["trial"]])
        study.add_trial(optuna.create_trial(params=params, distributions=spaces, value=value))
    return optuna.importance.get_param_importances(study)


def test_shares_are_optunas(study):
    results = tried(study(arms=[{"name": "margin-mse"}], trials=30))
    margins = results.summary.query("role == 'tuning'")[MARGIN]
    spaces = {
        RATE: FloatDistribution(1e-5, 1e-3, log=True),
        MARGIN: FloatDistribution(margins.min(), margins.max()),
    }
    table = importance_table(results)
    found = dict(zip(table["parameter"], table["importance"], strict=True))
    assert found == pytest.approx(_by_hand(results, spaces))
    assert sum(found.values()) == pytest.approx(1)
    assert found[RATE] > 0.5
    assert set(table["trials"]) == {30}


@pytest.mark.slow
def test_where_nothing_matters_a_share_passes_the_line_one_time_in_twenty(study):
    """Values without any relation to the options: 95 % of shares stay below `shuffled`."""
    arms = [{"name": "margin-mse"}, *({"name": f"arm {number}"} for number in range(50))]
    results = tried(study(arms=arms, seeds=[1], trials=FEWEST, points=1))
    rng = np.random.default_rng(5)
    rows = results.curves["role"] == "tuning"
    results.curves.loc[rows, "dev-select nDCG@10"] = rng.normal(0.5, 0.1, rows.sum())
    table = importance_table(results)
    assert len(table) == 2 * len(arms)
    passed = (table["importance"] > table["shuffled"]).mean()
    assert 0.01 < passed < 0.12  # of 102 shares, in pairs: a deviation of 0.03


def test_few_trials_tell_nothing(study):
    results = tried(study(arms=[{"name": "margin-mse"}], trials=FEWEST))
    assert set(importance_table(results)["arm"]) == {"margin-mse"}
    last = (results.curves["role"] == "tuning") & (results.curves["trial"] == FEWEST - 1)
    fewer = replace(results, curves=results.curves[~last])
    assert importance_table(fewer).empty
    with pytest.raises(InputError, match=f"chosen by {FEWEST} finished trials"):
        reports.draw("importance", fewer)


def test_one_parameter_or_one_value_tells_nothing(study):
    results = tried(study(arms=[{"name": "margin-mse"}], trials=FEWEST), untuned=("margin-mse",))
    assert importance_table(results).empty
    results = tried(study(arms=[{"name": "margin-mse"}], trials=FEWEST))
    results.curves["dev-select nDCG@10"] = 0.5
    assert importance_table(results).empty


def test_a_bar_a_parameter_and_the_line_of_chance_across_it(tmp_path):
    results = case(tmp_path, ("margin-mse", "b", "c"))
    table = importance_table(results)
    (axes,) = reports.draw("importance", results).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(table["importance"]))
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx(list(table["shuffled"]))
    texts = [label.get_text() for label in axes.get_yticklabels()]
    assert texts == ["learning_rate", "margin"] * 3
    assert [text.get_text() for text in axes.texts][1] == "b (24 trials)"


FIXTURE = Path(__file__).parents[2] / "fixtures" / "results" / "0.1.0"

IDLE = """
import sys
import bench.results
from reports.analysis import Analysis
from reports.analysis.trials import importance_table, trials_table
results = Analysis.of(bench.results.load_results(sys.argv[1]))
assert importance_table(results).empty
assert not [name for name in ("optuna", "sklearn", "torch") if name in sys.modules]
"""


def test_optuna_is_not_loaded_for_nothing(results):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", IDLE, str(results.folder)], check=True, env=environment)


@pytest.mark.parametrize(
    ("parameter", "tried", "space"),
    [
        ("training.learning_rate", [2e-5, 3e-5], Float(1e-5, 1e-3, log=True)),
        ("training.learning_rate", [2e-5, 1.0], Float(2e-5, 1.0)),  # of an older study file
        ("loss.margin", [0.3, 0.1], Float(0.1, 0.9, step=0.1)),
        ("loss.scale", [3, 0.5], Float(0.5, 3)),
        ("loss.in_batch", [True, False, True], Choice((True, False))),
        ("loss.pooling", ["mean", "cls"], Choice(("mean", "cls"))),
    ],
)
def test_a_space_is_the_study_files_or_what_was_tried(results, parameter, tried, space):
    entry = results.study.arms[0].model_copy(
        update={"space": {"margin": Float(0.1, 0.9, step=0.1)}}
    )
    study = results.study.model_copy(update={"arms": [entry]})
    assert space_of(replace(results, study=study), "margin-mse", parameter, tried) == space


@pytest.mark.parametrize(
    ("tried", "space"),
    [
        ([0.2, 0.5], Float(0.1, 1.0, step=0.1)),
        ([0.2, 1.5], Float(0.2, 1.5)),  # of an earlier version
        ([0.2, 0.55], Float(0.2, 0.55)),  # between the steps
    ],
)
def test_a_losss_own_space_is_that_of_optunas_record(tried, space):
    results = Analysis.of(load_results(FIXTURE))
    assert space_of(results, "static-margin", "loss.margin", tried) == space


def test_without_optunas_record_a_space_is_what_was_tried(results):
    assert space_of(results, "static-margin", "loss.margin", [0.2, 0.5]) == Float(0.2, 0.5)


def test_choices_have_optunas_importance_too(study):
    results = tried(study(arms=[{"name": "margin-mse"}], trials=40))
    rows = results.summary["role"] == "tuning"
    words = results.summary[MARGIN].astype(object)
    words[rows] = np.array(["a", "b", "c"])[np.arange(rows.sum()) % 3]
    results.summary[MARGIN] = words
    spaces = {
        RATE: FloatDistribution(1e-5, 1e-3, log=True),
        MARGIN: CategoricalDistribution(("a", "b", "c")),
    }
    found = importance_table(results).set_index("parameter")["importance"].to_dict()
    assert found == pytest.approx(_by_hand(results, spaces))
