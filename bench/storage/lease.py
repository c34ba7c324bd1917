"""Leases: one process at a time, of all that see a folder, on whichever host they are.

The operating system's file locks are not to be trusted between hosts that share a folder (NFS,
Lustre). A lease is a folder with one file in it, whose name is a random token and which says who
holds the lease. It is taken by renaming such a folder to the lease's path, which fails where there
is one with a file. It is renewed, given back and taken from a dead holder by the token, so nobody
ever touches another lease than the one that is meant.

A holder on the same machine is dead once its process is gone. One elsewhere is taken for dead when
it has not renewed its lease for a while, by the clock of the process that waits: clocks of two
hosts are not compared. It may only have been asleep. What a lease guards must bear that: where it
does not by itself, `Lease.check` comes before what cannot be undone.
"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import BusyError
from bench.progress import say
from bench.storage.files import explain_full_disk
from bench.storage.processes import Process

BEAT = 5.0
"""Seconds between two renewals. A second `bench run` on another host learns within these that the
first is alive; a renewal is one small request to the file server."""

MISSED = 15
"""Renewals missed until a holder elsewhere is taken for dead. In all longer than NFS answers from a
cache (60 s), and than a busy server, or a library that does not let Python's threads run."""

UNTOLD = 3.0
"""Seconds to wait without a word."""

SLOWEST = 1.0
"""Seconds between two looks at a lease that has been waited for for long."""


@contextmanager
def hold(path: Path, busy: str, patience: float = math.inf) -> Iterator[Lease]:
    """Hold a lease during the block; a process forked in it does not hold it.

    Args:
        path: where the lease is; the folder that it is in exists.
        busy: what it means that another process holds it, for messages.
        patience: seconds to wait for a holder that is seen to be alive.

    Raises:
        BusyError: another process holds it, and that for longer than ``patience``.
        DiskFullError: the disk is full.
    """
    lease, holder, ended = Lease(path, busy), os.getpid(), threading.Event()
    lease.acquire(patience)
    try:
        threading.Thread(target=lease.keep, args=(ended,), daemon=True).start()
        yield lease
    finally:
        if os.getpid() == holder:
            ended.set()
            lease.release()


def holder(path: Path) -> str | None:
    """Who holds a lease, in words; `None` if nobody does, or who did is known to be dead."""
    seen = _look(path)
    dead = seen is not None and seen.process is not None and seen.process.lives() is False
    return None if seen is None or dead else str(seen)


class Lease:
    """See `hold`.

    Attributes:
        token: tells this taking of the lease from every other.
    """

    def __init__(self, path: Path, busy: str) -> None:
        self.token = secrets.token_hex(8)
        self._path = path
        self._busy = busy
        self._file = path / self.token

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            BusyError: another process took over while this one was asleep, or cut off.
        """
        if not self.renew():
            raise BusyError(
                f"{self._busy} ({_look(self._path) or 'gone by now'}); it took over, as this "
                "process was not heard of for long; nothing is lost"
            )

    def renew(self) -> bool:
        """Show that its holder is alive; returns whether it is still held."""
        try:
            os.utime(self._file)  # the server answers: a look may be answered by a client's cache
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise
        return True

    def keep(self, ended: threading.Event) -> None:
        """Renew it until the event is set, or it is lost."""
        while not ended.wait(BEAT):
            with suppress(OSError):  # of a server that may answer next time
                if not self.renew():
                    return

    def acquire(self, patience: float) -> None:
        """Wait for it, and take it; arguments and errors as `hold`."""
        began, watch = time.monotonic(), _Watch()
        told, pause = False, 0.01
        while True:
            now = time.monotonic()
            if (seen := _look(self._path)) is None:
                if self._take():
                    return
            elif seen.file == self._file:
                return  # the server's answer to `_take` got lost
            elif (lives := watch.lives(seen, now)) is False:
                if told:
                    say(f"{self._busy} ({seen}); that is dead, and this process goes on")
                seen.file.unlink(missing_ok=True)
                continue
            elif lives and now - began >= patience:
                raise BusyError(f"{self._busy} ({seen})")
            elif now - began > UNTOLD and not told:
                say(f"{self._busy} ({seen}); waiting for it")
                told = True
            time.sleep(pause)
            pause = min(1.5 * pause, SLOWEST)

    def _take(self) -> bool:
        """Take it unless another process does so first; returns whether it is taken."""
        self._tidy()
        aside = self._path.with_name(f"{self._path.name}.{self.token}.part")
        since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        holder = {"process": asdict(Process.current()), "since": since}
        with explain_full_disk(self._path):
            aside.mkdir(exist_ok=True)
            try:
                (aside / self.token).write_text(json.dumps(holder), encoding="utf-8")
                os.rename(aside, self._path)
            except OSError as error:
                # ENOENT: `remove_leftovers`, or a server that is asked again for what it has done.
                failed = error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOENT)
                if failed and _look(self._path) is None:
                    raise
            finally:
                _remove(aside / self.token)
        return self.renew()

    def _tidy(self) -> None:
        """Delete what processes left aside that were killed while they took it."""
        for left in self._path.parent.glob(f"{self._path.name}.*.part"):
            seen = _look(left)
            if seen and seen.process and seen.process.lives() is False:
                _remove(seen.file)

    def release(self) -> None:
        """Let others have it. Where that fails, they take it once this process is dead."""
        _remove(self._file)


_GONE = (errno.ENOENT, errno.ESTALE)


@dataclass(frozen=True)
class _Seen:
    """A look at a held lease.

    Attributes:
        renewed: by the file server's clock, in nanoseconds; to be compared with itself alone.
        process: who holds it; `None` where that cannot be read.
        since: when it was taken, by the holder's clock.
    """

    file: Path
    renewed: int
    process: Process | None
    since: str

    def __str__(self) -> str:
        return f"{self.process}, since {self.since}" if self.process else "an unknown process"


def _look(path: Path) -> _Seen | None:
    """The lease as it is now; `None` where nobody holds it."""
    try:
        if not (names := os.listdir(path)):
            return None
        file = path / min(names)
        with file.open("rb") as stream:  # only what is opened is asked of the server, not the cache
            content, renewed = stream.read(), os.fstat(stream.fileno()).st_mtime_ns
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    try:
        holder = json.loads(content)
        return _Seen(file, renewed, Process(**holder["process"]), holder["since"])
    except (ValueError, LookupError, TypeError):
        return _Seen(file, renewed, None, "")  # the machine lost power, for example


def _remove(file: Path) -> None:
    """Delete a lease's file, and its folder unless there is another one in it by now."""
    with suppress(OSError):
        file.unlink()
    with suppress(OSError):
        file.parent.rmdir()


class _Watch:
    """What one waiter has seen of the holders of a lease."""

    def __init__(self) -> None:
        self._last: tuple[Path, int] | None = None
        self._changed = 0.0

    def lives(self, seen: _Seen, looked: float) -> bool | None:
        """Whether the holder is alive; `None` as long as that is not known.

        Args:
            looked: before that look, in seconds of `time.monotonic`. What changes is noted after
                it, so seconds in which the waiter itself was stopped are never held against others.
        """
        last, self._last = self._last, (seen.file, seen.renewed)
        if self._last != last:
            self._changed = time.monotonic()
        lives = seen.process.lives() if seen.process else None
        if lives is not None:
            return lives
        if last is not None and self._last != last:
            return True
        return False if looked - self._changed > MISSED * BEAT else None
