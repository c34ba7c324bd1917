"""Whether two studies have left the same behind."""

from pathlib import Path

import pandas as pd

from bench.results import TIMED


def tables(out: Path) -> dict[str, bytes]:
    """The finished tables' bytes without seconds and environments, and what the runs keep."""
    summary = pd.read_csv(out / "summary.csv", dtype=str).drop(columns=[*TIMED, "environment"])
    curves = pd.read_csv(out / "curves.csv", dtype=str).drop(columns="train_seconds")
    ledger = pd.read_csv(out / "ledger.csv", dtype=str).drop(columns=["seconds", "reused"])
    # What was done twice is on the bill, and a clock is there from when it first ran.
    ledger = ledger[ledger["phase"] != "wasted"].sort_values(list(ledger.columns))
    found = {
        "summary": summary.to_csv().encode(),
        "curves": curves.to_csv().encode(),
        "ledger": ledger.to_csv(index=False).encode(),
    }
    for run in sorted((out / "runs").iterdir()):
        kept = ("queries.parquet", "dev.parquet", "rankings.parquet", "test.trec.gz")
        students = (path for path in (run / "student").rglob("*") if path.is_file())
        for path in [*(run / name for name in kept), *students]:
            if path.exists():
                found[str(path.relative_to(out))] = path.read_bytes()
    return found


def assert_same(out: Path, wanted: dict[str, bytes]) -> None:
    found = tables(out)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert not [*out.rglob("*.part")]
