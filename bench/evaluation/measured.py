"""From a finished run's rankings to its measures; a new measure needs no new training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from bench.collections.base import Collection
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking, from_frame, read_trec, write_trec
from bench.lab import Lab, Tests
from bench.records import RunFolder

SELECT = "dev-select "
"""Prefix of the columns measured on dev-select; those without are measured on dev-curve."""


def keep_rankings(folder: RunFolder, tests: Tests, rankings: Mapping[str, Ranking]) -> None:
    """Write the ranking of each part that these tests search as a TREC run."""
    for name, part in tests.parts.items():
        write_trec(folder.trec(name), rankings[part], tests.lab.collection, part, folder.id)


def measure_run(folder: RunFolder, lab: Lab, measures: Sequence[str], tests: Iterable[str]) -> None:
    """Add what is missing to curve.parquet (dev) and queries.parquet (each test query)."""
    curve = folder.table("curve")
    missing = [name for name in measures if name not in curve]
    if missing:
        folder.write_table("curve", _with_measures(curve, folder, lab.collection, missing))
    if tests:
        _measure_tests(folder, lab, measures, tests)


def _with_measures(
    curve: pd.DataFrame, folder: RunFolder, collection: Collection, measures: Sequence[str]
) -> pd.DataFrame:
    halves = collection.dev_halves()
    dev = collection.part("dev")
    rankings = {
        point: from_frame(rows) for point, rows in folder.table("rankings").groupby("point")
    }
    for half, prefix in (("dev-curve", ""), ("dev-select", SELECT)):
        means = [
            per_query(dev, rankings[point], measures, halves[half]).mean()
            for point in curve["point"]
        ]
        for name in measures:
            curve[prefix + name] = [float(mean[name]) for mean in means]
    return curve


def _measure_tests(
    folder: RunFolder, lab: Lab, measures: Sequence[str], tests: Iterable[str]
) -> None:
    known = (folder.path / "queries.parquet").exists()
    if known and set(measures) <= set(folder.table("queries").columns):
        return
    frames = []
    for there in lab.tests(tests):
        collection = there.lab.collection
        for name, part in there.parts.items():
            ranking = read_trec(folder.trec(name), collection, part)
            values = per_query(collection.part(part), ranking, measures)
            ids = collection.part(part).queries.id_list()
            values.insert(0, "part", name)
            values.insert(1, "query", [ids[position] for position in values.index])
            frames.append(values)
    folder.write_table("queries", pd.concat(frames, ignore_index=True))
