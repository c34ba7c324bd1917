"""A full disk: one clear line, nothing corrupted, and the study goes on when there is room."""

import errno
import json
import re
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from safetensors import SafetensorError

from bench.errors import DiskFullError
from bench.storage.files import atomic, disk_is_full, save_array
from tests.support.crash_injection import finish
from tests.support.disk_full import COMMAND, assert_nothing_failed, full_at
from tests.support.studies import crossed
from tests.support.tables import assert_same, tables

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MOUNTING = ["unshare", "-Urm"]
SAYS_FULL = re.compile(
    r"^bench: (\S+): the disk is full; nothing is lost, the same command goes on "
    r"once there is room$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, collection_folder, tiny_model) -> Path:
    folder = tmp_path_factory.mktemp("full")
    (folder / "study.toml").write_text(tomli_w.dumps(crossed(collection_folder, tiny_model)))
    return folder


@pytest.fixture(scope="module")
def quiet(folder) -> dict[str, bytes]:
    (folder / "quiet").mkdir()
    code, told = finish(folder / "quiet", *COMMAND)
    assert code == 0, told
    return tables(folder / "quiet" / "out")


@pytest.fixture(scope="module")
def mounting() -> None:
    """A file system of one's own, of any size."""
    probe = [*MOUNTING, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if tried.returncode:
        pytest.skip(f"no file system may be mounted here: {tried.stderr.strip()}")


def fill(folder: Path, how: str) -> list[tuple[int, str, str]]:
    command = [*MOUNTING, sys.executable, "-m", "tests.support.disk_full", how, str(folder)]
    filled = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert filled.returncode == 0, filled.stderr
    return json.loads((folder / f"{how}.json").read_text())


def places(stops: list[tuple[int, str, str]]) -> list[str]:
    """Where each process found the disk full; each said so in a line, and nothing else."""
    found = []
    for code, told, moment in stops:
        assert code == 1, (moment, told)
        assert "Traceback" not in told, (moment, told)
        (place,) = SAYS_FULL.findall(told)
        found.append(place)
    return found


def test_full_at_every_kind_of_change(mounting, quiet, folder):
    *stops, last, once_more = fill(folder, "moments")
    found = "\n".join(places(stops))
    for place in (
        *("collection", "tokens", "mined-negatives", "teacher-embeddings"),
        *("state-0", "study.toml", "test.trec.gz", "rankings.parquet", "curve.parquet"),
        *("bills.parquet", "dev.parquet", "queries.parquet", "run.json"),
        *("heartbeat.json", "checkpoint"),
        *("student", "summary.csv", "curves.csv", "ledger.csv", "report"),
    ):
        assert re.search(rf"/\.?{place}\b", found), place
    # Optuna's storage names no file: the study's folder is named.
    assert "\nout\n" in found
    # Without room for MLflow's words about the report, the study is done all the same.
    assert last[0] == once_more[0] == 0
    assert "MLflow: the disk is full; training goes on without it" in last[1]
    assert "Traceback" not in last[1]
    assert "goes on without it" not in once_more[1]
    assert_same(folder / "moments" / "out", quiet)


def test_full_at_any_size(mounting, quiet, folder):
    *stops, last = fill(folder, "sizes")
    assert len(set(places(stops))) > 5
    assert last[0] == 0
    assert "goes on without it" not in last[1]
    assert_same(folder / "sizes" / "out", quiet)


def test_full_where_nothing_may_be_mounted(quiet, folder):
    """The same of errors that are raised, at each kind of file that takes its place."""
    disk = folder / "raised"
    disk.mkdir()
    log = folder / "raised.log"
    log.touch()
    stops = []
    while True:
        code, told = finish(disk, *COMMAND, "--no-mlflow", hook=partial(full_at, log))
        assert_nothing_failed(disk)
        if code == 0:
            break
        stops.append((code, told, log.read_text().splitlines()[-1]))
    assert len(places(stops)) == len(log.read_text().splitlines()) > 12
    assert_same(disk / "out", quiet)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("8320 requested and 8064 written"),
        SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        ),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_its_names(error, tmp_path):
    assert disk_is_full(error)
    table = tmp_path / "table.csv"
    with pytest.raises(DiskFullError, match="table.csv: the disk is full"), atomic(table):
        try:
            raise error
        except Exception:
            raise ValueError("could not be stored")  # noqa: B904 (libraries do)
    assert not [*tmp_path.iterdir()]


def test_other_errors_are_none():
    assert not disk_is_full(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert not disk_is_full(ValueError("128 requested"))


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
def test_no_array_is_cut_short_unsaid():
    """As `numpy.save` does it."""
    with pytest.raises(OSError, match="No space left"):
        save_array(Path("/dev/full"), np.zeros(3))


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 3)), np.arange(7, dtype=np.float16), np.arange(12).reshape(3, 4).T, np.ones(())],
)
def test_an_array_is_what_numpy_writes(array, tmp_path):
    save_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "theirs.npy", np.asarray(array, order="C"))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    assert np.array_equal(np.load(tmp_path / "ours.npy"), array)
