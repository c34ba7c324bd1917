"""A SLURM of one node on this machine, as the user who runs the tests: no systemd, no accounting.

It needs Debian's packages ``slurm-wlm`` and ``munge``, or their like.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
"""What a test needs; the daemons stand in folders that PATH often lacks."""

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

# More CPUs than the machine may have (config_overrides), so that jobs run side by side anywhere.
# A requeued job waits for cred_expire, 120 s by default, and for the next round of the scheduler.
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=6
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=2
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Which programs are not here, as the reason of a skipped test; empty where all are."""
    absent = [program for program in PROGRAMS if not shutil.which(program, path=_PATH)]
    return f"SLURM is not installed (slurm-wlm, munge): no {', '.join(absent)}" if absent else ""


@contextmanager
def running_slurm(folder: Path) -> Iterator[Path]:
    """The path of its configuration, for SLURM_CONF; all jobs and daemons end with the block.

    Args:
        folder: an empty one, for keys, state and logs.
    """
    host = socket.gethostname().split(".")[0]
    controller, daemon = _free_ports(2)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            host=host, controller=controller, daemon=daemon, user=getpass.getuser(), folder=folder
        )
    )
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    own = [f"--{name}={folder}/munge.{name}" for name in ("socket", "log-file", "pid-file")]
    own += [f"--key-file={key}", f"--seed-file={folder}/munge.seed"]
    environment = {**os.environ, "SLURM_CONF": str(configuration), "PATH": _PATH}
    with ExitStack() as daemons:
        for command in (
            ["munged", "--foreground", "--force", *own],
            ["slurmctld", "-D"],
            ["slurmd", "-D"],
        ):
            daemons.enter_context(_daemon(command, folder, environment))
        _wait(lambda: _say(environment, "sinfo", "--noheader", "--format=%T") == "idle", folder)
        try:
            yield configuration
        finally:
            _say(environment, "scancel", f"--user={getpass.getuser()}")
            _wait(lambda: not _say(environment, "squeue", "--noheader"), folder)


@contextmanager
def _daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _say(environment: dict[str, str], *command: str) -> str:
    """What a command prints; nothing where it fails, since daemons take a moment to answer."""
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip()


def _wait(condition, folder: Path, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"SLURM does not answer as it should; its logs are in {folder}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
