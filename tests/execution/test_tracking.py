"""MLflow: studies kept apart, what is gone logged again, and a line for whatever is wrong."""

import json
import shutil
import socket
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from bench.execution.tracking import Tracker, failures, tracker
from bench.execution.tracking.experiment import FOLDER_TAG, KIND_TAG, RUN_TAG, Experiment
from bench.storage.databases import sqlite_url
from bench.storage.links import read_run_links, write_run_links
from bench.study.schema import parse_study
from tests.support.tracked import RUNS, carry_out, logged, one_run


@pytest.fixture
def study(toy_values):
    return parse_study(one_run(toy_values), "toy")


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """An empty database, which takes MLflow a second to make."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(sqlite_url(path))
    return path


@pytest.fixture
def store(empty, tmp_path) -> str:
    return sqlite_url(shutil.copy(empty, tmp_path))


def lines(capsys) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("MLflow: ")]


# -- what is logged -------------------------------------------------------------------------------


def test_studies_of_one_name_in_two_folders_share_no_run(study, store, tmp_path):
    for name in ("a", "b", "a"):
        assert carry_out(study, tmp_path / name, store).tracked
    found = logged(store)
    assert {key: len(runs) for key, runs in found.items()} == {
        **{(name, "run"): RUNS for name in "ab"},
        **{(name, "arm"): RUNS for name in "ab"},
        **{(name, "study"): 1 for name in "ab"},
    }
    client = MlflowClient(store)
    for name in "ab":
        arms = {run.info.run_id for run in found[name, "arm"]}
        assert {run.data.tags["mlflow.parentRunId"] for run in found[name, "run"]} == arms
        page = client.download_artifacts(found[name, "study"][0].info.run_id, "report/index.html")
        assert Path(page).read_text() == f"of {name}"


def test_what_links_lead_to_is_not_logged_again(study, store, tmp_path, monkeypatch):
    """A study that was moved; the links are written run by run, so that a kill loses none."""
    linked = []
    log_run = Tracker.log_run

    def spied(self, row):
        log_run(self, row)
        linked.append(len(read_run_links(tmp_path / "before")))

    monkeypatch.setattr(Tracker, "log_run", spied)
    carry_out(study, tmp_path / "before", store)
    assert linked == [*range(1, RUNS + 1)]
    (tmp_path / "before").rename(tmp_path / "after")
    carry_out(study, tmp_path / "after", store)
    found = logged(store)
    assert len(found["before", "run"]) == RUNS
    assert ("after", "run") not in found
    assert len(found["after", "study"]) == 1


def test_what_is_not_in_mlflow_as_it_ended_is_logged_again(study, store, tmp_path):
    out = tmp_path / "out"
    carry_out(study, out, store)
    client = MlflowClient(store)
    before = read_run_links(out)
    deleted, half, failed = before.values()
    client.delete_run(deleted)
    client.update_run(half, "RUNNING")
    client.update_run(failed, "FAILED")  # as if it had failed, and has been tried again since
    carry_out(study, out, store)
    runs = logged(store)["out", "run"]
    assert len(runs) == RUNS
    assert {run.info.status for run in runs} == {"FINISHED"}
    now = {run.data.tags[RUN_TAG]: run.info.run_id for run in runs}
    assert now.keys() == before.keys()
    assert not {*now.values()} & {*before.values()}
    assert read_run_links(out) == now
    (out / "links.json").unlink()
    carry_out(study, out, store)
    assert len(logged(store)["out", "run"]) == RUNS
    assert read_run_links(out) == now


def test_runs_that_are_there_are_not_fetched(store, tmp_path, monkeypatch):
    """Of 120 runs only those whose chunk lacks one are; the rest is counted."""
    client = MlflowClient(store)
    number = client.create_experiment("toy")
    ids = []
    for run in range(120):
        tags = {KIND_TAG: "run", RUN_TAG: f"{run:016x}", FOLDER_TAG: str(tmp_path)}
        ids.append(client.create_run(number, tags=tags).info.run_id)
        client.set_terminated(ids[-1])
    client.delete_run(ids[110])
    runs = {f"{run:016x}": id for run, id in enumerate(ids)}
    write_run_links(tmp_path, {"uri": store, "experiment": number, "runs": runs})
    fetched = []
    search = MlflowClient.search_runs

    def counted(*arguments, **options):
        fetched.append(len(found := search(*arguments, **options)))
        return found

    monkeypatch.setattr(MlflowClient, "search_runs", counted)
    experiment = Experiment(store, "toy", tmp_path)
    assert set(runs) - set(experiment.logged) == {f"{110:016x}"}
    assert sum(fetched) == 1 + 19

    def other_pages(*arguments, page_token=None, **options):
        if page_token:
            raise MlflowException("Invalid page token", error_code=1000)
        return search(*arguments, **options)

    monkeypatch.setattr(MlflowClient, "search_runs", other_pages)
    assert Experiment(store, "toy", tmp_path).logged == experiment.logged


# -- what passes by itself ------------------------------------------------------------------------


@pytest.fixture
def closed() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_dead_server_costs_no_seconds(study, tmp_path, capsys, closed):
    began = time.monotonic()
    here = Tracker(f"http://me:secret@127.0.0.1:{closed}", study, tmp_path)
    assert time.monotonic() - began < 2
    assert lines(capsys) == [
        f"MLflow: http://127.0.0.1:{closed} does not answer; training goes on, and finished runs "
        "wait for it"
    ]
    assert here.links() is None
    here.log_report(tmp_path)
    assert lines(capsys) == [
        "MLflow: 0 runs and the report wait for it; the next `bench run` logs them"
    ]


def test_it_is_not_asked_again_at_once(study, tmp_path, monkeypatch):
    asked = []

    def check(uri):
        asked.append(uri)
        raise failures.AwayError("it is away")

    monkeypatch.setattr(tracker, "check_answers", check)
    here = Tracker("http://host", study, tmp_path)
    for _ in range(5):
        here.log_run(None)
    assert len(asked) == 1
    later = time.monotonic() + tracker.PAUSE
    monkeypatch.setattr(tracker, "time", SimpleNamespace(monotonic=lambda: later))
    here.log_run(None)
    assert len(asked) == 2
    here.log_report(tmp_path)  # the end: whether it is time or not
    assert len(asked) == 3


def test_a_server_that_never_answers_takes_no_more_than_was_allowed(
    study, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(failures, "PATIENCE", 0.5)
    monkeypatch.setattr(tracker, "PAUSE", 0.0)
    monkeypatch.setattr(tracker, "ALLOWANCE", 1.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        carry_out(study, tmp_path / "out", uri)
        here = Tracker(uri, study, tmp_path)
        began = time.monotonic()
        for _ in range(20):
            here.log_run(None)
        assert time.monotonic() - began < 2
    said = lines(capsys)
    assert sum("does not answer" in line for line in said) == 2
    assert f"MLflow: {RUNS} runs and the report wait for it" in said[1]


def test_a_gateway_in_front_of_a_dead_server(study, tmp_path, capsys):
    class Gateway(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(502)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Tracker(f"http://127.0.0.1:{server.server_port}", study, tmp_path)
        server.shutdown()
    assert "does not answer; training goes on, and finished runs wait" in lines(capsys)[-1]


def test_a_locked_file_is_waited_for(study, store, tmp_path, capsys):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        carry_out(study, tmp_path / "out", store)
    assert lines(capsys) == [
        f"MLflow: {store} is locked by another process; training goes on, and finished runs wait "
        "for it",
        f"MLflow: {RUNS} runs and the report wait for it; the next `bench run` logs them",
    ]
    carry_out(study, tmp_path / "out", store)
    assert len(logged(store)["out", "run"]) == RUNS
    assert not lines(capsys)


# -- what does not --------------------------------------------------------------------------------


def told_by_mlflow(error: Exception) -> Exception:
    """MLflow's own error, as it raises it."""
    try:
        try:
            raise error
        except Exception as caught:
            raise MlflowException(f"API request failed: {caught}")  # noqa: B904
    except MlflowException as told:
        return told


