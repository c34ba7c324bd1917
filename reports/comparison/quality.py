"""How good arms are in each of several studies, and beside each study's own baseline."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from reports import formatting
from reports.analysis.arm_table import arm_table
from reports.analysis.base import Analysis
from reports.analysis.quality import quality_table
from reports.analysis.selectors import measure_columns
from reports.comparison.labels import stack_tables, values_text
from reports.formatting import Row
from reports.tables.base import Cell, Table, best, groups
from reports.tables.quality import counts, difference_texts, significant_arms


def measure_text(results: Analysis) -> str:
    """The measure and test that a study compares its arms by: ``nDCG@10 on test``."""
    return formatting.plain(f"{results.study.primary} on {results.study.test[0]}")


def _measures(studies: Mapping[str, Analysis]) -> str:
    return values_text({label: measure_text(results) for label, results in studies.items()})


def against_baseline(results: Analysis) -> pd.DataFrame:
    """`quality_table` on the study's first test, the only one with significance tests."""
    table = quality_table(results)
    return table[table["test"] == results.study.test[0]]


def compare_quality(studies: Mapping[str, Analysis]) -> Table:
    """A row an arm, then a row a reference; a column a study."""
    data = stack_tables({label: _measured(results) for label, results in studies.items()})
    bold = best(data["value"].where(data["role"] == "final"), by=data["study"])
    places = data[["role", "arm", "study"]].itertuples(index=False, name=None)
    found = dict(zip(places, data.assign(bold=bold).to_dict("records"), strict=True))

    def cell(row: Row | None) -> Cell:
        if row is None:
            return Cell(formatting.NOTHING)
        mark = ("*" if row["differs"] else "") + ("†" if row["baseline"] else "")
        return Cell(formatting.spread(row, "value", mark), row["bold"])

    def cells(row: Row) -> list[Cell]:
        values = [cell(found.get((row["role"], row["arm"], label))) for label in studies]
        return [Cell(formatting.plain(row["arm"])), *values]

    return Table(
        name="quality",
        title="Quality",
        note=(
            f"{_measures(studies)}: means over seeds ± half the width of the 95 % interval "
            "(Student's t); with fewer than three seeds the range [lowest, highest]. † the study's "
            "own baseline; * differs from it with p < 0.05 (paired randomisation test over "
            "queries, Holm's correction over the arms of that study, not over studies). Bold: the "
            "best mean of an arm in a study. –: the study has no such arm, or no value of it. Read "
            "down a column: values of different collections do not compare. Rows below the line "
            "were not trained."
        ),
        header=["arm", *studies],
        align="l" + "r" * len(studies),
        groups=groups(data.drop_duplicates(["role", "arm"]), cells),
        data=data,
    )


def _measured(results: Analysis) -> pd.DataFrame:
    """Arms and references with the primary measure on the first test, as ``value``."""
    table, column = arm_table(results), measure_columns(results.study)[0]
    values = {f"{column}{end}": f"value{end}" for end in ("", " low", " high", " least", " most")}
    compared, trained = against_baseline(results), table["role"] == "final"
    p_values = table["arm"].map(compared.set_index("arm")["p Holm"]).where(trained)
    return (
        table[["arm", "role", "baseline", "seeds", "done", "failed", *values]]
        .rename(columns=values)
        .assign(measure=results.study.primary, test=results.study.test[0])
        .assign(**{"p Holm": p_values.astype(float)})
        .assign(differs=trained & table["arm"].isin(significant_arms(compared)))
    )


def compare_differences(studies: Mapping[str, Analysis]) -> Table:
    """A row an arm and study: the primary measure minus that of the study's baseline."""
    compared = {label: against_baseline(results) for label, results in studies.items()}
    differ = {label: significant_arms(table) for label, table in compared.items()}
    data = stack_tables(compared)

    def cells(row: Row) -> list[Cell]:
        gap, both, _ = difference_texts(row, row["arm"] in differ[row["study"]])
        names = (formatting.plain(row["arm"]), row["study"], formatting.plain(row["baseline"]))
        return [Cell(text) for text in (*names, gap, both, counts(row))]

    return Table(
        name="differences",
        title="Differences to the baseline",
        note=(
            f"{_measures(studies)}, minus that of the study's own baseline, with 95 % intervals "
            "over seeds and queries. * p < 0.05, as above. w / t / l: queries won, tied, lost. "
            "Nothing is averaged over studies, which are not alike."
        ),
        header=["arm", "study", "baseline", "difference", "95 %", "w / t / l"],
        align="lllrrr",
        groups=groups(data, cells, by="arm"),
        data=data,
    )


def compare_agreement(differences: pd.DataFrame) -> list[Table]:
    """On how many studies an arm is better than the baseline; none where no arm is in several."""
    rows = [
        {"arm": arm, "studies": len(own), **_counts(own)}
        for arm, own in differences.groupby("arm", sort=False)
        if len(own) > 1
    ]
    if not rows:
        return []
    table = pd.DataFrame(rows)

    def cells(row: Row) -> list[Cell]:
        return [Cell(formatting.plain(value)) for value in row.values()]

    agreement = Table(
        name="agreement",
        title="Arms that several studies have",
        note=(
            "In how many of them the 95 % interval of the arm's difference to the study's own "
            "baseline is above 0 (better), below it (worse), or has 0 in it (not told apart, which "
            "is not the same as equal). A count and no test: studies that share queries, seeds or "
            "a collection do not speak for themselves, and an arm is known by its name alone."
        ),
        header=list(table),
        align="l" + "r" * (len(table.columns) - 1),
        groups=groups(table, cells),
        data=table,
    )
    return [agreement]


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    better, worse, unknown = rows["low"] > 0, rows["high"] < 0, rows["low"].isna()
    open_ = ~(better | worse | unknown)
    found = {"better": better, "not told apart": open_, "worse": worse, "no interval": unknown}
    return {name: int(of.sum()) for name, of in found.items()}
