"""Every file of a study's folder, damaged in every way: one line that names it, never a traceback,
and what is told to do mends it."""

import re
import shutil
from pathlib import Path

import pytest

from bench.errors import InputError
from bench.execution.optuna_storage import check_storage
from bench.results import read_table
from bench.storage.records import RunFolder
from tests.support.command_line import call
from tests.support.studies import study_values

pytestmark = pytest.mark.slow

DAMAGE = {
    "half": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "binary": lambda content: bytes(range(256)) * 8,
    "wrong type": lambda content: b"[1, 2]\n",
    "wrong keys": lambda content: b'{"a": 1}\n',
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, collection_folder, tiny_model) -> Path:
    """A finished study of one arm, tuned."""
    import tomli_w

    place = tmp_path_factory.mktemp("damaged")
    values = study_values(collection_folder, tiny_model) | {
        "seeds": [1],
        "budget": {"examples": 24},
        "arms": [{"loss": "adaptive-margin", "name": "margin-mse"}],
    }
    (place / "toy.toml").write_text(tomli_w.dumps(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        from bench.commands.run import run_study

        run_study("toy.toml", [], Path("out"), Path("artifacts"), False, False)
    return place


@pytest.fixture
def copy(place, tmp_path, monkeypatch) -> Path:
    shutil.copytree(place, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


RUN = ["run", "toy.toml", "--out", "out", "--artifacts", "artifacts", "--no-mlflow"]
FEW = [["status", "out"], ["bill", "out"]]  # reads what a report reads, and draws nothing
READERS = [
    *FEW,
    ["export", "out", "margin-mse", "--to", "exported"],
    ["plan", "toy.toml", "--out", "out", "--artifacts", "artifacts"],
]


def _final(copy: Path) -> Path:
    summary = read_table(copy / "out" / "summary.csv")
    return copy / "out" / "runs" / summary.loc[summary["role"] == "final", "run"].iloc[0]


def _one_line(capsys, *arguments: str) -> tuple[int, str]:
    code, _, told = call(capsys, *arguments)
    assert code in (0, 1, 2)
    assert "Traceback" not in told
    complaint = [line for line in told.splitlines() if line.startswith("bench: ")]
    assert len(complaint) == (code > 0), told
    return code, complaint[0] if complaint else ""


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "name",
    ["run.json", "curve.parquet", "bills.parquet", "queries.parquet", "dev.parquet"],
)
def test_a_record_s_file(copy, capsys, name, damage):
    path = _final(copy) / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    record = RunFolder(path.parent)
    reading = record.record if name == "run.json" else lambda: record.table(path.stem)
    with pytest.raises(InputError, match=f"{name} is damaged"):
        reading()
    for arguments in READERS if damage == "half" else FEW:
        code, told = _one_line(capsys, *arguments)
        if code:
            assert f"{path.relative_to(copy)} is damaged" in told, arguments
    if damage != "half":
        return
    code, told = _one_line(capsys, *RUN)
    if code == 0:  # what can be measured again has not been needed
        assert name in ("queries.parquet", "dev.parquet")
        return
    gone = Path(re.search(r"; delete (it|\S+)[,:]", told)[1].replace("it", str(path)))
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert _one_line(capsys, *RUN) == (0, "")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["summary.csv", "curves.csv", "ledger.csv", "study.toml"])
def test_a_table_or_the_study_is_written_again(copy, capsys, name, damage):
    path = copy / "out" / name
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    code, told = _one_line(capsys, "report", "out")
    assert code == 2
    assert f"out/{name}" in told
    assert "`bench run`" in told
    assert not (copy / "exported").exists()
    for arguments in READERS if damage == "half" else FEW:
        code, told = _one_line(capsys, *arguments)
        assert not code or f"out/{name}" in told
    if damage == "half":
        assert _one_line(capsys, *RUN) == (0, "")
        assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", DAMAGE)
def test_caveats(copy, capsys, damage):
    path = copy / "out" / "caveats.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    code, told = _one_line(capsys, "report", "out")
    assert code == 2
    assert "out/caveats.json is damaged" in told
    if damage == "half":
        assert _one_line(capsys, *RUN) == (0, "")


@pytest.mark.parametrize("damage", DAMAGE)
def test_optunas_storage(copy, capsys, damage):
    before = read_table(copy / "out" / "summary.csv")
    path = copy / "out" / "optuna.db"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    if damage != "empty":  # for SQLite a database that nothing is in
        with pytest.raises(
            InputError, match=r"optuna\.db is damaged .*; delete it, and `bench run`"
        ):
            check_storage(copy / "out")
    if damage not in ("half", "empty"):
        return
    if damage == "half":
        code, told = _one_line(capsys, *RUN)
        assert code == 2
        assert "optuna.db is damaged" in told
        path.unlink()
    assert _one_line(capsys, *RUN) == (0, "")
    after = read_table(copy / "out" / "summary.csv")
    assert list(after["run"]) == list(before["run"])  # the same proposals: nothing is trained again
    assert list(after["train_seconds"]) == list(before["train_seconds"])


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_artifact_s_files(copy, capsys, damage):
    shutil.rmtree(copy / "out")
    for path in (copy / "artifacts").glob("*/*/artifact.json"):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    code, told = _one_line(capsys, "artifacts", "--root", "artifacts")
    assert code == 1
    assert "artifact.json is damaged" in told
    if damage != "half":
        return
    assert _one_line(capsys, *RUN) == (0, "")
    assert _one_line(capsys, "artifacts", "--root", "artifacts") == (0, "")


def test_records_that_are_gone(copy, capsys):
    shutil.rmtree(copy / "out" / "runs")
    lost = "out/runs: 5 of the 5 finished runs in summary.csv have no record"
    code, told = _one_line(capsys, "status", "out")
    assert code == 1
    assert lost in told
    code, told = _one_line(capsys, "export", "out", "margin-mse", "--to", "exported")
    assert code == 2
    assert "run.json: there is no such file" in told
    code, _, told = call(capsys, "report", "out")
    assert code == 0
    assert lost in told
    code, _, told = call(capsys, *RUN)
    assert code == 0
    assert "5 runs done now, 0 were there before" in told
