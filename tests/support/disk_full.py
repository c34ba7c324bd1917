"""A study on a disk of its own that fills up, for `tests.end_to_end.test_disk_full`.

``unshare -Urm python -m tests.support.disk_full HOW FOLDER``, where ``FOLDER/study.toml`` is: in
there, a disk may be mounted. It leaves in ``FOLDER/HOW`` what the study has left, and in
``FOLDER/HOW.json`` how each of its processes ended: exit code, what it said, and when or where the
disk was full.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.storage.records import RunFolder
from tests.support.crash_injection import about_files, finish, hook, hook_calls

COMMAND = ("run", "../study.toml", "--out", "out", "--artifacts", "artifacts")

Stops = list[tuple[int, str, str]]


def fill_at_moments(folder: Path) -> Stops:
    """Each process finds the disk full at another moment; then there is room again."""
    disk, log = mounted(folder, "256m"), folder / "moments.log"
    log.touch()
    stops: Stops = []
    while True:
        before = log.read_text()
        code, told = finish(disk, *COMMAND, hook=partial(fill_at, log))
        (disk / "ballast").unlink(missing_ok=True)
        assert_nothing_failed(disk)
        stops.append((code, told, log.read_text().removeprefix(before).strip()))
        if log.read_text() == before:
            return stops


def grow(folder: Path) -> Stops:
    """The disk is made larger until the study has room."""
    size = 48
    disk = mounted(folder, f"{size}k")
    stops: Stops = []
    while True:
        code, told = finish(disk, *COMMAND)
        assert_nothing_failed(disk)
        stops.append((code, told, f"{size} KiB"))
        if code == 0:
            return stops
        size = size * 3 // 2
        subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)


def mounted(folder: Path, size: str) -> Path:
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=True)
    return disk


def assert_nothing_failed(disk: Path) -> None:
    for path in (disk / "out" / "runs").glob("*"):
        assert RunFolder(path).status() in ("done", "running"), path


# -- hooks, in the process -------------------------------------------------------------------------


def fill_at(log: Path) -> None:
    """Fill the disk once, when something is to be written of a kind that is not in the log."""
    import matplotlib.figure

    from bench.storage.artifacts import Artifacts

    here = Path.cwd()
    about, once = about_files(here), _Once(log)

    def event(moment: str) -> None:
        if once.is_now(moment):
            with (here / "ballast").open("wb", buffering=0) as ballast:
                try:
                    while True:
                        ballast.write(bytes(4096))
                except OSError:
                    pass

    def aside(*_: object, prefix: str = "", dir: object = "", **__: object) -> str | None:
        return about(os.path.join(str(dir), prefix.strip(".")))

    hook(tempfile, "mkstemp", event, aside)
    hook(tempfile, "mkdtemp", event, aside)
    hook(Artifacts, "_make", event, lambda kept, name, *_: about(name.folder(kept.root)))
    hook(matplotlib.figure.Figure, "savefig", event, lambda *_, **__: "savefig")
    hook_calls(event)


def full_at(log: Path) -> None:
    """The same as an error that is raised, of the study's own files; no disk is mounted."""
    about, once = about_files(Path.cwd()), _Once(log)

    def event(moment: str) -> None:
        if "out/" in moment and once.is_now(moment):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    hook(os, "replace", event, lambda source, target, **_: about(target))


class _Once:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._done = set(log.read_text().splitlines())
        self._was = False

    def is_now(self, moment: str) -> bool:
        if self._was or moment in self._done or not moment.startswith("before"):
            return False
        self._was = True
        with self._log.open("a") as stream:
            stream.write(f"{moment}\n")
        return True


if __name__ == "__main__":
    how, folder = sys.argv[1], Path(sys.argv[2])
    stops = {"moments": fill_at_moments, "sizes": grow}[how](folder)
    shutil.copytree(folder / "disk", folder / how)
    (folder / f"{how}.json").write_text(json.dumps(stops))