@pytest.mark.parametrize(
    ("error", "passes", "said"),
    [
        (requests.ConnectionError("refused"), True, "http://host does not answer"),
        (requests.ReadTimeout("late"), True, "http://host does not answer"),
        (requests.exceptions.RetryError("too many 500s"), True, "too many 500s"),
        (requests.exceptions.SSLError("certificate expired"), False, "certificate expired"),
        (requests.exceptions.InvalidURL("no port"), False, "no port"),
        (OperationalError("", {}, OSError("server closed")), True, "server closed"),
        (OperationalError("", {}, sqlite3.OperationalError("no table")), False, "no table"),
        (
            OperationalError("", {}, sqlite3.OperationalError("database is locked")),
            True,
            "http://host is locked by another process",
        ),
        (MlflowException("403 Forbidden"), False, "403 Forbidden"),
    ],
)
def test_what_passes_by_itself_and_what_does_not(error, passes, said):
    for told in (error, told_by_mlflow(error)):
        assert failures.passes(told) == passes
        assert said in failures.reason(told, "http://me:secret@host")


def test_a_deleted_experiment_is_told_with_the_command_that_mends_it(
    study, store, tmp_path, capsys
):
    client = MlflowClient(store)
    number = client.create_experiment("toy")
    client.delete_experiment(number)
    here = Tracker(store, study, tmp_path)
    (told,) = lines(capsys)
    command = f"MLFLOW_TRACKING_URI={store} mlflow experiments restore --experiment-id {number}"
    assert f"`{command}` brings it back" in told
    here.log_report(tmp_path)  # nothing more is tried
    assert not lines(capsys)
    client.restore_experiment(number)
    assert Tracker(store, study, tmp_path).links() is not None


