"""What tuning may and may not do: prune, stop early, retry, propose the same again."""

import optuna
import pytest

import bench as public
from bench.arms import expand
from bench.crossing import Crossing
from bench.files import read_json
from bench.proposals import _PRUNERS, Proposals, storage_url
from bench.records import RunFolder
from bench.spaces import Choice, Float
from bench.study import Evaluation, parse_study
from tests.training.conftest import specify, train, train_with_stops  # noqa: F401 (a fixture)


def test_a_run_that_learns_nothing_is_ended_and_marked(specify, lab, tmp_path):  # noqa: F811
    evaluation = Evaluation(points=6, depth=20, patience=32)
    run = specify(evaluation=evaluation, entry={"loss": "adaptive-margin"})
    still = run.arm.training.model_copy(update={"learning_rate": 1e-30})
    run = specify(
        evaluation=evaluation,
        entry={"loss": "adaptive-margin"},
        arm=run.arm.__class__(**{**vars(run.arm), "training": still}),
    )
    folder = train(run, lab, tmp_path / "whole")
    record, curve = folder.record(), folder.table("curve")
    assert record["stopped"] == "patience"
    assert record["status"] == "done"
    # Points at 16, 32, …: the first at which 32 examples brought nothing is the second after 0.
    assert curve["examples"].tolist() == [0, 16, 32]
    assert record["best_point"] == 0
    again = RunFolder(tmp_path / "stopped" / run.id)
    assert train_with_stops(run, lab, again) > 1
    assert (
        again.table("curve")
        .drop(columns="train_seconds")
        .equals(curve[again.table("curve").columns].drop(columns="train_seconds"))
    )
    patient = specify(evaluation=Evaluation(points=6, depth=20), entry={"loss": "adaptive-margin"})
    assert patient.id != run.id


def cross(values, folder):
    crossing = Crossing(parse_study(values, "toy"), folder / "out", folder / "artifacts", None)
    outcome = crossing.run()
    return outcome, public.load_results(folder / "out")


@pytest.fixture
def pruned_values(toy_values):
    rates = [3e-3, 2e-3, 4e-3, 1e-3, 5e-3, 1e-30, 2e-30, 3e-30]
    return toy_values | {
        "seeds": [1],
        "tuning": {
            "trials": len(rates),
            "sampler": "grid",
            "pruner": "median",
            "space": {"learning_rate": rates},
        },
        "arms": [{"loss": "adaptive-margin", "name": "margin-mse"}],
        "budget": {"examples": 64},
        "evaluation": {"points": 4, "depth": 20},
    }


class EveryOther(optuna.pruners.BasePruner):
    """Gives up half of the trials at their second point."""

    def prune(self, study, trial) -> bool:
        return trial.number % 2 == 1 and len(trial.intermediate_values) == 2


def test_the_median_of_earlier_trials_prunes_a_worse_one(pruned_values, tmp_path):
    study = parse_study(pruned_values, "toy")
    (arm,) = expand(study)
    proposals = Proposals(storage_url(tmp_path), study, arm, {})
    for number in range(6):
        proposals.get(number)
        value = 0.5 + number / 100
        assert not proposals.hopeless(number, [(0, 0.1), (16, value)])
        proposals.tell(number, value)
    proposals.get(6)
    assert not proposals.hopeless(6, [(0, 0.1)])
    assert not proposals.hopeless(6, [(0, 0.1), (16, 0.53)])
    proposals.tell(6, None, pruned=True)
    proposals.get(7)
    assert proposals.hopeless(7, [(0, 0.1), (16, 0.51)])
    # A run that is taken up again asks again, of other objects.
    assert Proposals(storage_url(tmp_path), study, arm, {}).hopeless(7, [(0, 0.1), (16, 0.51)])


