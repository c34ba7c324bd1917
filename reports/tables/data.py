"""What share of the data each arm needs."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import Results
from reports import wording
from reports.data_fraction import fractions_table, shares_table
from reports.tables.base import Cell, Table, groups, name
from reports.wording import Row


def data_tables(results: Results) -> list[Table]:
    """Quality on each share of the train queries, and where the target is met; none without."""
    shares, fractions = shares_table(results), fractions_table(results)
    found = [_shares_table(results, shares)] if len(shares) else []
    return [*found, *([_fractions_table(results, fractions)] if len(fractions) else [])]


def _shares_table(results: Results, table: pd.DataFrame) -> Table:
    study = results.study
    marked = table.assign(baseline=table["arm"] == study.baseline)

    def cells(row: Row) -> list[Cell]:
        used = [wording.count(row[key]) for key in ("train_queries", "labels")]
        quality = [_interval(row, part) for part in ("dev", "test")]
        untrained = str(row["best at the start"] or "")
        share = wording.percent(row["train_share"])
        texts = (share, str(row["seeds"]), *used, *quality, untrained)
        return [name(row), *map(Cell, texts)]

    return Table(
        name="data-shares",
        title="Quality by the share of train queries",
        note=(
            "Shares are nested (by a hash of the query's id); on each an arm is tuned and trained "
            "anew with the whole budget and schedule, its teacher fine-tuned on that share. "
            "queries and labels: how many different ones a run used up, fine-tuning of its "
            f"teachers included. {study.primary} at the tested point on dev-curve and on "
            f"{study.test[0]}, means over seeds with 95 % intervals (Student's t). at the start: "
            "seeds whose best point on dev-select was the untrained student."
        ),
        header=["arm", "% of queries", "seeds", "queries", "labels", "dev", "test", "at the start"],
        align="lrrrrrrr",
        groups=groups(marked, cells, by="arm"),
        data=table,
    )


def _interval(row: Row, part: str) -> str:
    return wording.measure(row[part]) + wording.plus_minus(row, part)


def _fractions_table(results: Results, table: pd.DataFrame) -> Table:
    marked = table.assign(baseline=table["arm"] == results.study.baseline)

    def cells(row: Row) -> list[Cell]:
        share = wording.NOTHING if math.isnan(row["share"]) else wording.percent(row["share"])
        value = wording.spanned(row["fraction"], row["low"], row["high"], row["bound"])
        between = wording.spanned(row["fraction"], row["queries low"], row["queries high"])
        known = not math.isnan(row["quality"])
        counted = f"{row['reached']}/{row['seeds']}" if known else wording.NOTHING
        texts = (wording.arm_name(row), counted, share, value, between)
        return [Cell(text) for text in (row["target"], *texts)]

    return Table(
        name="data-fraction",
        title="Data fraction",
        note=(
            "The labels with which an arm reaches the baseline trained on all train queries, as a "
            "share of the baseline's labels: by seed, at the first of two consecutive shares whose "
            "tested point is at or above the target on dev-curve (a seed that is there with "
            "everything alone does not count as there). Geometric means over seeds, 95 % intervals "
            "over seeds and queries, and over queries alone with the target estimated anew in each "
            "resample; ≥: some seeds did not get there. As fine as the shares are."
        ),
        header=["target", "arm", "got there", "% of queries", "fraction of labels", "over queries"],
        align="llrrrr",
        groups=groups(marked, cells, by="target"),
        data=table,
    )
