"""Computes a finished run's measures from its rankings, so that a new measure needs no training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from bench.collections.base import Collection
from bench.context import Context, Tests
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking, from_frame, read_trec, write_trec
from bench.storage.finished_run import FinishedRun
from bench.storage.records import RunFolder

SELECT = "dev-select "
"""Prefix of the columns measured on dev-select; those without are measured on dev-curve."""

JUDGED = "Judged@10"
"""Measured on every test query, whatever measures the study has: the share of the first ten
documents that are judged. If it is small, some documents that count as misses may be relevant."""


def keep_rankings(folder: RunFolder, tests: Tests, rankings: Mapping[str, Ranking]) -> None:
    """Write the ranking of each of these test parts as a TREC run file."""
    for name, part in tests.parts.items():
        write_trec(folder.trec(name), rankings[part], tests.context.collection, part, folder.id)


def measure_run(
    folder: RunFolder,
    context: Context,
    measures: Sequence[str],
    tests: Iterable[str],
    relevance: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Add missing measures to curve.parquet, dev.parquet and queries.parquet.

    - curve.parquet: the means on both halves of dev at each evaluation point;
    - dev.parquet: the values behind the means on dev-curve: point, query (its id), and one column
      per measure;
    - queries.parquet: the values of each test query, and the least relevant grade where that is
      not 1.

    Args:
        tests: none for a tuning run, which has a curve and no values of single queries.
        relevance: by test, the least grade that binary measures count as relevant; 1 by default.
    """
    _measure_dev(folder, context.collection, measures, each=bool(tests))
    if tests:
        _measure_tests(folder, context, measures, {name: relevance.get(name, 1) for name in tests})


def is_measured(
    run: FinishedRun,
    measures: Iterable[str],
    tests: Iterable[str],
    relevance: Mapping[str, int] = MappingProxyType({}),
) -> bool:
    """Whether `measure_run` would find nothing to add to a run that is done."""
    on_dev = {prefix + name for name in measures for prefix in ("", SELECT)}
    if not on_dev <= run.columns or (tests and not set(measures) <= set(run.dev)):
        return False
    names = {*measures, JUDGED}
    return all(
        names <= run.means.get(test, {}).keys()
        and run.means[test].get("relevance", 1) == relevance.get(test, 1)
        for test in tests
    )


def _measure_dev(
    folder: RunFolder, collection: Collection, measures: Sequence[str], each: bool
) -> None:
    """Update curve.parquet and dev.parquet together, so that no query is measured twice.

    Args:
        each: whether dev.parquet is wanted.
    """
    curve = folder.table("curve")
    queries = pd.DataFrame()
    if each and (folder.path / "dev.parquet").exists():
        queries = folder.table("dev")
    of_curve = [name for name in measures if name not in curve]
    of_queries = [name for name in measures if each and name not in queries]
    wanted = [name for name in measures if name in (*of_curve, *of_queries)]
    if not wanted:
        return
    dev, halves = collection.part("dev"), collection.dev_halves()
    by_point = folder.table("rankings").groupby("point")
    rankings = [from_frame(by_point.get_group(point)) for point in curve["point"]]
    values = [per_query(dev, ranking, wanted, halves["dev-curve"]) for ranking in rankings]
    if of_queries:
        rows = pd.concat(values, keys=curve["point"], names=["point"]).reset_index()
        if queries.empty:
            ids = dev.queries.id_list()
            queries["point"] = rows["point"]
            queries["query"] = [ids[position] for position in rows["query"]]
        for name in of_queries:
            queries[name] = rows[name]
        folder.write_table("dev", queries)
    if of_curve:
        on_select = [per_query(dev, one, of_curve, halves["dev-select"]) for one in rankings]
        for prefix, measured in (("", values), (SELECT, on_select)):
            means = [one.mean() for one in measured]
            for name in of_curve:
                curve[prefix + name] = [float(mean[name]) for mean in means]
        folder.write_table("curve", curve)


def _measure_tests(
    folder: RunFolder, context: Context, measures: Sequence[str], tests: Mapping[str, int]
) -> None:
    """Of each test, with the least grade that counts as relevant there."""
    names = list(dict.fromkeys([*measures, JUDGED]))
    if (folder.path / "queries.parquet").exists():
        known = folder.table("queries")
        if set(names) <= set(known.columns) and _thresholds(known) == tests:
            return
    frames = []
    for group in context.tests(tests):
        collection = group.context.collection
        for name, part in group.parts.items():
            ranking = read_trec(folder.trec(name), collection, part)
            values = per_query(collection.part(part), ranking, names, relevance=tests[name])
            ids = collection.part(part).queries.id_list()
            values.insert(0, "part", name)
            values.insert(1, "query", [ids[position] for position in values.index])
            if max(tests.values()) > 1:
                values["relevance"] = tests[name]
            frames.append(values)
    folder.write_table("queries", pd.concat(frames, ignore_index=True))


def _thresholds(queries: pd.DataFrame) -> dict[str, int]:
    """By test, the least grade that counted as relevant in the stored values."""
    if "relevance" not in queries:
        return dict.fromkeys(queries["part"], 1)
    return queries.groupby("part")["relevance"].first().to_dict()
