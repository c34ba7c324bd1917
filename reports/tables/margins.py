"""How quality hangs on a swept option, such as the static margin."""

from __future__ import annotations

import math

import pandas as pd

from bench.results import Results
from reports import wording
from reports.sensitivity import (
    bands_table,
    primary_columns,
    sensitivity_table,
    sweeps_table,
    transfer_table,
)
from reports.sweeps import told_apart
from reports.tables.base import Cell, Table, groups
from reports.wording import Row

_ENDS = ("best", "worst")
"""Of a sweep, as test shows them."""


def margin_tables(results: Results) -> list[Table]:
    """The tables of a study that sweeps an option; none of another."""
    tables = [
        _values_table(results, sensitivity_table(results)),
        _sweeps_table(results, sweeps_table(results)),
        _bands_table(results, bands_table(results)),
        _transfer_table(results, transfer_table(results)),
    ]
    return [table for table in tables if len(table.data)]


def _values_table(results: Results, table: pd.DataFrame) -> Table:
    """Quality at each value."""
    tests = primary_columns(results)

    def cells(row: Row) -> list[Cell]:
        value = Cell(_value(row["value"]), bold=row["chosen"])
        measured = [_within(row, test) for test in tests]
        regrets = [_signed(row, "regret"), wording.measure(row["hindsight regret"])]
        on_dev = wording.measure(row["dev-select"])
        texts = [_seeds(row), on_dev, *measured, *regrets]
        return [_text(row["sweep"]), value, *map(Cell, texts)]

    return Table(
        name="margins",
        title="Quality at each value of a swept option",
        note=(
            "Arms that differ in one option of their loss alone, … its value. The bold value is "
            "the one that dev-select prefers; untrained seeds are those that no training made "
            "better there, tested as they began. Regret is what this value costs on "
            f"{results.study.test[0]} against the bold one, negative where dev-select chose "
            "badly; it describes, and nothing was chosen by it. Hindsight regret is against the "
            f"best of the sweep on {results.study.test[0]}: an oracle's. ± is half the width of "
            "the 95 % interval (Student's t; Welch's for regret), from three seeds on, each by "
            "itself and not corrected for how many there are."
        ),
        header=[
            *("sweep", "value", "seeds", f"dev-select {results.study.primary}"),
            *(*tests, "regret", "hindsight regret"),
        ],
        align="lrrr" + "r" * len(tests) + "rr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _sweeps_table(results: Results, table: pd.DataFrame) -> Table:
    """What a choice on dev-select was worth, on each test."""

    def cells(row: Row) -> list[Cell]:
        best, worst = (
            f"{wording.measure(row[f'at {end}'])} at {_value(row[end])}" for end in _ENDS
        )
        means = [_signed(row, f"{kind} regret") for kind in ("mean", "worst")]
        hindsight = wording.measure(row["hindsight regret"])
        texts = [_value(row["chosen"]), _within(row, "at chosen"), best, hindsight, worst, *means]
        return [_text(row["sweep"]), _text(row["test"]), *map(Cell, texts)]

    return Table(
        name="sweeps",
        title="What choosing on dev-select was worth",
        note=(
            "One value a sweep is chosen on dev-select and then read on every test; ± is half the "
            "width of the 95 % interval, from three seeds on. Best and worst are known in "
            "hindsight only, and best minus chosen is an oracle's lead that flatters it. Mean "
            "regret is what a value drawn at random from the grid loses against the chosen one, "
            "worst regret what the worst does; both describe, and nothing was chosen by them."
        ),
        header=[
            *("sweep", "test", "chosen", "at chosen", "best in hindsight", "hindsight regret"),
            *("worst in hindsight", "mean regret", "worst regret"),
        ],
        align="llrrrrrrr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _bands_table(results: Results, table: pd.DataFrame) -> Table:
    """Arms without the option against the sweep."""

    def cells(row: Row) -> list[Cell]:
        beats = f"{row['beats']} of {row['values']}"
        measured = [_within(row, "quality"), _signed(row, "difference")]
        texts = [_seeds(row), *measured, _value(row["chosen"]), beats]
        return [_text(row["sweep"]), _text(row["arm"]), *map(Cell, texts)]

    return Table(
        name="bands",
        title="Arms that are in no sweep, against its values",
        note=(
            f"{primary_columns(results)[0]} of every arm with the sweep's student that is in no "
            "sweep; untrained seeds are those that no training made better on dev-select. The "
            "difference is to the sweep at the value chosen on dev-select, ± half the "
            "width of Welch's 95 % interval, from three seeds on. Beats counts the values whose "
            "mean is lower, however little; it describes the grid, and nothing was chosen by it."
        ),
        header=["sweep", "arm", "seeds", "quality", "− chosen", "chosen", "beats"],
        align="llrrrrr",
        groups=groups(table, cells, by="sweep"),
        data=table,
    )


def _transfer_table(results: Results, table: pd.DataFrame) -> Table:
    """A value chosen with one student, used with another."""
    students = list(dict.fromkeys(table["from"]))

    def cells(row: Row) -> list[Cell]:
        pair = [_text(told_apart(row[end], students)) for end in ("from", "to")]
        choices = [_value(row[f"{whose} choice"]) for whose in ("from's", "own")]
        means = [wording.measure(row[f"at {whose} choice"]) for whose in ("from's", "own")]
        texts = [*choices, *means, _signed(row, "regret")]
        return [_text(row["sweep"]), *pair, *map(Cell, texts)]

    return Table(
        name="transfer",
        title="A value chosen with one student, used with another",
        note=(
            "Each student's value is chosen on its own dev-select. Regret is what the student "
            f"under “to” loses on {primary_columns(results)[0]} when it takes the value chosen "
            "with “from” in place of its own: 0 where both choose the same, negative where the "
            "other's is the better one. ± is half the width of Welch's 95 % interval, from three "
            "seeds on. It describes, and nothing was chosen by it."
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
    return Cell(wording.plain(value))


def _value(value: float) -> str:
    return wording.NOTHING if math.isnan(value) else f"{value:.6g}".replace("-", "−")


def _seeds(row: Row) -> str:
    """``3``, or ``3 (2 untrained)``."""
    untrained = f" ({row['untrained']} untrained)" if row["untrained"] else ""
    return f"{row['seeds']}{untrained}"


def _within(row: Row, column: str) -> str:
    """``0.512 ± 0.013``, without the interval where there is none."""
    return wording.measure(row[column]) + wording.plus_minus(row, column)


def _signed(row: Row, column: str) -> str:
    """``+0.012 ± 0.020``, and a plain 0 where nothing can differ."""
    value = row[column]
    if math.isnan(value):
        return wording.NOTHING
    return wording.signed(value) + wording.plus_minus(row, column) if value else "0"
