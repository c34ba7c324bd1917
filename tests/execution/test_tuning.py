"""What tuning may and may not do: prune, stop early, retry, propose the same again."""

import pickle
import warnings
from dataclasses import replace

import optuna
import pytest

import bench as public
from bench.errors import TrainingError
from bench.execution import pruning
from bench.execution.coordinator import Coordinator
from bench.execution.optuna_storage import OptunaStorage, storage_url
from bench.execution.proposals import Proposals
from bench.spaces import Choice, Float
from bench.storage.files import read_json
from bench.storage.records import RunFolder
from bench.study.arms import resolve_arms
from bench.study.schema import Budget, Evaluation, parse_study
from bench.training.run import Run
from reports.analysis.base import Analysis
from reports.analysis.costs import tuning_costs
from tests.support.runs import train, train_with_stops


def test_a_run_that_learns_nothing_is_ended_and_marked(specify, context, tmp_path):
    evaluation = Evaluation(points=6, depth=20, patience=32)
    run = specify(evaluation=evaluation, entry={"loss": "adaptive-margin"})
    still = run.arm.training.model_copy(update={"learning_rate": 1e-30})
    run = specify(
        evaluation=evaluation,
        entry={"loss": "adaptive-margin"},
        arm=run.arm.__class__(**{**vars(run.arm), "training": still}),
    )
    folder = train(run, context, tmp_path / "whole")
    record, curve = folder.record(), folder.table("curve")
    assert record["stopped"] == "patience"
    assert record["status"] == "done"
    # Points at 16, 32, …: the first at which 32 examples brought nothing is the second after 0.
    assert curve["examples"].tolist() == [0, 16, 32]
    assert record["best_point"] == 0
    again = RunFolder(tmp_path / "stopped" / run.id)
    assert train_with_stops(run, context, again) > 1
    assert (
        again.table("curve")
        .drop(columns="train_seconds")
        .equals(curve[again.table("curve").columns].drop(columns="train_seconds"))
    )
    patient = specify(evaluation=Evaluation(points=6, depth=20), entry={"loss": "adaptive-margin"})
    assert patient.id != run.id


def cross(values, folder, **options):
    study = parse_study(values, "toy")
    outcome = Coordinator(study, folder / "out", folder / "artifacts", None, **options).run()
    return outcome, public.load_results(folder / "out")


def optuna_study(folder):
    """The only one in the storage of `cross`, as Optuna alone sees it."""
    storage = storage_url(folder / "out")
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


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
        "evaluation": {"points": 4, "depth": 100},
    }


class EveryOther(optuna.pruners.BasePruner):
    """Gives up half of the trials at their second point."""

    def prune(self, study, trial) -> bool:
        return trial.number % 2 == 1 and len(trial.intermediate_values) == 2


@pytest.fixture
def every_other(monkeypatch):
    monkeypatch.setattr(optuna.pruners, "EveryOther", EveryOther, raising=False)
    monkeypatch.setitem(pruning.PRUNERS, "median", "EveryOther")


def test_the_median_of_earlier_trials_prunes_a_worse_one(pruned_values, tmp_path):
    study = parse_study(pruned_values, "toy")
    (arm,) = resolve_arms(study)
    proposals = Proposals(OptunaStorage(storage_url(tmp_path)), study, arm, {})
    for number in range(6):
        proposals.get(number)
        value = 0.5 + number / 100
        curve = [(0, 0.1), (16, value)]
        assert not proposals.pruning()(curve)
        proposals.tell(number, value, curve=curve)
    proposals.get(6)
    assert not proposals.pruning()([(0, 0.1)])
    assert not proposals.pruning()([(0, 0.1), (16, 0.53)])
    proposals.tell(6, None, pruned=True, curve=[(0, 0.1), (16, 0.53)])
    proposals.get(7)
    worse = [(0, 0.1), (16, 0.51)]
    assert proposals.pruning()(worse)
    # A run that is taken up again asks again, of other objects; and in another process.
    again = Proposals(OptunaStorage(storage_url(tmp_path)), study, arm, {}).pruning()
    assert again(worse)
    assert pickle.loads(pickle.dumps(again))(worse)


@pytest.mark.slow
def test_a_pruned_trial_is_paid_for_and_never_averaged(pruned_values, tmp_path, every_other):
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
    costs = tuning_costs(Analysis.of(results))
    assert costs["charged"].iloc[0] == pytest.approx(final.cold_seconds)
    assert costs["charged"].iloc[-1] == pytest.approx(final.tuned_seconds)
    assert len(costs) == 1 + len(tuning)

    trials = optuna_study(tmp_path).trials
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


