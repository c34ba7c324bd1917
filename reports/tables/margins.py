"""How quality hangs on a swept option, such as the static margin."""

from __future__ import annotations

import math

import pandas as pd

from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.sensitivity import (
    bands_table,
    primary_columns,
    sensitivity_table,
    sweeps_table,
    transfer_table,
)
from reports.analysis.sweeps import told_apart
from reports.formatting import Row
from reports.tables.base import Cell, Table, groups

_ENDS = ("best", "worst")
"""Of a sweep, as test shows them."""


def margin_tables(results: Analysis) -> list[Table]:
    """The tables of a study that sweeps an option; none of another."""
    tables = [
        _values_table(results, sensitivity_table(results)),
        _sweeps_table(results, sweeps_table(results)),
        _bands_table(results, bands_table(results)),
        _transfer_table(results, transfer_table(results)),
    ]
    return [table for table in tables if len(table.data)]


def _values_table(results: Analysis, table: pd.DataFrame) -> Table:
    """Quality at each value."""
    tests = primary_columns(results)

    def cells(row: Row) -> list[Cell]:
        value = Cell(_value(row["value"]), bold=row["chosen"])
        measured = [formatting.spread(row, test) for test in tests]
        regrets = [_signed(row, "regret"), formatting.measure(row["hindsight regret"])]
        on_dev = formatting.measure(row["dev-select"])
        texts = [_seeds(row), on_dev, *measured, *regrets]
        return [_text(row["sweep"]), value, *map(Cell, texts)]

    return Table(
        name="margins",
        title="Quality at each value of a swept option",
        note=(
            "Arms that differ in one option alone, … its value. Bold: the value that dev-select "
            "prefers. untrained: seeds that no training made better there, tested as they began. "
            f"regret: what a value costs on {results.study.test[0]} against the bold one, negative "
            "where dev-select chose badly; hindsight regret: against the best there, an oracle's. "
            "Both describe: nothing was chosen by them. ± is half the width of the 95 % interval "
            "(Student's t; of regret Welch's), not corrected for the number of values."
        ),
        header=[
            *("sweep", "value", "seeds", f"dev-select {results.study.primary}"),
            *(*tests, "regret", "hindsight regret"),
        ],
        align="lrrr" + "r" * len(tests) + "rr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _sweeps_table(results: Analysis, table: pd.DataFrame) -> Table:
    """What a choice on dev-select was worth, on each test."""

    def cells(row: Row) -> list[Cell]:
        best, worst = (
            f"{formatting.measure(row[f'at {end}'])} at {_value(row[end])}" for end in _ENDS
        )
        means = [_signed(row, f"{kind} regret") for kind in ("mean", "worst")]
        hindsight = formatting.measure(row["hindsight regret"])
        texts = [
            _value(row["chosen"]),
            formatting.spread(row, "at chosen"),
            best,
            hindsight,
            worst,
            *means,
        ]
        return [_text(row["sweep"]), _text(row["test"]), *map(Cell, texts)]

    return Table(
        name="sweeps",
        title="What choosing on dev-select was worth",
        note=(
            "One value a sweep is chosen on dev-select and read on every test, ± half the width of "
            "the 95 % interval. Best and worst are known in hindsight only: best minus chosen "
            "(hindsight regret) is an oracle's lead. mean regret: what a value drawn at random "
            "loses against the chosen one; worst regret: what the worst does. They describe: "
            "nothing was chosen by them."
        ),
        header=[
            *("sweep", "test", "chosen", "at chosen", "best in hindsight", "hindsight regret"),
            *("worst in hindsight", "mean regret", "worst regret"),
        ],
        align="llrrrrrrr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _bands_table(results: Analysis, table: pd.DataFrame) -> Table:
    """Arms without the option against the sweep."""

    def cells(row: Row) -> list[Cell]:
        beats = f"{row['beats']} of {row['values']}"
        measured = [formatting.spread(row, "quality"), _signed(row, "difference")]
        texts = [_seeds(row), *measured, _value(row["chosen"]), beats]
        return [_text(row["sweep"]), _text(row["arm"]), *map(Cell, texts)]

    return Table(
        name="bands",
        title="Arms that are in no sweep, against its values",
        note=(
            f"{primary_columns(results)[0]} of arms with the sweep's student that are in no sweep. "
            "untrained: seeds that no training made better on dev-select. − chosen: the "
            "difference to the sweep at the value chosen there, ± half the width of Welch's 95 % "
            "interval. beats: the values whose mean is lower, however little; nothing was chosen "
            "by it."
        ),
        header=["sweep", "arm", "seeds", "quality", "− chosen", "chosen", "beats"],
        align="llrrrrr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _transfer_table(results: Analysis, table: pd.DataFrame) -> Table:
    """A value chosen with one student, used with another."""
    students = list(dict.fromkeys(table["from"]))

    def cells(row: Row) -> list[Cell]:
        pair = [_text(told_apart(row[end], students)) for end in ("from", "to")]
        choices = [_value(row[f"{whose} choice"]) for whose in ("from's", "own")]
        means = [formatting.measure(row[f"at {whose} choice"]) for whose in ("from's", "own")]
        texts = [*choices, *means, _signed(row, "regret")]
        return [_text(row["sweep"]), *pair, *map(Cell, texts)]

    return Table(
        name="transfer",
        title="A value chosen with one student, used with another",
        note=(
            "Each student's value is chosen on its own dev-select. regret: what the student under "
            f"“to” loses on {primary_columns(results)[0]} when it takes the value chosen with "
            "“from”, ± half the width of Welch's 95 % interval; 0 where both choose the same, "
            "negative where the other's is better; nothing was chosen by it."
        ),
        header=[
            *("sweep", "from", "to", "from's choice", "own choice"),
            *("at from's choice", "at own choice", "regret"),
        ],
        align="lllrrrrr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _text(value: object) -> Cell:
    return Cell(formatting.plain(value))


def _value(value: float) -> str:
    return formatting.NOTHING if math.isnan(value) else f"{value:.6g}".replace("-", "−")


def _seeds(row: Row) -> str:
    """``3``, or ``3 (2 untrained)``."""
    untrained = f" ({row['untrained']} untrained)" if row["untrained"] else ""
    return f"{row['seeds']}{untrained}"


def _signed(row: Row, column: str) -> str:
    """``+0.012 ± 0.020``, and a plain 0 where nothing can differ."""
    return formatting.change(row, column) if row[column] else "0"