def test_a_pruned_trial_is_paid_for_and_never_averaged(pruned_values, tmp_path, monkeypatch):
    monkeypatch.setitem(_PRUNERS, "median", EveryOther)
    outcome, results = cross(pruned_values, tmp_path)
    assert not outcome.failed
    tuning = results.summary.query("role == 'tuning'")
    pruned = tuning[tuning["status"] == "pruned"]
    assert len(pruned) == 4
    assert (pruned["examples"] == 16).all()
    assert set(pruned["stopped"]) == {"pruned"}
    assert (tuning.loc[tuning["status"] == "done", "examples"] == 64).all()
    in_curves = results.curves.query("role == 'tuning'")["trial"]
    assert set(in_curves) == set(tuning.loc[tuning["status"] == "done", "trial"])
    ledger = results.ledger.query("role == 'tuning' and phase in ['train', 'evaluate']")
    assert set(ledger["trial"]) == set(tuning["trial"])
    (final,) = results.summary.query("role == 'final'").itertuples()
    assert final.tuned_seconds == pytest.approx(final.cold_seconds + ledger["seconds"].sum())
    assert final.trial not in set(pruned["trial"])

    (name,) = optuna.get_all_study_names(storage_url(tmp_path / "out"))
    trials = optuna.load_study(study_name=name, storage=storage_url(tmp_path / "out")).trials
    states = {trial.user_attrs["number"]: trial.state.name for trial in trials}
    wanted = {"done": "COMPLETE", "pruned": "PRUNED"}
    assert states == {run.trial: wanted[run.status] for run in tuning.itertuples()}
    # Nothing pruned is taken up again.
    assert cross(pruned_values, tmp_path)[0].done_now == 0


def test_a_run_that_fails_is_tried_as_often_as_said(toy_values, tmp_path):
    values = toy_values | {
        "seeds": [1],
        "tuning": {},
        "retries": 2,
        "arms": [{"loss": "infonce(temperature=1e-30)", "name": "margin-mse"}],
        "training": {"batch_size": 8, "learning_rate": 1e30, "clip": 0.0},
    }
    outcome, results = cross(values, tmp_path)
    (failed,) = outcome.failed
    record = failed.folder.record()
    assert (record["status"], record["tries"]) == ("failed", 3)
    assert "not finite" in record["error"]
    assert cross(values, tmp_path)[0].done_now == 0
    assert cross({**values, "retries": 3}, tmp_path)[0].done_now == 1
    assert read_json(failed.folder.path / "run.json")["tries"] == 4
    assert results.summary.query("role == 'final'")["nDCG@10"].isna().all()


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi-random", "grid"])
def test_a_restart_proposes_the_same(sampler, toy_values, tmp_path):
    """Whatever trials a killed process left open, the k-th proposal is the k-th proposal."""
    space = {"learning_rate": [1e-4, 3e-4, 1e-3, 3e-3], "warmup": [0.0, 0.1]}
    tuning = {"trials": 6, "sampler": sampler, "space": space}
    study = parse_study({**toy_values, "tuning": tuning}, "toy")
    arm = expand(study)[0]

    def ask(folder, restarts: bool) -> list[dict]:
        found = []
        folder.mkdir()
        proposals = Proposals(storage_url(folder), study, arm, {})
        for number in range(6):
            if restarts:
                proposals.optuna_study.ask()  # and killed before it was given its number
                proposals = Proposals(storage_url(folder), study, arm, {})
            values = proposals.get(number)
            assert proposals.get(number) == values
            proposals.tell(number, values["training.learning_rate"])
            found.append(values)
        return found

    quiet = ask(tmp_path / "quiet", restarts=False)
    assert ask(tmp_path / "restarted", restarts=True) == quiet
    assert len({tuple(values.items()) for values in quiet}) > 1


def test_quasi_random_points_fill_the_space():
    from scipy.stats import qmc

    shares = qmc.Sobol(1, rng=3).random(64)[:, 0]
    rates = [Float(1e-4, 1e-2, log=True).at(share) for share in shares]
    assert sum(rate < 1e-3 for rate in rates) == 32  # half of a logarithmic space
    steps = [Float(0.1, 0.4, step=0.1).at(share) for share in shares]
    assert [steps.count(step) for step in (0.1, 0.2, 0.3, 0.4)] == [16] * 4
    values = [Choice(("a", "b")).at(share) for share in shares]
    assert values.count("a") == 32
    assert [Float(0.5, 0.5).at(share) for share in (0.0, 0.999)] == [0.5, 0.5]
