"""What nobody foresaw: one line, a log with the traceback, exit code 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.crash import LOG, explain_errors
from bench.errors import BenchError, InputError
from tests.support.command_line import call


def fail(*_: object) -> None:
    raise ValueError("max() arg is an empty sequence\nand a second line")


def in_a_line(told: str) -> Path:
    """The log that the only line names."""
    (line,) = told.strip().splitlines()
    assert line.startswith("bench: ValueError: max() arg is an empty sequence; what is finished is")
    log = Path(line.rpartition("the traceback: ")[2])
    assert "in fail" in log.read_text()
    assert "and a second line" in log.read_text()
    return log


def test_of_a_command_with_a_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bench.commands.show_status", fail)
    code, _, told = call(capsys, "status", str(tmp_path))
    assert code == 1
    assert in_a_line(told) == tmp_path / LOG
    assert [path.name for path in tmp_path.iterdir()] == [LOG]


@pytest.mark.parametrize("command", [["list", "losses"], ["status", "no/such/folder"]])
def test_of_a_command_without(command, capsys, monkeypatch):
    monkeypatch.setattr("bench.commands.show_status", fail)
    monkeypatch.setattr("bench.commands.list_kind", fail)
    code, _, told = call(capsys, *command)
    assert code == 1
    in_a_line(told).unlink()


def test_of_a_study_that_is_run(toy_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.execution.coordinator.Coordinator._open_records", fail)
    code, _, told = call(capsys, "run", str(toy_file), "--no-mlflow")
    assert code == 1
    assert in_a_line(told) == Path("results/toy") / LOG


def test_our_own_errors_pass_and_ctrl_c_does(tmp_path):
    for error in (InputError("x"), BenchError("x"), KeyboardInterrupt(), BrokenPipeError()):
        with pytest.raises(type(error)) as caught, explain_errors(tmp_path):
            raise error
        assert caught.value is error
    assert not list(tmp_path.iterdir())


def test_who_stops_reading_is_told_nothing():
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        f"{sys.executable} -m bench list losses --json | head -c 1",
        shell=True, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[", "")
