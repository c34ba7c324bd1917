"""A real MLflow server that comes late, is killed, frozen, and back again: all is there then."""

import os
from pathlib import Path

import pytest
import tomli_w
from mlflow import MlflowClient

from bench.execution.tracking import Tracker, tracker
from bench.study.schema import parse_study
from tests.services.mlflow_server import MlflowServer
from tests.support.command_line import bench, call
from tests.support.tracked import RUNS, carry_out, logged, one_run

pytestmark = pytest.mark.services

SECRETS = ("s3cr/et", "s3cr%2Fet")
"""A password, as it is and in a URL."""


@pytest.fixture
def server(tmp_path):
    one = MlflowServer(tmp_path)
    yield one
    one.kill()


@pytest.fixture
def uri(server, monkeypatch) -> str:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(tracker, "PAUSE", 0.0)
    return f"http://me:{SECRETS[1]}@{server.address}"


@pytest.fixture
def study(toy_values):
    return parse_study(one_run(toy_values), "toy")


def assert_complete(server: MlflowServer, out: Path) -> None:
    found = logged(server.store)
    runs = found[out.name, "run"]
    assert {run.data.tags["bench.run"] for run in runs} == {
        path.name for path in (out / "runs").iterdir()
    }
    assert len(runs) == RUNS
    assert {run.info.status for runs in found.values() for run in runs} == {"FINISHED"}
    client = MlflowClient(f"http://{server.address}")
    (study,) = found[out.name, "study"]
    names = {item.path for item in client.list_artifacts(study.info.run_id)}
    assert {"study.toml", "report"} <= names
    for run in runs:
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert names == {"run.json", "bills.parquet"}


def assert_no_secret(folder: Path, *texts: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in SECRETS), path
    assert not any(secret in text for secret in SECRETS for text in texts)


def at_call(monkeypatch, owner, name: str, number: int, action) -> None:
    """Do something just before a method is called for the nth time."""
    real = getattr(owner, name)
    calls = 0

    def called(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == number:
            action()
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, called)


def lines(capsys) -> list[str]:
    captured = capsys.readouterr()
    assert not any(secret in captured.out + captured.err for secret in SECRETS)
    assert "View run" not in captured.out
    return [line for line in captured.err.splitlines() if "MLflow" in line or "Retry" in line]


def test_a_server_that_comes_late_and_is_killed_in_the_middle(
    server, uri, study, tmp_path, capsys, monkeypatch
):
    away = (
        f"MLflow: http://{server.address} does not answer; training goes on, and finished runs "
        "wait for it"
    )
    with monkeypatch.context() as patch:
        at_call(patch, Tracker, "log_run", 2, server.start)
        assert carry_out(study, tmp_path / "late", uri).tracked
    assert lines(capsys) == [away, "MLflow: it is back, and 2 runs that waited are logged"]
    assert_complete(server, tmp_path / "late")

    with monkeypatch.context() as patch:
        at_call(patch, MlflowClient, "log_batch", 2, server.kill)  # it leaves half a run
        at_call(patch, Tracker, "log_report", 1, server.start)
        carry_out(study, tmp_path / "killed", uri)
    assert lines(capsys) == [away, "MLflow: it is back, and 2 runs that waited are logged"]
    assert_complete(server, tmp_path / "killed")

    with monkeypatch.context() as patch:
        at_call(patch, Tracker, "log_run", 2, server.freeze)
        at_call(patch, Tracker, "log_report", 1, server.thaw)
        carry_out(study, tmp_path / "frozen", uri)
    assert lines(capsys) == [away, "MLflow: it is back, and 2 runs that waited are logged"]
    assert_complete(server, tmp_path / "frozen")
    assert_no_secret(tmp_path)


def test_a_server_that_is_back_at_the_next_call(
    server, uri, toy_values, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    Path("toy.toml").write_text(tomli_w.dumps(one_run(toy_values)))
    command = ["run", "toy.toml", "--out", "out", "--artifacts", "artifacts"]
    code, output, told = call(capsys, *command)
    assert code == 0, told
    assert f"MLflow: {RUNS} runs and the report wait for it; the next `bench run`" in told
    server.start()
    again = bench(*command, cwd=tmp_path)  # a process of its own: nothing it says is missed
    assert again.returncode == 0, again.stderr
    assert f"0 runs done now, {RUNS} were there before" in again.stderr
    assert again.stderr.splitlines()[-1] == f"MLflow: http://{server.address}"
    assert_complete(server, tmp_path / "out")
    assert_no_secret(tmp_path, output, told, again.stdout, again.stderr)
