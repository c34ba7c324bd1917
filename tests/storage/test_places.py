"""Places that cannot be written to are said before anything is, and any name of a folder works."""

import shutil
from pathlib import Path

import optuna
import pytest
import tomli_w

from bench.errors import InputError
from bench.execution.optuna_storage import storage_url
from bench.storage.artifacts import Artifacts
from bench.storage.files import check_place, check_target
from tests.support.command_line import call

GALLERY = Path(__file__).parents[2] / "reports" / "gallery" / "quickstart"


@pytest.fixture
def here(tmp_path, monkeypatch, toy_values) -> Path:
    """A folder with a study, a file and a link that leads nowhere."""
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(tomli_w.dumps({**toy_values, "tuning": {}, "seeds": [1]}))
    Path("file").write_text("kept")
    Path("nowhere").symlink_to("not-there")
    Path("a.csv").touch()
    return tmp_path


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below", "nowhere", "/proc/new"])
@pytest.mark.parametrize(
    "command",
    [
        ("run", "toy.toml", "--no-mlflow", "--out"),
        ("run", "toy.toml", "--smoke", "--out"),
        ("run", "toy.toml", "--no-mlflow", "--artifacts"),
        ("plan", "toy.toml", "--out"),
        ("train", "infonce", "--budget", "1000", "--collection", "toy", "--no-mlflow", "--out"),
        (
            *("sweep", "infonce", "--option", "temperature=0.1,0.2", "--budget", "1000"),
            *("--collection", "toy", "--save-study", "new.toml", "--no-mlflow", "--out"),
        ),
        ("report", str(GALLERY), str(GALLERY), "--out"),
    ],
    ids=lambda command: " ".join([command[0], command[-1]]),
)
def test_a_folder_that_cannot_be_is_one_line_and_code_2(here, capsys, command, place):
    before = sorted(here.rglob("*"))
    code, _, told = call(capsys, *command, place)
    assert code == 2, told
    (line,) = told.strip().splitlines()
    assert line.startswith(f"bench: {command[-1]} {place}: ")
    assert sorted(here.rglob("*")) == before
    assert Path("file").read_text() == "kept"


@pytest.mark.parametrize("place", ["file/below.gz", "."])
@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "pretrained", "--collection", "toy", "--run"),
        ("encode", "no/such/model", "a text", "--to"),
    ],
    ids=lambda command: command[0],
)
def test_a_file_that_cannot_be_is_one_too(here, capsys, command, place):
    code, _, told = call(capsys, *command, place)
    assert code == 2
    assert told.startswith(f"bench: {command[-1]} {place}: ")
    assert told.strip().count("\n") == 0


def test_what_can_be_is_left_as_it_is(tmp_path):
    for place in (tmp_path, tmp_path / "new", tmp_path / "far" / "below"):
        check_place("--out", place)
        check_target("--run", place / "run.gz")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="--out .*: nothing can be made in .*File name too long"):
        check_place("--out", tmp_path / ("x" * 300))


def test_whole_artifacts_may_be_where_nothing_can_be_written(tmp_path, monkeypatch):
    """A machine's ready ones, say: they are read, and only what has to be made is refused."""
    from bench.storage.artifacts import BuildReport

    Artifacts(tmp_path).get("things", {}, lambda folder: BuildReport())
    monkeypatch.setattr("tempfile.NamedTemporaryFile", _read_only)
    assert Artifacts(tmp_path).get("things", {}, lambda folder: BuildReport()).bills[0].reused
    with pytest.raises(InputError, match="--artifacts .*Read-only file system"):
        Artifacts(tmp_path).get("things", {"other": 1}, lambda folder: BuildReport())


def _read_only(*_: object, **__: object) -> None:
    raise OSError(30, "Read-only file system")


ODD = "a?b=1&c#d%20é [x] @y+z"


@pytest.mark.slow
def test_a_folder_of_any_name(here, tmp_path, monkeypatch, capsys):
    odd = tmp_path / "odd" / ODD
    odd.mkdir(parents=True)
    shutil.copy("toy.toml", odd)
    monkeypatch.chdir(odd)
    code, _, told = call(capsys, "run", "toy.toml")
    assert code == 0, told
    assert "goes on without it" not in told
    assert [path.name for path in odd.parent.iterdir()] == [ODD]
    assert {path.name for path in odd.iterdir()} == {"toy.toml", "results"}
    assert (odd / "results" / "mlflow.db").is_file()
    assert (odd / "results" / "toy" / "optuna.db").is_file()
    assert len(optuna.get_all_study_names(storage_url(Path("results/toy")))) == 3
    code, _, told = call(capsys, "run", "toy.toml")
    assert code == 0
    assert "0 runs done now" in told
    # The study's own folder, too.
    code, _, told = call(capsys, "run", "toy.toml", "--out", f"results/{ODD}")
    assert code == 0, told
    code, _, told = call(capsys, "report", "results/toy", f"results/{ODD}", "--out", "beside")
    assert code == 0, told
    beside = Path("beside/index.html").read_text("utf-8")
    assert "results/a%3Fb%3D1%26c%23d%2520%C3%A9%20%5Bx%5D%20%40y%2Bz/report/index.html" in beside
