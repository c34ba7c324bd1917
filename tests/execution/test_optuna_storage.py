"""Optuna's storage elsewhere than in the study's folder; servers are in tests/services."""

from pathlib import Path

import pytest
import tomli_w

from bench.errors import InputError
from bench.execution.optuna_storage import OptunaStorage
from tests.support.command_line import call
from tests.support.tables import assert_same, tables


@pytest.mark.slow
def test_a_journal_file_gives_the_same_tables(toy_values, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(tomli_w.dumps(toy_values | {"seeds": [1]}))

    def run(out: str, *more: str) -> str:
        places = ["--out", out, "--artifacts", "a", "--no-mlflow"]
        code, _, told = call(capsys, "run", "toy.toml", *places, *more)
        assert code == 0, told
        return told

    run("quiet")
    run("out", "--storage", "journal:shared/trials.log")
    assert Path("shared/trials.log").stat().st_size > 1000
    assert_same(Path("out"), tables(Path("quiet")))
    # Nothing is done again with it, nor by who has the study's folder alone.
    assert "0 runs done now" in run("out", "--storage", "journal:shared/trials.log")
    Path("shared/trials.log").unlink()
    assert "0 runs done now" in run("out")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "it is written like postgresql://USER@HOST/DATABASE or journal:FILE"),
        ("nonsense://u:secret@h/d", "it is written like postgresql://USER@HOST/DATABASE"),
        ("oracle://u:secret@h/d", "its driver is not installed"),
    ],
)
def test_what_cannot_be_opened_is_refused(url, why):
    with pytest.raises(InputError) as caught:
        _ = OptunaStorage(url).backend
    assert why in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_missing_is_not_made(tmp_path):
    for url in (f"sqlite:///{tmp_path}/optuna.db", f"journal:{tmp_path}/trials.log"):
        assert OptunaStorage(url).trials("a [1]") is None
    assert not list(tmp_path.iterdir())
