"""MLflow: studies kept apart, and whatever is wrong with it costs seconds and a line."""

import socket
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from bench.execution import tracking
from bench.execution.coordinator import Coordinator
from bench.execution.tracking import FOLDER_TAG, KIND_TAG, Tracker
from bench.storage.databases import sqlite_url
from bench.study.schema import parse_study


@pytest.fixture
def study(toy_values):
    arms = [{"loss": "adaptive-margin", "name": "only"}]
    return parse_study(
        {**toy_values, "arms": arms, "baseline": "only", "seeds": [1], "tuning": {}}, "toy"
    )


@pytest.fixture
def store(tmp_path) -> str:
    return sqlite_url(tmp_path / "mlflow.db")


def carry_out(study, out: Path, uri: str) -> None:
    coordinator = Coordinator(study, out, out.parent / "artifacts", uri)
    (out / "report").mkdir(parents=True, exist_ok=True)
    (out / "report" / "index.html").write_text(f"of {out.name}")
    coordinator.run(lambda: coordinator.log_report(out / "report"))
    assert coordinator.tracked


def logged(store: str) -> dict[tuple[str, str], list]:
    """Runs by folder and kind."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("toy")
    found: dict[tuple[str, str], list] = {}
    for run in client.search_runs([experiment.experiment_id]):
        tags = run.data.tags
        key = (Path(tags.get(FOLDER_TAG, "")).name, tags[KIND_TAG])
        found.setdefault(key, []).append(run)
    return found


def test_studies_of_one_name_in_two_folders_share_no_run(study, store, tmp_path):
    for name in ("a", "b", "a"):
        carry_out(study, tmp_path / name, store)
    found = logged(store)
    assert {key: len(runs) for key, runs in found.items()} == {
        **{(name, "run"): 3 for name in "ab"},
        **{(name, "arm"): 3 for name in "ab"},
        **{(name, "study"): 1 for name in "ab"},
    }
    client = MlflowClient(store)
    for name in "ab":
        arms = {run.info.run_id for run in found[name, "arm"]}
        assert {run.data.tags["mlflow.parentRunId"] for run in found[name, "run"]} == arms
        page = client.download_artifacts(found[name, "study"][0].info.run_id, "report/index.html")
        assert Path(page).read_text() == f"of {name}"


def test_what_links_lead_to_is_not_logged_again(study, store, tmp_path):
    """A study that was moved, or logged before runs said which folder they are of."""
    carry_out(study, tmp_path / "before", store)
    (tmp_path / "before").rename(tmp_path / "after")
    carry_out(study, tmp_path / "after", store)
    found = logged(store)
    assert len(found["before", "run"]) == 3
    assert ("after", "run") not in found
    assert len(found["after", "study"]) == 1


def lines(capsys) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("MLflow: ")]


@pytest.fixture
def closed() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_dead_server_costs_seconds(study, tmp_path, capsys, closed, monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    began = time.monotonic()
    tracker = Tracker(f"http://me:secret@127.0.0.1:{closed}", study, tmp_path)
    assert time.monotonic() - began < 30
    waiting, gone = lines(capsys)
    assert waiting == f"MLflow: waiting for http://127.0.0.1:{closed}"
    assert gone == (
        f"MLflow: http://127.0.0.1:{closed} does not answer; training goes on without it, the "
        "records are complete, and the next `bench run` logs them"
    )
    tracker.log_report(tmp_path)  # nothing more is tried
    assert not lines(capsys)
    assert tracker.links() is None


def test_a_server_that_takes_calls_and_never_answers(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tracking, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        Tracker(f"http://127.0.0.1:{port}", study, tmp_path)
    assert "does not answer" in lines(capsys)[-1]


def test_a_gateway_in_front_of_a_dead_server(study, tmp_path, capsys, monkeypatch):
    class Gateway(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(502)

        def log_message(self, *_):
            pass

    monkeypatch.setattr(tracking, "PATIENCE", 1.0)
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Tracker(f"http://127.0.0.1:{server.server_port}", study, tmp_path)
    server.shutdown()
    assert "does not answer" in lines(capsys)[-1]


def test_a_deleted_experiment_is_told_with_the_command_that_mends_it(
    study, store, tmp_path, capsys
):
    client = MlflowClient(store)
    number = client.create_experiment("toy")
    client.delete_experiment(number)
    Tracker(store, study, tmp_path)
    (told,) = lines(capsys)
    command = f"MLFLOW_TRACKING_URI={store} mlflow experiments restore --experiment-id {number}"
    assert f"`{command}` brings it back" in told
    client.restore_experiment(number)
    assert Tracker(store, study, tmp_path).links() is not None


def test_tables_of_another_mlflow_are_too(study, store, tmp_path, capsys):
    MlflowClient(store)
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    connection.execute("UPDATE alembic_version SET version_num = 'bd07f7e963c5'")
    connection.commit()
    connection.close()
    tracking_of = sqlite_url(tmp_path / "copy.db")
    (tmp_path / "mlflow.db").rename(tmp_path / "copy.db")  # MLflow remembers what it opened
    Tracker(tracking_of, study, tmp_path)
    (told,) = lines(capsys)
    assert f"`mlflow db upgrade {tracking_of}` brings older ones up to date" in told
    assert "training goes on without it" in told