@pytest.mark.slow
def test_a_folder_is_free_as_soon_as_its_study_is_over(toy_values, tmp_path):
    cross({**toy_values, "tuning": {}, "seeds": [1]}, tmp_path)
    assert not [*tmp_path.rglob("*.lease*")]


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"learning_rate": 1e30}, "vectors of .* are not finite"),
        ({"learning_rate": 3e38, "weight_decay": 10.0}, "the weights are not finite at step 1 "),
    ],
)
def test_a_step_that_ruins_the_weights_ends_it(training, said, specify, context, tmp_path):
    run = specify(budget=Budget(steps=1), evaluation=Evaluation(points=1, depth=20))
    changed = run.arm.training.model_copy(update={**training, "warmup": 0.0})
    run = replace(run, arm=replace(run.arm, training=changed))
    with pytest.raises(TrainingError, match=said):
        train(run, context, tmp_path)


@pytest.fixture
def first_time_fails(monkeypatch):
    """The first training of trial 1 fails after its second evaluation point."""
    before = []

    def should_stop(self, original=Run._should_stop):
        if self.specification.seed >= 1_000_000 and len(self.state.curve) == 2:
            before.append(self.specification.id)
            if len(before) == 2:
                raise RuntimeError("no such luck")
        return original(self)

    monkeypatch.setattr(Run, "_should_stop", should_stop)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_trial_retried_with_success_counts(pruner, pruned_values, first_time_fails, tmp_path):
    tuning = pruned_values["tuning"] | {"trials": 3, "pruner": pruner}
    values = {**pruned_values, "tuning": tuning}
    outcome, results = cross(values, tmp_path)
    (failed,) = outcome.failed
    first, second, third = optuna_study(tmp_path).trials
    assert (second.state.name, second.user_attrs["number"]) == ("FAIL", 1)
    assert second.user_attrs["error"] == "RuntimeError: no such luck"
    failed_too = results.ledger.query("role == 'tuning' and phase in ['train', 'evaluate']")
    assert set(failed_too["trial"]) == {0, 1, 2}
    (final,) = results.summary.query("role == 'final'").itertuples()
    spent = final.tuned_seconds - final.cold_seconds
    assert spent == pytest.approx(failed_too["seconds"].sum())
    assert tuning_costs(Analysis.of(results))["seconds"].iloc[-1] == pytest.approx(spent)
    assert cross(values, tmp_path)[0].done_now == 0
    assert len(optuna_study(tmp_path).trials) == 3

    outcome, _ = cross(values, tmp_path, retry_failed=True)
    assert outcome.failed == []
    *kept, again = optuna_study(tmp_path).trials
    assert kept == [first, second, third]
    assert again.state.name == "COMPLETE"
    assert again.params == second.params
    run = {"run": failed.folder.id, "seed": 1_000_000, "train_share": 1.0}
    assert again.user_attrs == {"number": 1, **run}
    assert again.value == failed.folder.record()["select"]
    assert len(again.intermediate_values) == 5
    assert cross(values, tmp_path, retry_failed=True)[0].done_now == 0
    assert len(optuna_study(tmp_path).trials) == 4


def test_a_retried_trial_survives_kills(pruned_values, tmp_path):
    study = parse_study(pruned_values, "toy")
    (arm,) = resolve_arms(study)

    def proposals() -> Proposals:
        return Proposals(OptunaStorage(storage_url(tmp_path)), study, arm, {})

    options = proposals().get(0)
    proposals().tell(0, None, error="first")
    proposals().tell(0, None, error="second")  # the same failure, told by a restart
    assert len(proposals().optuna_study.trials) == 1
    assert proposals().get(0) == options
    proposals().tell(0, None, error="third")
    proposals().tell(0, 0.3, curve=[(0, 0.1), (16, 0.2)])
    proposals().tell(0, 0.3)
    proposals().tell(0, None, error="fourth")  # a value stays one
    trials = proposals().optuna_study.trials
    assert [trial.state.name for trial in trials] == ["FAIL", "COMPLETE"]
    assert [trial.user_attrs.get("error") for trial in trials] == ["first", None]
    assert len({str(trial.params) for trial in trials}) == 1
    assert proposals().get(0) == options
    assert proposals().get(1) != options


