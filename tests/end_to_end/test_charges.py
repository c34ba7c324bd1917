"""Teachers that cost something: who is charged, whatever happens to what was prepared."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

import bench as public
from bench.results import TIMED
from tests.support.command_line import bench
from tests.support.studies import study_values

pytestmark = pytest.mark.slow


def values(collection: Path, model: Path) -> dict:
    """A cross-encoder fine-tuned here, and an arm without a teacher."""
    teacher = {
        "name": "cross-encoder",
        "model": str(model),
        "max_length": 32,
        "examples": 32,
        "negatives": 2,
    }
    return {
        **study_values(collection, model),
        "budget": {"examples": 48},
        "tuning": {"trials": 1, "space": {"learning_rate": [1e-4, 1e-3]}},
        "baseline": "ranknet",
        "arms": [
            {"loss": "ranknet(temperature=1.0)", "name": "ranknet", "teacher": teacher},
            {"loss": "adaptive-margin"},
        ],
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory, collection_folder, tiny_model) -> Path:
    folder = tmp_path_factory.mktemp("charges")
    (folder / "toy.toml").write_text(tomli_w.dumps(values(collection_folder, tiny_model)))
    result = bench("run", "toy.toml", "--no-mlflow", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder


def test_cold_and_tuned_are_sums_of_the_parts_each_once(place):
    results = public.load_results(place / "results" / "toy")
    ledger = results.ledger[results.ledger["arm"] == "ranknet"]
    trial = ledger[ledger["role"] == "tuning"]
    for run in results.summary.query("role == 'final' and arm == 'ranknet'").itertuples():
        own = ledger[(ledger["role"] == "final") & (ledger["seed"] == run.seed)]
        parts = own[own["phase"].isin(["prepare", "score", "train"])]
        artifacts = parts[parts["phase"] != "train"]
        assert artifacts["what"].is_unique
        kinds = [what.split()[0] for what in artifacts["what"]]
        assert sorted(set(kinds)) == [
            "fine-tuned-teacher", "mined-negatives", "teacher-scores", "tokens",
        ]  # fmt: skip
        assert kinds.count("teacher-scores") == 1
        assert run.cold_seconds == pytest.approx(parts["seconds"].sum())
        # The trial drew pairs of its own, which had to be scored too; the teacher is the same.
        extra = trial[trial["phase"].isin(["prepare", "score"])]
        extra = extra[~extra["what"].isin(artifacts["what"])]
        assert [what.split()[0] for what in extra["what"]] == ["teacher-scores"]
        work = trial[trial["phase"].isin(["train", "evaluate"])]["seconds"].sum()
        tuned = run.cold_seconds + work + extra["seconds"].sum()
        assert run.tuned_seconds == pytest.approx(tuned)
        scored = own[own["phase"] == "score"].iloc[0]
        assert scored["examples"] == 48
        assert scored["flops"] > 0


def test_the_other_arm_pays_nothing_of_the_teacher(place):
    results = public.load_results(place / "results" / "toy")
    rows = results.ledger.query("arm == 'adaptive-margin' and phase in ['prepare', 'score']")
    assert {what.split()[0] for what in rows["what"]} == {"tokens"}


def test_the_teacher_has_a_reference_row(place):
    summary = public.load_results(place / "results" / "toy").summary
    (teacher,) = summary.query("arm == 'teacher'").to_dict("records")
    assert teacher["status"] == "done"
    assert 0 <= teacher["nDCG@10"] <= 1
    assert "pretraining" in teacher["unpriced"]


def test_an_artifact_damaged_or_deleted_in_the_middle_is_made_again(place, tmp_path):
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "results" / "toy"
    before = pd.read_csv(out / "summary.csv")
    runs = before.query("role == 'final' and arm == 'ranknet'")["run"].tolist()
    for run in runs:
        shutil.rmtree(out / "runs" / run)
    root = tmp_path / "results" / "artifacts"
    shutil.rmtree(root / "fine-tuned-teacher")
    file = next(root.glob("teacher-scores/*/values.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    shutil.rmtree(sorted(root.glob("tokens/*"))[0])
    result = bench("run", "toy.toml", "--no-mlflow", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    after = pd.read_csv(out / "summary.csv")
    seconds = list(TIMED)
    pd.testing.assert_frame_equal(after.drop(columns=seconds), before.drop(columns=seconds))


def test_two_processes_at_once_make_the_teacher_once(collection_folder, tiny_model, tmp_path):
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values(collection_folder, tiny_model)))
    command = [sys.executable, "-m", "bench", "run", "toy.toml", "--no-mlflow", "--out"]
    processes = [
        subprocess.Popen([*command, str(tmp_path / name)], cwd=tmp_path, stderr=subprocess.PIPE)
        for name in ("a", "b")
    ]
    for process in processes:
        _, told = process.communicate()
        assert process.returncode == 0, told.decode()
    ledgers = [pd.read_csv(tmp_path / name / "ledger.csv") for name in ("a", "b")]
    for kind in ("fine-tuned-teacher", "mined-negatives"):
        rows = pd.concat([ledger[ledger["what"].str.startswith(kind)] for ledger in ledgers])
        assert rows["what"].nunique() == 1
        assert rows["seconds"].nunique() == 1  # charged alike, whoever made it
    losses = [
        pd.read_csv(tmp_path / name / "curves.csv").query("role == 'final'")["loss"]
        for name in ("a", "b")
    ]
    pd.testing.assert_series_equal(*losses)
