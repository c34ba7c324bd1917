"""The commands as a stranger uses them: what they print, write, refuse and return."""

import json
import re
import shutil
from pathlib import Path

import optuna
import pandas as pd
import pytest

import bench as public
from bench.results import CLOCKS, ERRORS, LABELS, PACE, SIZES, SPEEDS, TENTHS
from tests.support.command_line import bench, call
from tests.support.studies import study_values

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory, collection_folder, tiny_model) -> Path:
    """A folder with a study file, its finished results, and MLflow's store."""
    import tomli_w

    folder = tmp_path_factory.mktemp("place")
    values = study_values(collection_folder, tiny_model)
    (folder / "toy.toml").write_text(tomli_w.dumps(values))
    result = bench("run", "toy.toml", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder


def test_run_says_what_it_does_and_where_things_are(place):
    told = (place / "stderr").read_text()
    assert "3 arms: 6 tuning trials and 6 final runs (2 seeds), budget 96 examples a run" in told
    assert re.search(r"\[15/15\] [a-z-]+ · final · trial \d · seed 2", told)
    assert "left" in told
    assert "report: results/toy/report/index.html" in told
    assert "margin-mse" in (place / "stdout").read_text()


def test_what_a_study_leaves_behind(place):
    out = place / "results" / "toy"
    for name in ("study.toml", "optuna.db", "summary.csv", "curves.csv", "ledger.csv"):
        assert (out / name).is_file(), name
    for name in ("index.html", "figures/convergence.svg", "figures/time-to-quality.png"):
        assert (out / "report" / name).is_file(), name
    assert (place / "results" / "mlflow.db").is_file()
    assert (place / "results" / "artifacts").is_dir()
    assert not list(out.rglob("*.part"))
    assert {path.name for path in place.iterdir()} == {"toy.toml", "results", "stdout", "stderr"}


def test_summary_has_a_row_a_run(place):
    results = public.load_results(place / "results" / "toy")
    summary = results.summary
    first = ["study", "arm", "role", "loss", "teacher", "student", "sampler", "trial", "seed"]
    assert list(summary.columns[:10]) == [*first, "status"]
    assert list(summary.columns[10:]) == [
        "training.learning_rate", "loss.margin", "examples", "steps", *CLOCKS, *SIZES, *SPEEDS,
        "nDCG@10", "RR@10", "R@100",
        "retention", "retention_of",
        "train_share", *LABELS, *ERRORS, *PACE, *TENTHS, "peak_memory",
        "best_point", "stopped", "unpriced", "environment", "run", "error",
    ]  # fmt: skip
    roles = summary.groupby(["role", "arm"]).size().to_dict()
    arms = ("adaptive-margin", "static-margin", "margin-mse")
    assert roles == {
        **{("tuning", arm): 2 for arm in arms},
        **{("final", arm): 2 for arm in arms},
        **{("reference", arm): 1 for arm in ("bm25", "untrained", "teacher")},
    }
    assert (summary["status"] == "done").all()
    tuning, final = (summary[summary["role"] == role] for role in ("tuning", "final"))
    assert tuning["nDCG@10"].isna().all()  # test is never measured while choosing
    assert final["nDCG@10"].between(0, 1).all()
    assert (tuning["seed"] >= 1_000_000).all()
    assert not (results.ledger.query("role == 'tuning'")["phase"] == "test").any()
    by_query = results.queries.query("role == 'final'").groupby("run")["nDCG@10"].mean()
    for run in final.itertuples():
        assert by_query[run.run] == pytest.approx(final.loc[run.Index, "nDCG@10"])


def test_charges_by_hand(place):
    """Every clock of summary.csv is a sum over ledger.csv."""
    results = public.load_results(place / "results" / "toy")
    for run in results.summary.query("role == 'final'").itertuples():

        def bills(role: str, *phases: str, arm: str = run.arm):
            ledger = results.ledger
            rows = ledger[(ledger["arm"] == arm) & (ledger["role"] == role)]
            return rows[rows["phase"].isin(phases)]

        mine = bills("final", "train", "prepare")
        mine = mine[mine["seed"] == run.seed]
        assert run.cold_seconds == pytest.approx(mine["seconds"].sum())
        tuning = bills("tuning", "train", "evaluate")["seconds"].sum()
        assert run.tuned_seconds == pytest.approx(run.cold_seconds + tuning)
        made = mine[mine["phase"] == "prepare"]["what"]
        assert made.is_unique
        assert any("teacher-embeddings" in what for what in made) == (run.arm == "margin-mse")


def test_bill_prints_who_pays_for_what(place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "240")
    code, out, _ = call(capsys, "bill", str(place / "results" / "toy"))
    assert code == 0
    results = public.load_results(place / "results" / "toy")
    final = results.summary.query("role == 'final'").groupby("arm")
    for arm, seconds in final["cold_seconds"].mean().items():
        (row,) = [line for line in out.splitlines() if line.startswith(f"│ {arm} ")]
        assert f" {seconds:,.1f} " in row
    rows = [line for line in out.splitlines() if "teacher-embeddings" in line]
    assert {row.split("│")[-2].strip() for row in rows} == {"margin-mse"}
    assert "nobody is charged for the training of" in out


def test_artifacts_are_listed_checked_and_pruned(place, tmp_path, capsys):
    copy = tmp_path / "results"
    shutil.copytree(place / "results", copy)
    root = copy / "artifacts"
    code, out, _ = call(capsys, "artifacts", "--root", str(root), "--json")
    assert code == 0
    entries = json.loads(out)
    kinds = {entry["kind"] for entry in entries}
    assert {"tokens", "teacher-embeddings", "mined-negatives"} <= kinds
    used = {entry["kind"]: entry["used"] for entry in entries}
    assert used["teacher-embeddings"]
    assert not used["untrained-ranking"]  # of nobody's bill: it measures, and trains nothing
    (mined,) = root.glob("mined-negatives/*/ranks.npy")
    content = mined.read_bytes()
    mined.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, out, err = call(capsys, "artifacts", "--root", str(root))
    assert code == 1
    assert f"mined-negatives {mined.parent.name}: ranks.npy is damaged" in err
    code, out, _ = call(capsys, "artifacts", "--root", str(root), "--prune")
    assert code == 0
    assert not list(root.glob("untrained-ranking/*"))
    assert list(root.glob("teacher-embeddings/*"))
    assert call(capsys, "artifacts", "--root", str(tmp_path / "none"))[0] == 2


def test_the_choice_is_the_best_on_dev_select(place):
    results = public.load_results(place / "results" / "toy")
    curves = results.curves[results.curves["role"] == "tuning"]
    best = curves.groupby(["arm", "trial"])["dev-select nDCG@10"].max()
    tuning = results.summary.query("role == 'tuning'").set_index(["arm", "trial"])
    for arm, rows in results.summary.query("role == 'final'").groupby("arm"):
        trial = int(best[arm].idxmax())
        assert set(rows["trial"]) == {trial}
        chosen = tuning.loc[(arm, trial), "training.learning_rate"]
        assert set(rows["training.learning_rate"]) == {chosen}


def test_optunas_own_tools_open_the_storage(place):
    storage = f"sqlite:///{place / 'results' / 'toy' / 'optuna.db'}"
    summary = public.load_results(place / "results" / "toy").summary
    tuning = summary[summary["role"] == "tuning"]
    names = {found.study_name for found in optuna.get_all_study_summaries(storage)}
    assert {name.split(" [")[0] for name in names} == set(tuning["arm"])
    for name in names:
        trials = optuna.load_study(study_name=name, storage=storage).trials
        assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE"]
        rows = tuning[tuning["arm"] == name.split(" [")[0]]
        rates = [trial.params["training.learning_rate"] for trial in trials]
        assert rates == pytest.approx(rows["training.learning_rate"].tolist())


def test_mlflow_has_the_runs_below_their_arms(place):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{place / 'results' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("toy")
    runs = client.search_runs([experiment.experiment_id])
    by_id = {run.info.run_id: run for run in runs}
    children = [run for run in runs if run.data.tags["bench.kind"] == "run"]
    assert len(children) == 15
    for run in children:
        assert run.info.status == "FINISHED"
        parent = by_id[run.data.tags["mlflow.parentRunId"]]
        assert parent.info.run_name == run.data.params["arm"]
    final = next(run for run in children if run.data.params["role"] == "final")
    history = client.get_metric_history(final.info.run_id, "nDCG_at_10")
    assert [point.step for point in history] == [0, 32, 64, 96]
    study = next(run for run in runs if run.data.tags["bench.kind"] == "study")
    names = {item.path for item in client.list_artifacts(study.info.run_id)}
    assert names == {"study.toml", "summary.csv", "curves.csv", "ledger.csv", "report"}


def test_links_lead_to_mlflow_and_optuna(place):
    from mlflow import MlflowClient

    folder = place / "results" / "toy"
    links = json.loads((folder / "links.json").read_text())
    assert links["mlflow"]["uri"] == "sqlite:///results/mlflow.db"  # from where it was run
    client = MlflowClient(f"sqlite:///{place / 'results' / 'mlflow.db'}")
    summary = public.load_results(folder).summary
    assert set(links["mlflow"]["runs"]) == set(summary["run"])
    for run, logged in links["mlflow"]["runs"].items():
        found = client.get_run(logged)
        assert found.data.tags["bench.run"] == run
        assert found.info.experiment_id == links["mlflow"]["experiment"]
    storage = f"sqlite:///{folder / links['optuna']['storage']}"
    known = {found._study_id: found.study_name for found in optuna.get_all_study_summaries(storage)}
    arms = {arm: known[number].split(" [")[0] for arm, number in links["optuna"]["studies"].items()}
    assert arms
    assert all(arm == name for arm, name in arms.items())


def test_mlflow_may_fail(place, tmp_path):
    result = bench(
        "run", str(place / "toy.toml"), "--out", str(place / "results" / "toy"),
        "--artifacts", str(place / "results" / "artifacts"),
        cwd=tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "MLflow: http://127.0.0.1:9 does not answer; training goes on" in result.stderr
    assert "MLflow: 15 runs and the report wait for it" in result.stderr


def test_a_report_shows_what_is_asked_for(place, tmp_path, capsys):
    folder = tmp_path / "toy"
    shutil.copytree(place / "results" / "toy", folder, ignore=shutil.ignore_patterns("student"))
    asked = ["--arms", "adaptive-*", "--measure", "RR@10", "--style", "slide", "--font-size", "20"]
    code, out, _ = call(capsys, "report", str(folder), *asked)
    assert code == 0
    assert "report/index.html" in out.replace("\n", "")
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert "Shown by RR@10; nDCG@10 is what everything was chosen by." in page
    code, _, told = call(capsys, "report", str(folder), "--style", "slides")
    assert (code, told.strip()) == (2, "bench: no style 'slides', did you mean 'slide'?")
    assert (folder / "report" / "index.html").read_text("utf-8") == page


def test_status(place, capsys):
    code, out, _ = call(capsys, "status", str(place / "results" / "toy"))
    assert code == 0
    assert "nothing is missing" in out
    assert out.count("2/2") == 6


def test_report_again_gives_the_same_files(place, capsys):
    report = place / "results" / "toy" / "report"
    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    code, _, _ = call(capsys, "report", str(report.parent))
    assert code == 0
    assert before == {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}


def test_adding_an_arm_trains_that_arm_alone(place, tmp_path, collection_folder, tiny_model):
    import shutil

    import tomli_w

    shutil.copytree(place / "results", tmp_path / "results")
    values = study_values(collection_folder, tiny_model)
    values["title"] = "renamed"
    values["measures"] = ["nDCG@10", "RR@10", "R@5"]
    values["arms"].append({"loss": "infonce(temperature=0.05)"})
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    result = bench("run", "toy.toml", "--no-mlflow", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "4 runs done now, 15 were there before" in result.stderr
    summary = pd.read_csv(tmp_path / "results" / "toy" / "summary.csv")
    assert summary.query("role != 'tuning'")["R@5"].notna().all()
    assert pd.read_csv(tmp_path / "results" / "toy" / "curves.csv")["R@5"].notna().all()


def test_a_failing_run_is_kept_as_failed(tmp_path, collection_folder, tiny_model):
    import tomli_w

    values = study_values(collection_folder, tiny_model)
    values |= {"tuning": {}, "arms": [{"loss": "adaptive-margin"}], "baseline": "adaptive-margin"}
    values["training"] |= {"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0}
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    for _ in range(2):
        result = bench("run", "toy.toml", "--no-mlflow", cwd=tmp_path)
        assert result.returncode == 1
        assert "2 runs failed: adaptive-margin (final, seed 1)" in result.stderr
        assert "--retry-failed" in result.stderr
        assert "Traceback" not in result.stderr
    assert "0 runs done now" in result.stderr
    summary = pd.read_csv(tmp_path / "results" / "toy" / "summary.csv")
    failed = summary.query("role == 'final'")
    assert (failed["status"] == "failed").all()
    assert failed["error"].str.contains("not finite").all()


def test_a_trained_student_can_be_evaluated(place, monkeypatch, capsys, collection_folder):
    monkeypatch.chdir(place)
    summary = public.load_results("results/toy").summary
    run = summary.query("role == 'final'").iloc[0]
    student = f"results/toy/runs/{run['run']}/student"
    arguments = ["evaluate", student, "--collection", str(collection_folder), "--json"]
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert json.loads(out)["nDCG@10"] == pytest.approx(run["nDCG@10"], abs=1e-9)


def test_two_at_once_are_refused(place, capsys, monkeypatch):
    from bench.storage.locks import study_lock

    monkeypatch.chdir(place)
    with study_lock(place / "results" / "toy"):
        code, _, told = call(capsys, "run", "toy.toml", "--no-mlflow")
    assert code == 1
    assert "another `bench run` is at work there" in told