@pytest.mark.slow
def test_optunas_own_tools_read_the_storage(toy_values, tmp_path):
    from optuna.visualization import matplotlib as drawn

    arms = [{"loss": "static-margin", "name": "static-margin"}]
    tuning = toy_values["tuning"] | {"trials": 4}
    values = toy_values | {"arms": arms, "baseline": "static-margin", "tuning": tuning}
    _, results = cross(values, tmp_path)
    study = optuna_study(tmp_path)
    assert study.study_name.startswith("static-margin [")
    assert study.metric_names == ["dev-select nDCG@10"]
    assert study.user_attrs["loss"] == "static-margin"
    assert (study.user_attrs["study"], study.user_attrs["budget"]) == ("toy", "96 examples")
    tuned = results.summary.query("role == 'tuning'").reset_index(drop=True)
    table = study.trials_dataframe()
    assert set(table["state"]) == {"COMPLETE"}
    assert table["user_attrs_number"].tolist() == tuned["trial"].tolist()
    assert table["user_attrs_seed"].tolist() == tuned["seed"].tolist()
    assert table["user_attrs_run"].tolist() == tuned["run"].tolist()
    for name in ("training.learning_rate", "loss.margin"):
        assert table[f"params_{name}"].tolist() == pytest.approx(tuned[name].tolist())
    best = results.curves.query("role == 'tuning'").groupby("trial")["dev-select nDCG@10"].max()
    assert table["value_dev-select nDCG@10"].tolist() == best.tolist()
    points = results.curves.query("role == 'tuning'").groupby("trial")["examples"].apply(list)
    assert [list(trial.intermediate_values) for trial in study.trials] == points.tolist()
    assert set(optuna.importance.get_param_importances(study)) == set(study.best_params)
    with warnings.catch_warnings():  # these are experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        assert drawn.plot_optimization_history(study).has_data()
        assert len(drawn.plot_intermediate_values(study).lines) == 4


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "successive-halving"])
def test_a_pruner_says_the_same_when_asked_again(pruner, pruned_values, tmp_path):
    """As after a kill: at the same point, and at one before those that it knows already."""
    pruned_values["tuning"]["pruner"] = pruner
    study = parse_study(pruned_values, "toy")
    (arm,) = resolve_arms(study)
    curves = [[(0, 0.1), (16, 0.1 + at % 4 / 10), (32, 0.9 - at % 3 / 10)] for at in range(8)]

    def decide(folder, killed: bool) -> list[list[bool]]:
        folder.mkdir()
        said = []
        for number, curve in enumerate(curves):
            proposals = Proposals(OptunaStorage(storage_url(folder)), study, arm, {})
            proposals.get(number)
            answers = []
            for points in range(1, len(curve) + 1):
                answers.append(proposals.pruning()(curve[:points]))
                if killed:
                    for before, answer in enumerate(answers, start=1):
                        assert proposals.pruning()(curve[:before]) == answer
                if answers[-1]:
                    break
            done, value = curve[: len(answers)], None if answers[-1] else curve[-1][1]
            if killed:  # after some points were stored
                proposals._describe_curve(proposals._find(number), done[:1])
            proposals.tell(number, value, answers[-1], curve=done)
            said.append(answers)
        return said

    quiet = decide(tmp_path / "quiet", killed=False)
    assert decide(tmp_path / "killed", killed=True) == quiet
    assert {True, False} <= {answer for answers in quiet for answer in answers}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi-random", "grid"])
def test_a_restart_proposes_the_same(sampler, toy_values, tmp_path):
    """Whatever trials a killed process left open, the k-th proposal is the k-th proposal."""
    space = {"learning_rate": [1e-4, 3e-4, 1e-3, 3e-3], "warmup": [0.0, 0.1]}
    tuning = {"trials": 6, "sampler": sampler, "space": space}
    study = parse_study({**toy_values, "tuning": tuning}, "toy")
    arm = resolve_arms(study)[0]

    def ask(folder, restarts: bool) -> list[dict]:
        found = []
        folder.mkdir()
        proposals = Proposals(OptunaStorage(storage_url(folder)), study, arm, {})
        for number in range(6):
            if restarts:
                proposals.optuna_study.ask()  # and killed before it was given its number
                proposals = Proposals(OptunaStorage(storage_url(folder)), study, arm, {})
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
