"""What a study will take: every number checked by hand, and once against a real run."""

import os
import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pytest
import tomli_w

from bench.commands.plan import plan_study
from bench.errors import InputError
from bench.execution.coordinator import Coordinator
from bench.execution.forecast import Forecast
from bench.execution.jobs import Job
from bench.execution.past import read_all
from bench.execution.plan import plan_arm, plan_references, preparations_of
from bench.execution.probe import probe_study
from bench.storage.finished_run import FinishedRun
from bench.study.schema import Study, parse_study
from tests.support.command_line import bench
from tests.support.studies import study_values

CROSS = "cross-encoder(max_length=32)"


def study(**changes) -> Study:
    """Two seeds, one trial, 100 examples in batches of 10, four evaluation points."""
    values = {
        "name": "new",
        "title": "New",
        "collection": "pydocs",
        "seeds": [1, 2],
        "baseline": "a",
        "budget": {"examples": 100},
        "training": {"batch_size": 10},
        "evaluation": {"points": 4},
        "tuning": {"trials": 1, "space": {"learning_rate": [1e-4, 1e-3]}},
        "arms": [{"name": "a", "loss": "adaptive-margin"}],
    }
    return parse_study(values | changes, "test")


def write_past(folder: Path, asked: Study, rows: list[tuple], made: float | None = None) -> None:
    """A study's folder: rows are (arm, role, trial, seed, entries, examples, bills)."""
    folder.mkdir(parents=True)
    asked.write(folder / "study.toml")
    runs, ledger = [], []
    for number, (arm, role, trial, seed, entries, examples, bills) in enumerate(rows):
        label = {"arm": arm, "role": role, "trial": trial, "seed": seed}
        more = {"status": "done", "examples": examples, "steps": examples // 10}
        runs.append(
            {
                "study": asked.name,
                **label,
                **entries,
                **more,
                "run": f"run{number}",
                "parameters": 1000,
            }
        )
        for phase, what, seconds, of in bills:
            bill = {"phase": phase, "what": what, "seconds": seconds, "examples": of}
            ledger.append({**label, **bill, "device": "cpu", "reused": False})
    pd.DataFrame(runs).to_csv(folder / "summary.csv", index=False)
    pd.DataFrame(ledger).to_csv(folder / "ledger.csv", index=False)
    if made:
        os.utime(folder / "ledger.csv", (made, made))


ENTRIES = {"loss": "", "teacher": "none", "student": "pretrained", "sampler": "uniform"}
TOKENS = ("prepare", "tokens 00000000000000aa", 7.0, 0)


def own(train: float, examples: int = 50, test: float = 6.0) -> list[tuple]:
    return [
        ("start", "run", 1.0, 0),
        ("train", "run", train, examples),
        ("evaluate", "run", 8.0, 0),
        ("save", "run", 2.0, 0),
        ("test", "test", test, 0),
    ]


@pytest.fixture
def results(tmp_path) -> Path:
    """An earlier study beside the new one's folder: half the examples, two evaluation points."""
    past = study(
        name="old",
        budget={"examples": 50},
        evaluation={"points": 2},
        tuning={},
        arms=[
            {"name": "a", "loss": "adaptive-margin"},
            {"name": "mse", "loss": "margin-mse", "teacher": CROSS},
            {"name": "ance", "loss": "infonce", "sampler": "mined(by='student', refresh=2)"},
        ],
    )
    scores = ("score", "teacher-scores 00000000000000bb", 25.0, 50)
    teacher = ("prepare", "teacher 00000000000000cc", 30.0, 0)
    ance = {"sampler": 'mined(by="student", refresh=2)'}
    untrained = {"loss": "", "teacher": "", "student": "pretrained", "sampler": ""}
    rows = [
        ("a", "final", 0, 1, ENTRIES, 50, [*own(10.0), TOKENS]),
        ("a", "final", 0, 2, ENTRIES, 50, [*own(20.0), TOKENS]),
        ("mse", "final", 0, 1, {**ENTRIES, "teacher": CROSS}, 50,
         [*own(5.0), TOKENS, scores, teacher]),
        # 5 steps: it mined at the steps 0, 2 and 4.
        ("ance", "final", 0, 1, {**ENTRIES, **ance}, 50, [*own(5.0), ("mine", "run", 9.0, 0)]),
        ("untrained", "reference", -1, 0, untrained, 0,
         [("start", "reference", 10.0, 0), ("evaluate", "reference", 2.0, 0), TOKENS]),
    ]  # fmt: skip
    write_past(tmp_path / "old", past, rows)
    return tmp_path


def planned(asked: Study, out: Path, name: str = "a", finished=MappingProxyType({})):
    from bench.study.arms import resolve_arms

    arm = next(arm for arm in resolve_arms(asked) if arm.name == name)
    return plan_arm(asked, arm, Forecast(read_all(out)), finished)


def prepared_for(asked: Study, out: Path, artifacts: Path):
    from bench.study.arms import resolve_arms

    arms, forecast = resolve_arms(asked), Forecast(read_all(out))
    plans = [plan_arm(asked, arm, forecast, {}) for arm in arms]
    references = plan_references(asked, arms, forecast, {})
    return preparations_of(asked, plans, references, artifacts)


def test_an_exact_match(results):
    plan = planned(study(), results / "new")
    assert plan.rates.like == ""
    # (10 + 20) s for 2 × 50 examples; 2 × 8 s for 2 × 2 points (point 0 is looked up).
    assert plan.run == {
        "training": pytest.approx(100 * 0.3),
        "mining by the student": 0.0,
        "dev evaluations": pytest.approx(4 * 4.0),
        "starting and saving": pytest.approx(3.0),
        "test": pytest.approx(6.0),
    }
    assert (plan.done, plan.trials, plan.seeds) == (0, 1, [1, 2])
    assert sum(plan.missing.values()) == pytest.approx(3 * (30 + 16 + 3) + 2 * 6)


def test_the_newest_match_counts(results):
    faster = [("a", "final", 0, 1, ENTRIES, 50, own(1.0))]
    write_past(results / "newer", study(name="newer"), faster, made=time.time() + 100)
    write_past(results / "oldest", study(name="oldest"), faster, made=100.0)
    assert planned(study(), results / "new").run["training"] == pytest.approx(100 * 1 / 50)


def test_what_is_ignored_where_there_is_no_exact_match(results):
    arms = [
        {"name": "a", "loss": "infonce"},
        {"name": "b", "loss": "infonce", "sampler": "uniform(negatives=2)"},
        {"name": "c", "loss": "infonce", "student": "static"},
        {"name": "d", "loss": "margin-mse", "teacher": "bi-encoder"},
        {"name": "e", "loss": "static-margin", "sampler": "mined(by='student', refresh=5)"},
    ]
    asked = study(arms=arms)
    plans = {arm["name"]: planned(asked, results / "new", arm["name"]) for arm in arms}
    assert plans["a"].rates.like == "another loss"
    assert plans["a"].run["training"] == pytest.approx(30)
    assert plans["b"].rates.like == "another loss and sampler"
    assert plans["c"].rates is plans["c"].run is plans["c"].missing is None  # another student
    assert plans["d"].rates is None  # another teacher
    # 10 steps mine at 0 and 5; the past ones took 9 s for three.
    assert plans["e"].run["mining by the student"] == pytest.approx(2 * 3.0)
    _, unclear = prepared_for(asked, results / "new", results / "artifacts")
    assert unclear == ["b", "c", "d", "e"]
    for changes in (
        {"collection": "elsewhere"},
        {"training": {"batch_size": 20}},
        {"evaluation": {"pool": 9}},
    ):
        assert planned(study(**changes), results / "new").rates is None, changes


def test_budgets_of_steps_and_seconds(results):
    steps = planned(study(budget={"steps": 4}), results / "new")
    assert steps.run["training"] == pytest.approx(4 * 10 * 0.3)
    seconds = planned(study(budget={"seconds": 33}), results / "new")
    assert seconds.run["training"] == 33


def test_scores_are_due_per_example_and_seed_and_artifacts_once(results):
    arms = [
        {"name": "a", "loss": "adaptive-margin"},
        {"name": "mse", "loss": "margin-mse", "teacher": CROSS},
        {"name": "too", "loss": "ranknet", "teacher": CROSS},
    ]
    asked, artifacts = study(arms=arms), results / "artifacts"

    def by_kind():
        found, unclear = prepared_for(asked, results / "new", artifacts)
        assert not unclear
        table = pd.DataFrame([vars(one) for one in found]).groupby(["kind", "there"])["seconds"]
        return {key: list(values) for key, values in table}

    # 25 s for 50 examples: 50 s for each of two seeds and for tuning, whichever arm needs them.
    scoring = [pytest.approx(50.0)] * 3
    assert by_kind() == {
        ("tokens", False): [7.0],
        ("teacher", False): [30.0],
        ("teacher-scores", False): scoring,
    }
    (artifacts / "tokens" / "00000000000000aa").mkdir(parents=True)
    (artifacts / "teacher-scores" / "00000000000000bb").mkdir(parents=True)
    assert by_kind() == {
        ("tokens", True): [7.0],
        ("teacher", False): [30.0],
        ("teacher-scores", False): scoring,  # those there are for fewer examples
    }
    asked = study(arms=arms, budget={"examples": 50}, evaluation={"points": 1}, tuning={})
    assert by_kind()["teacher-scores", True] == [25.0]
    assert by_kind()["teacher-scores", False] == [25.0]  # the other seed
    asked = study(arms=arms, budget={"seconds": 10})
    assert ("teacher-scores", False) not in by_kind()  # scored while training


def test_references(results):
    from bench.study.arms import resolve_arms

    asked = study(arms=[{"name": "a", "loss": "margin-mse", "teacher": CROSS}])
    forecast = Forecast(read_all(results / "new"))
    rows = plan_references(asked, resolve_arms(asked), forecast, {})
    # The untrained student started for 10 s, 7 of which were its artifact's.
    assert [(row.label, row.done, row.seconds) for row in rows] == [
        ("bm25", False, None),
        ("untrained pretrained", False, pytest.approx(3.0 + 2.0)),
        (f"teacher {CROSS}", False, None),
    ]


def finished_run(status: str = "done") -> FinishedRun:
    return FinishedRun("0123456789abcdef", {"status": status})


def test_done_runs_are_subtracted(results):
    done = {
        Job("tuning", "a", trial=0, seed=1_000_000): finished_run(),
        Job("final", "a", seed=1): finished_run(),
        Job("reference", "bm25"): finished_run(),
    }
    plan = planned(study(), results / "new", finished=done)
    assert (plan.done, plan.trials, plan.seeds) == (2, 0, [2])
    assert sum(plan.missing.values()) == pytest.approx(30 + 16 + 3 + 6)
    more = planned(study(seeds=[1, 2, 3]), results / "new", finished=done)
    assert (more.done, more.seeds) == (2, [2, 3])


@pytest.mark.parametrize("status", ["failed", "pruned"])
def test_nothing_more_is_planned_of_an_arm_without_a_trial_to_choose_by(results, status):
    given_up = {Job("tuning", "a", trial=0, seed=1_000_000): finished_run(status)}
    plan = planned(study(), results / "new", finished=given_up)
    assert (plan.done, plan.to_come, plan.missing) == (1, 0, {})


def test_kept_students(results):
    forecast = Forecast(read_all(results / "new"))
    assert forecast.kept_bytes("pretrained") == 4 * 1000
    assert forecast.kept_bytes("static") is None
    kept = results / "old" / "runs" / "run1" / "student"
    kept.mkdir(parents=True)
    (kept / "weights").write_bytes(bytes(123))
    assert forecast.kept_bytes("pretrained") == 123


def test_a_folder_that_cannot_be_read_is_left_out(results):
    known = len(read_all(results / "new"))
    assert known == 5
    for name in ("one", "two", "three"):
        write_past(results / name, study(), [("a", "final", 0, 1, ENTRIES, 50, own(1.0))])
    (results / "one" / "study.toml").write_text("title =")
    (results / "two" / "summary.csv").write_text("")
    (results / "three" / "ledger.csv").write_text("arm,role\na,final\n")
    assert len(read_all(results / "new")) == known


def test_a_probe_is_the_study_in_miniature():
    arms = [{"name": "a", "loss": "static-margin", "space": {"margin": [0.1, 0.2]}}]
    small = probe_study(study(arms=arms))
    assert (small.budget.examples, small.seeds, small.tuning.trials) == (30, [1], 0)
    assert small.evaluation.shares() == [1.0]
    assert not small.keep_students
    assert probe_study(study(budget={"steps": 4})).budget.steps == 3
    assert probe_study(study(budget={"seconds": 5})).budget.steps == 3
    few = study(budget={"examples": 20}, evaluation={"points": 2})
    assert probe_study(few).budget.examples == 20


def test_a_thousand_runs_are_planned_at_once_and_nothing_heavy_is_imported(tmp_path):
    arms = [{"loss": {"name": "static-margin", "margin": n / 1000}} for n in range(1, 201)]
    asked = study(seeds=[1, 2, 3, 4, 5], tuning={}, arms=arms, baseline="static-margin(margin=0.1)")
    (tmp_path / "large.toml").write_text(asked.to_toml())
    code = """
        import sys
        sys.argv = ["bench", "plan", "large.toml"]
        from bench import cli
        try:
            cli.main()
        except SystemExit as end:
            assert not end.code, end.code
        heavy = {"torch", "transformers", "mlflow", "optuna", "ir_datasets"} & set(sys.modules)
        assert not heavy, heavy
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of a processor: whatever else the machine does just now is no part of it.
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert "1,000 final runs" in result.stdout
    assert "time: unknown (try --probe)" in result.stdout
    assert seconds < 3, seconds
    assert {path.name for path in tmp_path.iterdir()} == {"large.toml"}


def test_what_cannot_work_is_refused(tmp_path):
    arms = [{"name": "blind", "loss": "margin-mse"}]
    (tmp_path / "bad.toml").write_text(study(arms=arms, baseline="blind").to_toml())
    result = bench("plan", "bad.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert "arm 'blind': margin-mse needs scores from a teacher, and none" in result.stderr
    assert result.stderr.strip().count("\n") == 0
    with pytest.raises(InputError):
        plan_study("nothing", [], None, tmp_path, probe=False)


@pytest.mark.slow
def test_a_probes_forecast_holds(tmp_path, collection_folder, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(study_values(collection_folder, tiny_model)))
    out, artifacts = tmp_path / "results" / "toy", tmp_path / "results" / "artifacts"
    plan_study("toy.toml", [], out, artifacts, probe=True)
    told = capsys.readouterr().out
    assert f"seconds of 3 arms: {out / 'probe'}, from 3 steps a run" in told
    assert "unknown" not in told
    assert "at least" not in told
    made = {path: path.stat().st_mtime for path in artifacts.glob("*/*/artifact.json")}
    assert {path.parent.parent.name for path in made} >= {"tokens", "teacher-embeddings"}

    asked = parse_study(study_values(collection_folder, tiny_model), "toy")
    plan_study("toy.toml", [], out, artifacts, probe=False)  # the probe is remembered
    again = capsys.readouterr().out
    assert again == told
    assert "time: " in told
    plans = [planned(asked, out, name) for name in ("adaptive-margin", "static-margin")]
    plans.append(planned(asked, out, "margin-mse"))
    forecast = sum(sum(plan.missing.values()) for plan in plans)
    since = time.perf_counter()
    outcome = Coordinator(asked, out, artifacts, None).run()
    real = time.perf_counter() - since
    assert not outcome.failed
    with capsys.disabled():
        print(f"forecast {forecast:.1f} s, real {real:.1f} s")
    assert real / 3 < forecast < real * 3, (forecast, real)
    known = {path: path.stat().st_mtime for path in artifacts.glob("*/*/artifact.json")}
    assert {path: known.get(path) for path in made} == made
    plan_study("toy.toml", [], out, artifacts, probe=False)
    assert "time: 0 s" in capsys.readouterr().out
