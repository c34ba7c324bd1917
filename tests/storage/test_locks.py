"""What another process holds is waited for or refused, in a line; no run fails of it."""

import sqlite3
import threading
from pathlib import Path

import pytest
import tomli_w

from bench.errors import BusyError
from bench.execution.coordinator import Coordinator
from bench.execution.executors.local import LocalExecutor
from bench.execution.optuna_storage import OptunaStorage, storage_url
from bench.results import load_results
from bench.storage import databases
from bench.storage.locks import report_lock
from bench.study.schema import parse_study
from tests.support.command_line import bench, call

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture
def values(toy_values) -> dict:
    """A study of one arm and one trial of two seconds."""
    tuning = {**toy_values["tuning"], "trials": 1, "pruner": "median"}
    arms = [{"loss": "adaptive-margin", "name": "only"}]
    return {**toy_values, "arms": arms, "baseline": "only", "seeds": [1], "tuning": tuning}


@pytest.fixture
def command(values, tmp_path, artifacts) -> list[str]:
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    places = ["--out", str(tmp_path / "out"), "--artifacts", str(artifacts)]
    return ["run", str(tmp_path / "toy.toml"), *places, "--no-mlflow"]


class Held:
    """A database that nobody else may read or write."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.execute("BEGIN EXCLUSIVE")

    def let_go(self) -> None:
        self.connection.rollback()
        self.connection.close()


def test_optunas_file_is_waited_for_and_then_told_of(command, tmp_path, capsys, monkeypatch):
    assert call(capsys, *command)[0] == 0
    more = [*command, "--set", "tuning.trials=2"]
    # As long as a dashboard may take.
    held = Held(tmp_path / "out" / "optuna.db")
    threading.Timer(25, held.let_go).start()
    code, _, told = call(capsys, *more)
    assert code == 0, told
    assert told.count("optuna.db: another process holds it (a dashboard?); waiting for it") == 1
    # For ever.
    monkeypatch.setattr(databases, "PATIENCE", 0.0)
    held = Held(tmp_path / "out" / "optuna.db")
    code, _, told = call(capsys, *more, "--set", "tuning.trials=3")
    held.let_go()
    assert code == 1
    assert "nothing is lost, the same command goes on once it is free" in told.splitlines()[-1]
    code, _, told = call(capsys, *more, "--set", "tuning.trials=3")
    assert code == 0
    summary = load_results(tmp_path / "out").summary
    assert (summary["status"] == "done").all()
    assert (summary["role"] == "tuning").sum() == 3


def test_links_wait_too(tmp_path, monkeypatch):
    import optuna

    optuna.create_study(storage=storage_url(tmp_path), study_name="a [1]")
    held = Held(tmp_path / "optuna.db")
    monkeypatch.setattr(databases, "PATIENCE", 0.0)
    with pytest.raises(BusyError, match=r"optuna\.db: another process has held it"):
        OptunaStorage(storage_url(tmp_path)).ids(["a [1]"])
    held.let_go()


def test_held_while_a_run_is_trained_it_is_no_fault_of_the_run(
    values, tmp_path, artifacts, monkeypatch
):
    """Its value cannot be stored, until the same command goes on."""
    monkeypatch.setattr(databases, "PATIENCE", 0.0)
    real, held = LocalExecutor.submit, []

    def hold(self, task):
        if task.job.role == "tuning":
            held.append(Held(tmp_path / "out" / "optuna.db"))
        real(self, task)

    study = parse_study({**values, "retries": 2}, "toy")
    coordinator = Coordinator(study, tmp_path / "out", artifacts, None)
    with monkeypatch.context() as context:
        context.setattr(LocalExecutor, "submit", hold)
        with pytest.raises(BusyError):
            coordinator.run()
    (one,) = held
    one.let_go()
    outcome = Coordinator(study, tmp_path / "out", artifacts, None).run()
    assert not outcome.failed


def test_a_study_is_at_work_until_its_report_is_drawn(command, tmp_path, capsys, monkeypatch):
    import reports

    real, seconds = reports.write_report, []

    def meanwhile(*arguments, **options):
        seconds.append(bench(*command, cwd=tmp_path))
        return real(*arguments, **options)

    monkeypatch.setattr(reports, "write_report", meanwhile)
    code, _, told = call(capsys, *command)
    assert code == 0, told
    (second,) = seconds
    assert second.returncode == 1
    assert f"{tmp_path / 'out'}: another `bench run` is at work there (process" in second.stderr
    assert (tmp_path / "out" / "report" / "index.html").is_file()


def test_a_study_that_another_took_over_meanwhile_stops(values, tmp_path, artifacts, monkeypatch):
    """As after a sleep that is longer than the other's patience."""
    out, real = tmp_path / "out", Coordinator._finish

    def taken_over(self, *finished):
        real(self, *finished)
        (lease,) = out.glob(".study.lease/*")
        lease.unlink()

    study = parse_study(values, "toy")
    with monkeypatch.context() as context:
        context.setattr(Coordinator, "_finish", taken_over)
        with pytest.raises(BusyError, match="it took over, as this process was not heard of"):
            Coordinator(study, out, artifacts, None).run()
    outcome = Coordinator(study, out, artifacts, None).run()
    assert not outcome.failed
    assert outcome.done_before > 0


def test_what_a_report_is_drawn_into_is_no_leftover(values, tmp_path, artifacts):
    """Of ``bench report`` beside a study that is taken up again."""
    out = tmp_path / "out"
    study = parse_study(values, "toy")
    Coordinator(study, out, artifacts, None).run()
    drawn = out / ".report.x.part"
    drawn.mkdir()
    with report_lock(out):
        again = threading.Thread(target=Coordinator(study, out, artifacts, None).run)
        again.start()
        again.join(timeout=5)
        assert again.is_alive()
        assert drawn.is_dir()
    again.join()
    assert not drawn.exists()


def test_a_dry_run_at_work_is_not_deleted(command, tmp_path, capsys):
    from bench.storage.locks import study_lock
    from bench.storage.records import DRY_RUN

    out = tmp_path / "out"
    out.mkdir()
    (out / DRY_RUN).touch()
    with study_lock(out):
        code, _, told = call(capsys, "run", command[1], "--smoke", "--out", str(out))
    assert code == 1
    assert "another `bench run` is at work there" in told
    assert (out / DRY_RUN).is_file()
