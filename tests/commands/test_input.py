"""What the commands refuse, list and measure where no study was run."""

import json

import optuna
import pytest

from bench.storage.links import read_links, write_links
from tests.support.collections import write_collection
from tests.support.command_line import call


def test_links_hold_no_password(tmp_path):
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    optuna.create_study(storage=storage, study_name="a [1]")
    mlflow = {"uri": "http://me:secret@host:5000", "experiment": "1", "runs": {"r": "m"}}
    write_links(tmp_path, storage, {"a": "a [1]"}, mlflow)
    assert read_links(tmp_path)["mlflow"]["uri"] == "http://host:5000"
    for uri in ("postgresql://me:s@ecret@host/db", "http://me:se/cret@host/db?token=secret"):
        write_links(tmp_path, storage, {"a": "a [1]"}, {**mlflow, "uri": uri})
        assert read_links(tmp_path)["mlflow"]["uri"].endswith("://host/db")
    write_links(tmp_path, storage, {"a": "a [1]"}, mlflow)
    write_links(tmp_path, storage, {"a": "a [1]"}, None)
    assert read_links(tmp_path)["mlflow"]["runs"] == {"r": "m"}
    (tmp_path / "links.json").write_text("[")
    assert read_links(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing"], "no file and no predefined study"),
        (["run", "toy.toml", "--set", "budget.examples=0"], "greater than 0"),
        (["run", "toy.toml", "--set", "collection=pydcs"], "no folder here, no ir_datasets id"),
        (["run", "toy.toml", "--set", "measures=['nDCG@ten']"], "measure 'nDCG@ten'"),
        (["run", "toy.toml", "--set", "test=['test-other']"], "no part is named 'test-other'"),
        (["run", "toy.toml", "--set", "test=['dev']"], "not a test part"),
        (["run", "toy.toml", "--set", "defaults.student.model=/no/model"], "no such folder"),
        (["run", "toy.toml", "--set", "arms.0.loss=adaptive"], "no entry is named 'adaptive'"),
        (["report", "nowhere"], "no results here"),
        (["report", "a", "b"], "--out DIR"),
        (["report", "a", "--out", "b"], "--out is for several studies"),
        (["status", "nowhere"], "no results here"),
        (["list", "loses"], "did you mean 'losses'"),
        (["evaluate", "pretrained(layers=1)", "--collection", "x"], "no option is named 'layers'"),
        (["evaluate", "pretrained", "--collection", "x/y"], "no folder here, no ir_datasets id"),
        (
            ["evaluate", "pretrained", "--collection", "toy", "--split", "tset"],
            "did you mean 'test",
        ),
        (["evaluate", "pretrained", "--collection", "toy", "--measures", ""], "at least one"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    arguments, message, toy_file, tmp_path, monkeypatch, capsys
):
    write_collection(tmp_path / "toy")
    monkeypatch.chdir(tmp_path)
    code, _, told = call(capsys, *arguments)
    assert code == 2
    assert message in told
    notes = "dev: 6 queries carved"  # of a collection that was read before
    lines = [line for line in told.strip().splitlines() if notes not in line]
    assert len(lines) == 1
    assert not (tmp_path / "results" / "toy").exists()


def test_wrong_usage_is_code_2(capsys):
    assert call(capsys, "run")[0] == 2
    assert call(capsys, "no-such-command")[0] == 2
    assert call(capsys, "evaluate", "pretrained")[0] == 2


@pytest.mark.parametrize(
    "kind", ["losses", "teachers", "students", "samplers", "collections", "studies", "figures"]
)
def test_list(kind, capsys):
    code, out, _ = call(capsys, "list", kind, "--json")
    entries = json.loads(out)
    assert code == 0
    assert entries
    for entry in entries:
        assert entry["name"]
        assert entry["summary"]
    code, out, _ = call(capsys, "list", kind, "--markdown")
    assert code == 0
    assert len(out.splitlines()) == 2 + len(entries)
    assert call(capsys, "list", kind)[0] == 0


def test_evaluate(tmp_path, tiny_model, monkeypatch, capsys):
    """The numbers are those of an outside evaluator reading the run file it wrote."""
    import gzip

    import ir_measures

    write_collection(tmp_path / "toy")
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(
        capsys, "evaluate", str(tiny_model), "--collection", "toy", "--split", "test",
        "--measures", "nDCG@10 AP", "--run", "run.trec.gz", "--json",
    )  # fmt: skip
    assert code == 0
    values = json.loads(out)
    (tmp_path / "run.trec").write_bytes(gzip.decompress((tmp_path / "run.trec.gz").read_bytes()))
    rows = (tmp_path / "toy" / "qrels" / "test.tsv").read_text().splitlines()[1:]
    qrels = [ir_measures.Qrel(q, d, int(r)) for q, d, r in (row.split("\t") for row in rows)]
    run = list(ir_measures.read_trec_run("run.trec"))
    outside = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.AP], qrels, run)
    assert values == pytest.approx({str(measure): value for measure, value in outside.items()})
