"""`plan` refuses what `run` would, before anything is written."""

import json
from pathlib import Path

import pytest
import tomli_w

from tests.support.command_line import call
from tests.support.models import write_model


@pytest.fixture
def refused(toy_values, tmp_path, monkeypatch, capsys):
    """What both commands say of a study with these keys changed, once both have refused it."""
    monkeypatch.chdir(tmp_path)

    def refused(**changes) -> str:
        (tmp_path / "toy.toml").write_text(tomli_w.dumps({**toy_values, **changes}))
        told = {}
        for command in ("plan", "run"):
            more = ["--no-mlflow"] if command == "run" else []
            code, _, told[command] = call(capsys, command, "toy.toml", *more)
            assert code == 2, told
        assert told["plan"] == told["run"]
        assert told["run"].strip().count("\n") == 0
        assert not (tmp_path / "results" / "toy").exists()
        return told["run"]

    return refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measures": ["nonsense@10"]}, "measure 'nonsense@10'"),
        ({"collection": "no/such/thing"}, "collection 'no/such/thing': no folder here"),
        ({"test_collections": {"more": "no/such"}}, "collection 'no/such': no folder here"),
        ({"test": ["test-nope"]}, "no part is named 'test-nope', did you mean 'test'?"),
        ({"training": {"learning_rate": float("inf")}}, "training.learning_rate: "),
        ({"defaults": {"student": "truncated(layers=99)"}}, "arm 'adaptive-margin': layers: 99"),
        ({"defaults": {"student": "pretrained(model='./none')"}}, "model './none': there is no"),
        ({"defaults": {"sampler": "mined(by='bi-encodr')"}}, "did you mean 'bi-encoder'?"),
        ({"defaults": {"sampler": "mined(by='cross-encoder')"}}, "cross-encoder cannot search"),
        (
            {"defaults": {"sampler": "mined(by='bi-encoder(model=\"./none\")')"}},
            "arm 'adaptive-margin': model './none': there is no such folder",
        ),
        (
            {"defaults": {"sampler": "listwise(by='bi-encoder(model=\"./none\")')"}},
            "arm 'adaptive-margin': model './none': there is no such folder",
        ),
        (
            {"defaults": {"sampler": "topic-balanced(margins_by=\"precomputed(path='none')\")"}},
            "precomputed: none: there is no such file",
        ),
        (
            {
                "defaults": {"sampler": "generated(by='seq2seq(model=\"./none\")')"},
                "arms": [{"loss": "margin-mse", "name": "margin-mse", "teacher": "bi-encoder"}],
            },
            "arm 'margin-mse': model './none': there is no such folder",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_both_in_the_same_words(refused, changes, message):
    assert message in refused(**changes)


def test_scores_that_are_not_there(refused):
    arm = {"loss": "margin-mse", "name": "margin-mse", "teacher": "precomputed(path='none.jsonl')"}
    told = refused(arms=[arm])
    assert "arm 'margin-mse': precomputed: none.jsonl: there is no such file" in told


def test_weights_that_do_not_fit(refused, tmp_path):
    folder = write_model(tmp_path / "narrow", width=32)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 48}))
    student = {"name": "pretrained", "model": str(folder)}
    assert f"model '{folder}'" in refused(defaults={"student": student})
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert f"model '{folder}'" in refused(defaults={"student": student})


def test_a_part_of_a_collection_that_is_not_here_yet(toy_values, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    values = {**toy_values, "collection": "pydocs(documents=300)"}
    Path("toy.toml").write_text(tomli_w.dumps({**values, "test": ["test", "test-unsen"]}))
    code, _, told = call(capsys, "plan", "toy.toml")
    assert code == 2
    assert "no part is named 'test-unsen', did you mean 'test-unseen'?" in told
    values["defaults"]["student"] = "pretrained(model='nobody/has-this')"
    Path("toy.toml").write_text(tomli_w.dumps({**values, "test": ["test", "test-unseen"]}))
    code, out, _ = call(capsys, "plan", "toy.toml")
    assert code == 0
    assert "not looked at, as it is not here yet: the collection, nobody/has-this" in out
