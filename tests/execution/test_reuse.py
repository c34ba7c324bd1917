"""Two studies in one folder, and one study changed on the way: what is reused, and what is said."""

import json

import pytest
import tomli_w

import bench as public
from tests.support.command_line import call

pytestmark = pytest.mark.slow


@pytest.fixture
def values(toy_values) -> dict:
    return toy_values | {"seeds": [1], "tuning": {}, "budget": {"examples": 48}}


def run(capsys, folder, values: dict, *more: str) -> str:
    """What the command said, once it ended well; everything in one folder."""
    file = folder / "study.toml"
    file.write_text(tomli_w.dumps(values))
    places = ["--out", str(folder / "out"), "--artifacts", str(folder / "artifacts")]
    code, _, told = call(capsys, "run", str(file), *places, "--no-mlflow", *more)
    assert code == 0, told
    return told


def test_what_changed_is_said_and_only_that_is_done(values, tmp_path, capsys):
    first = run(capsys, tmp_path, values)
    assert "run here before" not in first
    arms = json.loads(json.dumps(values["arms"]))
    arms[0]["name"] = "mine"  # only a new name
    arms[1]["sampler"] = "uniform"  # something else under the old name
    arms.append({"loss": "infonce", "name": "more"})
    changed = values | {"arms": arms, "measures": ["nDCG@10", "R@20"], "name": "other"}
    told = run(capsys, tmp_path, changed)
    assert "the study toy was run here before, and differed; runs that are the same are" in told
    assert "measures: ['nDCG@10', 'RR@10', 'R@100'] → ['nDCG@10', 'R@20']" in told
    assert "arm mine: was called adaptive-margin" in told
    assert "arm static-margin: made of something else" in told
    assert "arm more: is new" in told
    # BM25, the untrained student, the teacher, and the arms that are what they were.
    assert "2 runs done now, 5 were there before" in told
    assert "1 more in" in told
    assert "are of no arm of this study: kept, unused" in told
    summary = public.load_results(tmp_path / "out").summary
    assert set(summary.query("role == 'final'")["arm"]) == {
        *("mine", "static-margin", "margin-mse", "more")
    }
    assert summary["R@20"].notna().all()


def test_a_budget_changed_on_the_way_trains_anew(values, tmp_path, capsys):
    run(capsys, tmp_path, values)
    told = run(capsys, tmp_path, values | {"budget": {"examples": 64}})
    assert "this study was run here before, and differed" in told
    assert "budget.examples: 48 → 64" in told
    assert "3 runs done now, 3 were there before" in told
    # And back: nothing was lost.
    told = run(capsys, tmp_path, values)
    assert "0 runs done now, 6 were there before" in told
    assert "3 more in" in told


def test_a_changed_collection_is_said_with_what_changed(values, tmp_path, capsys):
    from tests.support.collections import write_collection

    values["collection"] = str(write_collection(tmp_path / "texts"))
    run(capsys, tmp_path, values)
    corpus = tmp_path / "texts" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"title": "', '"title": "the '))
    code, planned, _ = call(
        capsys, "plan", str(tmp_path / "study.toml"),
        "--out", str(tmp_path / "out"), "--artifacts", str(tmp_path / "artifacts"),
    )  # fmt: skip
    assert code == 0
    changed = "the collection has changed since 6 finished runs here: folder(path="
    assert changed in planned
    told = run(capsys, tmp_path, values)
    assert changed in told
    assert "(documents); they are kept, unused, and made again" in told
    assert "another --out keeps the two apart" in told
    assert "6 runs done now, 0 were there before" in told


def test_an_unreadable_study_file_is_said(values, tmp_path, capsys):
    run(capsys, tmp_path, values)
    (tmp_path / "out" / "study.toml").write_text("format = 99\n")
    told = run(capsys, tmp_path, values)
    assert "what was here before cannot be compared:" in told
    assert "0 runs done now, 6 were there before" in told


def test_a_later_version_s_record_is_refused(values, tmp_path, capsys):
    run(capsys, tmp_path, values)
    record = next((tmp_path / "out" / "runs").glob("*/run.json"))
    later = json.loads(record.read_text()) | {"format": 99}
    record.write_text(json.dumps(later))
    file = str(tmp_path / "study.toml")
    places = ["--out", str(tmp_path / "out"), "--artifacts", str(tmp_path / "artifacts")]
    code, _, told = call(capsys, "run", file, *places, "--no-mlflow")
    assert code == 2
    assert "its format is 99 and this version reads up to 1" in told
