"""The ledger's sums agree with the clocks of the summary."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.analysis.costs import artifact_costs, phase_costs, tuning_costs
from reports.analysis.tuning import tuning_steps, tuning_table


def test_phases_add_up_to_the_clocks(results):
    costs = phase_costs(results).set_index("arm")
    done = results.summary.query("role == 'final' and status == 'done'").groupby("arm")
    means = done[["train_seconds", "cold_seconds", "warm_seconds", "tuned_seconds"]].mean()
    assert set(costs.index) == {"margin-mse", "adaptive-margin", "static-margin"}
    for arm, cost in costs.iterrows():
        clocks = means.loc[arm]
        assert cost["train"] == pytest.approx(clocks["train_seconds"])
        assert cost["train"] + cost["prepare"] == pytest.approx(clocks["cold_seconds"])
        assert cost["train"] + cost["read"] == pytest.approx(clocks["warm_seconds"])
        tuned = cost["train"] + cost["prepare"] + cost["tuning"]
        assert tuned == pytest.approx(clocks["tuned_seconds"])


def test_every_artifact_once_an_arm(results):
    rows = artifact_costs(results)
    assert list(rows["arm"]) == ["margin-mse", "margin-mse", "adaptive-margin", "static-margin"]
    assert list(rows["seconds"]) == [3.0, 40.0, 3.0, 3.0]


def test_without_tuning_nothing_is_charged_for_it(study):
    assert (phase_costs(study(trials=0))["tuning"] == 0).all()


def test_tuning_costs_end_at_the_tuned_clock(results):
    costs = tuning_costs(results)
    done = results.summary.query("role == 'final' and status == 'done'").groupby("arm")
    means = done[["cold_seconds", "tuned_seconds"]].mean()
    assert list(costs["trials"]) == [0, 1, 2] * 3
    ends = costs.groupby("arm")["charged"].agg(["first", "last"])
    for arm, clocks in means.iterrows():
        assert list(ends.loc[arm]) == pytest.approx(list(clocks))
    assert (costs.groupby("arm")["seconds"].first() == 0).all()


def test_an_artifact_of_trials_alone_is_tunings(results):
    """Once, at the first trial that needs it; what the run needs too is the run's."""
    labels = {"arm": "static-margin", "role": "tuning", "seed": 1_000_000, "phase": "prepare"}
    more = [{**labels, "trial": trial, "what": "scores 9", "seconds": 50.0} for trial in (0, 1)]
    ledger = pd.concat([results.ledger, pd.DataFrame(more)], ignore_index=True)
    before = tuning_costs(results).query("arm == 'static-margin'")["seconds"]
    after = tuning_costs(replace(results, ledger=ledger)).query("arm == 'static-margin'")["seconds"]
    assert list(after - before) == pytest.approx([0.0, 50.0, 50.0])


def test_an_arm_without_trials_pays_its_cold_seconds(study):
    results = study(arms=[{"name": "margin-mse"}, {"name": "b", "tuned": False}], nuisance=False)
    table = tuning_table(results).set_index("arm")
    assert table.loc["b", "trials"] == 0
    assert table.loc["b", "share"] == 0
    assert math.isnan(table.loc["b", "best"])
    cold = results.summary.query("role == 'final' and arm == 'b'")["cold_seconds"].mean()
    assert table.loc["b", "charged"] == pytest.approx(cold)
    assert list(tuning_steps(results)["arm"]) == ["margin-mse"] * 2


def test_pruned_and_failed_trials_are_paid_for(study):
    results = study(arms=[{"name": "margin-mse"}], trials=4)
    tuning = results.summary["role"] == "tuning"
    states = np.array(["pruned", "done", "failed", "done"])
    results.summary.loc[tuning, "status"] = states
    gone = results.curves["trial"].isin([0, 2]) & (results.curves["role"] == "tuning")
    results = replace(results, curves=results.curves[~gone])
    (row,) = tuning_table(results).to_dict("records")
    assert [row[key] for key in ("trials", "done", "pruned", "failed")] == [4, 2, 1, 1]
    spent = results.ledger.query("role == 'tuning' and phase in ['train', 'evaluate']")["seconds"]
    assert row["seconds"] == pytest.approx(spent.sum())
    assert row["seconds a trial"] == pytest.approx(spent.sum() / 4)
    steps = tuning_steps(results)
    assert list(steps["trial"]) == [0, 1, 2, 3]
    assert steps["best"].isna().tolist() == [True, False, False, False]
    assert steps["value"].isna().tolist() == [True, False, True, False]
    assert row["best"] == steps["best"].iloc[-1] == steps["value"].max()


def test_a_trial_that_failed_before_it_began_has_no_bill(study):
    results = study(arms=[{"name": "margin-mse"}], trials=3)
    tuning = results.summary.index[results.summary["role"] == "tuning"]
    results.summary.loc[tuning[1], "status"] = "failed"
    gone = (results.ledger["trial"] == 1) & (results.ledger["role"] == "tuning")
    results = replace(results, ledger=results.ledger[~gone])
    (row,) = tuning_table(results).to_dict("records")
    assert (row["trials"], row["failed"]) == (3, 1)
    assert row["seconds a trial"] == pytest.approx(row["seconds"] / 2)
    assert list(tuning_steps(results)["trial"]) == [0, 2]


def test_without_a_final_run_there_is_no_charge(study):
    results = study(
        arms=[{"name": "margin-mse", "failed": (1,), "artifacts": {"x": 3.0}}], seeds=[1]
    )
    (row,) = tuning_table(results).to_dict("records")
    assert math.isnan(row["charged"])
    assert row["seconds"] > 3
