"""What arms need to reach the target of each study's own baseline."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.headline_ratios import headline_rows
from reports.analysis.selectors import arms, final_runs
from reports.analysis.targets import targets
from reports.comparison.labels import stack_tables, values_text
from reports.formatting import Row
from reports.tables.base import Cell, Table, groups

QUANTITIES = ("examples", "cold", "tuned")


def ratios(results: Analysis) -> pd.DataFrame:
    """The ratios to the baseline that the table shows."""
    return headline_rows(results, QUANTITIES)


def compare_reaching(studies: Mapping[str, Analysis]) -> Table:
    """A row an arm and study: the ratios to the study's baseline, and how many got there."""
    data = stack_tables({label: ratios(results) for label, results in studies.items()})
    places = pd.DataFrame(
        [(arm, label) for label, results in studies.items() for arm in _others(results)],
        columns=["arm", "study"],
    )

    def cells(row: Row) -> list[Cell]:
        own = data[(data["study"] == row["study"]) & (data["arm"] == row["arm"])]
        texts = _texts(own.set_index("quantity")) if len(own) else [formatting.NOTHING] * 6
        return [Cell(text) for text in (formatting.plain(row["arm"]), row["study"], *texts)]

    goals = {label: str(targets(results)[0]) for label, results in studies.items()}
    return Table(
        name="reaching",
        title="Reaching the baseline",
        note=(
            f"The target: {values_text(goals)} of each study's own baseline, on its dev-curve. got "
            "there: with how many seeds the arm and the baseline did. examples: the arm's to the "
            "target ÷ the baseline's, less is faster. Clocks: the baseline's charged seconds ÷ the "
            "arm's, more is faster; cold charges every artifact as if made alone, tuned the trials "
            "too. 95 % intervals, over what stands in the last column. Where runs did not get "
            "there a ratio is a bound (≥, ≤) or of restricted means alone (~); – is no ratio. How "
            "often such intervals hold the truth stands in each study's own report."
        ),
        header=["arm", "study", "arm there", "baseline there", *_HEADINGS, "95 % over"],
        align="llrrrrrl",
        groups=groups(places, cells, by="arm"),
        data=data,
    )


_HEADINGS = ("examples", "cold ×", "tuned ×")


def _texts(rows: pd.DataFrame) -> list[str]:
    """Both counts, the ratios, and the source of their intervals' variance."""
    first = rows.iloc[0]
    counts = [f"{first[f'{who}reached']}/{first[f'{who}seeds']}" for who in ("", "baseline ")]
    values = [formatting.spanned(*rows.loc[what, _SHOWN]) for what in QUANTITIES]
    over = "; ".join(dict.fromkeys(filter(None, rows["over"])))
    return [*counts, *values, over or formatting.NOTHING]


_SHOWN = ["ratio", "shown low", "shown high", "bound"]


def _others(results: Analysis) -> list[str]:
    """The arms but the baseline that have a finished run."""
    done = set(final_runs(results)["arm"])
    return [arm for arm in arms(results) if arm in done and arm != results.study.baseline]
