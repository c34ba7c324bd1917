"""Optuna's storage on a real PostgreSQL server, which goes away and comes back."""

import threading
import time
from pathlib import Path

import pytest
import tomli_w

from bench.execution import optuna_storage
from bench.storage.files import read_json
from bench.storage.journal import JOURNAL
from tests.services.postgres import PostgresServer, find_programs
from tests.support.command_line import bench, call
from tests.support.tables import assert_same, tables

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.skipif(find_programs() is None, reason="Debian's package postgresql is missing"),
]
PASSWORD = "p@ss/w:rd?#%41 ü"


@pytest.fixture(scope="module")
def server():
    one = PostgresServer(PASSWORD)
    yield one
    one.remove()


@pytest.fixture
def toy(toy_values, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    values = toy_values | {"seeds": [1], "tuning": toy_values["tuning"] | {"pruner": "median"}}
    Path("toy.toml").write_text(tomli_w.dumps(values))
    return tmp_path


def command(out: str, *more: str) -> list[str]:
    return ["run", "toy.toml", "--out", out, "--artifacts", "a", "--no-mlflow", *more]


def secrets_in(folder: Path) -> list[str]:
    """The files that hold the password, in any spelling of its beginning or end."""
    parts = [b"p@ss", b"p%40ss", b"w:rd", b"w%3Ard"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(file) for file in files if any(part in file.read_bytes() for part in parts)]


def test_it_goes_away_in_the_middle_and_the_tables_are_the_same(server, toy, capsys):
    code, _, told = call(capsys, *command("quiet"))
    assert code == 0, told
    done = threading.Event()

    def restart() -> None:
        for least in (3, 6):  # while the reference rows are there, and among the trials
            while not done.is_set() and lines(Path("out")) < least:
                time.sleep(0.02)
            server.stop()
            time.sleep(3)
            server.start()

    thread = threading.Thread(target=restart)
    thread.start()
    code, output, told = call(capsys, *command("out", "--storage", server.url()))
    done.set()
    thread.join()
    assert code == 0, told
    place = f"postgresql://127.0.0.1:{server.port}/postgres"
    assert f"Optuna's storage {place} does not answer; waiting for it" in told
    assert f"Optuna's storage {place} answers again" in told
    assert_same(Path("out"), tables(Path("quiet")))
    assert read_json(Path("out/links.json"))["optuna"]["storage"] == place
    assert secrets_in(toy) == []
    assert "p@ss" not in output + told
    # The same command, and one without the server, do nothing more.
    for storage in (["--storage", server.url()], []):
        code, _, told = call(capsys, *command("out", *storage))
        assert code == 0, told
        assert "0 runs done now" in told
    # The copy in the folder is what the server has.
    code, output, _ = call(capsys, "plan", "toy.toml", "--out", "out", "--artifacts", "a")
    assert "time: 0 s" in output


def lines(out: Path) -> int:
    """How many runs are in the journal."""
    journal = out / JOURNAL
    return journal.read_bytes().count(b'"run": {') if journal.exists() else 0


def test_who_is_refused_is_told_so_without_the_password(server, toy):
    wrong = server.url("wr@ng/secret")
    result = bench(*command("out", "--storage", wrong), cwd=toy)
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert f"--storage postgresql://127.0.0.1:{server.port}/postgres: " in last
    assert "password authentication failed" in last
    assert "wr@ng" not in result.stderr
    assert "wr%40ng" not in result.stderr
    absent = server.url().replace("/postgres", "/absent")
    result = bench(*command("out", "--storage", absent), cwd=toy)
    assert result.returncode == 2
    assert "does not exist" in result.stderr.strip().splitlines()[-1]
    assert secrets_in(toy) == []


def test_it_is_away_at_the_start_and_comes(server, toy, capsys):
    server.stop()
    thread = threading.Timer(8, server.start)
    thread.start()
    code, _, told = call(capsys, *command("out", "--storage", server.url()))
    thread.join()
    assert code == 0, told
    assert "does not answer; waiting for it" in told


def test_it_never_comes(server, toy, capsys, monkeypatch):
    monkeypatch.setattr(optuna_storage, "AT_FIRST", 1.5)
    url = server.url().replace(f":{server.port}/", ":1/")
    code, _, told = call(capsys, *command("out", "--storage", url))
    assert code == 1
    last = told.strip().splitlines()[-1]
    assert "has not answered for " in last
    assert "nothing is lost, the same command goes on once it does" in last
    assert secrets_in(toy) == []