def test_tables_of_another_mlflow_are_too(study, store, tmp_path, capsys):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'bd07f7e963c5'")
        connection.commit()
    tracking_of = sqlite_url(tmp_path / "copy.db")
    (tmp_path / "mlflow.db").rename(tmp_path / "copy.db")  # MLflow remembers what it opened
    Tracker(tracking_of, study, tmp_path)
    (told,) = lines(capsys)
    assert f"`mlflow db upgrade {tracking_of}` brings older ones up to date" in told
    assert "training goes on without it" in told


# -- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:s3cr%2Fet@[",
        "http://me:s3cr/et@host:port",
        "me:s3cr%2Fet@host:5000",
        "nothing://me:s3cr%2Fet@host",
        "nothing://host?password=s3cr%2Fet",
    ],
)
def test_a_bad_uri_is_told_without_its_password(study, tmp_path, capsys, uri):
    Tracker(uri, study, tmp_path)
    (told,) = lines(capsys)
    assert "training goes on without it" in told
    assert not any(secret in told for secret in ("s3cr", "s3cr/et", "s3cr%2Fet"))


def test_no_message_of_others_holds_a_credential(monkeypatch):
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", f"s3cr\nof {name}")
    uri = "postgresql://me:s3cr%2Fet@host/db?sslpassword=hush"
    for text in (
        f"API request to {uri}/api failed",
        "password 's3cr/et' of user 'me'",
        f"invalid value: {'Bearer s3cr' + chr(10) + 'of TOKEN'!r}",
        "invalid value: s3cr\nof PASSWORD",
        f'{{"value": {json.dumps("s3cr/et")}, "sslpassword": "hush"}}',
    ):
        for error in (MlflowException(text), requests.exceptions.InvalidHeader(text)):
            told = failures.reason(error, uri)
            assert "s3cr" not in told
            assert "hush" not in told
            assert len(told.splitlines()) == 1
