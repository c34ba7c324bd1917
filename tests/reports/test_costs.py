"""The ledger's sums agree with the clocks of the summary."""

import pytest

from reports.costs import artifact_costs, phase_costs


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
