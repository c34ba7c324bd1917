"""A study whose runs are jobs leaves the tables of one process, whatever happens to the jobs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bench.storage.records import RunFolder
from bench.storage.run_progress import RunProgress
from tests.services.slurm import missing, running_slurm
from tests.support.command_line import bench
from tests.support.studies import study_values
from tests.support.tables import assert_same, tables

pytestmark = pytest.mark.services

BOTH = ["local", "slurm"]


@dataclass(frozen=True)
class Site:
    """Where studies are run: a folder with a study file, and a cluster."""

    folder: Path
    cluster: str
    environment: dict[str, str]

    def command(self, out: str) -> list[str]:
        table = f'{{cluster = "{self.cluster}"}}'
        where = ["--out", out, "--artifacts", "artifacts", "--no-mlflow"]
        how = ["--executor", "slurm", "--workers", "2", "--set", f"execution.slurm={table}"]
        return ["run", "toy.toml", *where, *how]

    def start(self, out: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "bench", *self.command(out)],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            # What a shell starts in the background ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def tell(self, *command: str) -> None:
        subprocess.run(command, env={**os.environ, **self.environment}, check=True)


@pytest.fixture(scope="module")
def toy(tmp_path_factory, collection_folder, tiny_model) -> Path:
    """A folder with a study of one run beside reference rows, done in one process in ``quiet``.

    ``prepared`` lacks that run.
    """
    folder = tmp_path_factory.mktemp("clusters")
    values = study_values(collection_folder, tiny_model)
    values |= {"seeds": [1], "tuning": {}, "budget": {"examples": 640}, "baseline": "infonce"}
    values["arms"] = [{"loss": "infonce", "name": "infonce"}]
    (folder / "toy.toml").write_text(tomli_w.dumps(values))
    done = bench("run", "toy.toml", "--out", "quiet", "--no-mlflow", cwd=folder)
    assert done.returncode == 0, done.stderr
    for run in (folder / "quiet" / "runs").iterdir():
        if "budget" not in RunFolder(run).record()["specification"]:
            shutil.copytree(run, folder / "prepared" / "runs" / run.name)
    return folder


@pytest.fixture(scope="module")
def wanted(toy) -> dict[str, bytes]:
    return tables(toy / "quiet")


@pytest.fixture(scope="module", params=BOTH)
def site(request, toy, tmp_path_factory):
    if request.param == "local":
        yield Site(toy, "local", {})
        return
    if missing():
        pytest.skip(missing())
    with running_slurm(tmp_path_factory.mktemp("slurm")) as configuration:
        yield Site(toy, "slurm", {"SLURM_CONF": str(configuration)})


def stop_in_training(out: Path, process: subprocess.Popen) -> RunProgress:
    """The worker of the run, stopped once it has left a checkpoint."""

    def look() -> RunProgress | None:
        assert process.poll() is None, process.stderr.read()
        for run in map(RunFolder, (out / "runs").iterdir()):
            if list(run.checkpoints.glob("[0-9]*")):
                return RunProgress.read(run)
        return None

    worker = wait_for(look)
    os.kill(worker.pid, signal.SIGSTOP)
    return worker


def wait_for(look: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def is_there(worker: RunProgress) -> bool:
    return Path(f"/proc/{worker.pid}").exists()


def job_of(worker: RunProgress) -> str:
    return Path(worker.log).name.split("_")[0]


def begin(site: Site, name: str) -> tuple[Path, subprocess.Popen, RunProgress]:
    """(the folder of a study whose run is begun, its command, the worker, which is stopped)."""
    out = site.folder / f"{name}-{site.cluster}"
    shutil.copytree(site.folder / "prepared", out)
    process = site.start(out.name)
    return out, process, stop_in_training(out, process)


def finish(process: subprocess.Popen) -> str:
    """What the command says until it has done everything."""
    told = process.stderr.read()
    assert process.wait() == 0, told
    return told


def test_killed_job_goes_on(site, wanted):
    out, process, worker = begin(site, "job-killed")
    os.kill(worker.pid, signal.SIGKILL)
    told = finish(process)
    assert "infonce · final · seed 1: its job ended without a result; another one goes on" in told
    assert_same(out, wanted)
    assert Path(worker.log).parent == out / "slurm"
    assert (out / "slurm").stat().st_mode & 0o777 == 0o700
    assert not [*(out / "slurm").glob("*.pkl")]


def test_killed_command_goes_on(site, wanted):
    """What it left in the queue is ended first, so that no run is done twice at once."""
    out, process, worker = begin(site, "command-killed")
    process.kill()
    process.wait()
    assert is_there(worker)
    told = finish(site.start(out.name))
    assert "waiting until the jobs of an earlier command have ended" in told
    assert not is_there(worker)
    assert_same(out, wanted)


def test_ctrl_c_cancels_the_jobs(site):
    _, process, worker = begin(site, "stopped")
    process.send_signal(signal.SIGINT)
    told = process.stderr.read()
    assert process.wait() == 1
    assert "stopped; nothing is lost, the same command goes on" in told
    wait_for(lambda: not is_there(worker))


@pytest.mark.parametrize("site", ["slurm"], indirect=True)
def test_requeued_job_goes_on(site, wanted):
    """As SLURM does with a job that makes way for another, or whose node is lost."""
    out, process, worker = begin(site, "requeued")
    job = job_of(worker)
    site.tell("scontrol", "requeue", job)
    assert "its job ended" not in finish(process)
    assert_same(out, wanted)
    assert "DUE TO JOB REQUEUE" in (out / "slurm" / f"{job}_0_log.err").read_text()


@pytest.mark.parametrize("site", ["slurm"], indirect=True)
def test_job_near_its_time_limit_goes_on(site, wanted):
    """It is told by a signal, and has itself queued again."""
    out, process, worker = begin(site, "signalled")
    job = job_of(worker)
    site.tell("scancel", "--signal=USR2", job)
    os.kill(worker.pid, signal.SIGCONT)
    assert "its job ended" not in finish(process)
    assert_same(out, wanted)
    assert "Exiting gracefully after preemption/timeout" in (
        (out / "slurm" / f"{job}_0_log.out").read_text()
    )


@pytest.mark.parametrize("site", ["slurm"], indirect=True)
def test_what_sbatch_refuses_is_one_line(site):
    command = [*site.command("refused"), "--set", 'execution.slurm.sbatch={partition = "x"}']
    done = bench(*command, cwd=site.folder, **site.environment)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "invalid partition specified: x" in last
    assert "[execution.slurm]" in last


def test_where_there_is_no_slurm(toy, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = bench(*Site(toy, "slurm", {}).command("none"), cwd=toy)
    assert done.returncode == 2
    assert "there is no sbatch in PATH" in done.stderr
