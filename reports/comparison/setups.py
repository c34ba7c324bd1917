"""How the set-ups of several studies differ; the page says it before any result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bench.registry import format_entry
from reports.analysis.arm_table import arm_table
from reports.analysis.base import Analysis
from reports.analysis.selectors import collection_name, final_runs
from reports.analysis.sweeps import parsed
from reports.comparison.labels import stack_tables, values_text
from reports.comparison.quality import against_baseline, measure_text
from reports.comparison.reaching import ratios
from reports.formatting import Row, named, plain
from reports.tables.base import Cell, Table, groups, text

_MACHINE = ("device", "threads", "cpus", "machine", "workers")

_WHY = {
    "budget": "an arm may be better for being trained on more alone",
    "measure": "neither values nor differences compare",
    "students": "an arm of one name is another student",
    "trials": "tuned seconds and chosen options are those of unequal efforts",
    "baseline": "a difference or a ratio is to its own study's baseline",
    "baseline's teacher": "what the baseline learns from and is charged for is not the same",
    "machine": "their seconds never compare; a ratio of seconds is that of its own machine",
}
"""Why a difference in a column of the set-ups matters; collections and seeds may differ."""


def compare_setups(studies: Mapping[str, Analysis]) -> Table:
    """A row a study."""
    data = stack_tables({label: pd.DataFrame([_setup(of)]) for label, of in studies.items()})

    def cells(row: Row) -> list[Cell]:
        return [Cell(text(value)) for value in row.values()]

    return Table(
        name="set-ups",
        title="Set-ups",
        note=(
            "budget: of a run. measure: what arms are compared by. trials: of tuning, for each "
            "arm that has something to tune. machine: as runs recorded it; two computers that "
            "record the same may still be unequally fast."
        ),
        header=list(data),
        align="l" * len(data.columns),
        groups=groups(data, cells),
        data=data,
    )


def _setup(results: Analysis) -> dict[str, str]:
    study, table = results.study, arm_table(results)
    trained = table[table["role"] == "final"]
    tuning = study.tuning
    return {
        "collection": collection_name(study),
        "budget": str(study.budget),
        "seeds": ", ".join(map(str, study.seeds)),
        "trials": f"{tuning.trials} ({tuning.sampler})" if tuning.trials else "0",
        "measure": measure_text(results),
        "students": _unique(trained["student"]),
        "baseline": study.baseline,
        "baseline's teacher": _unique(trained.loc[trained["baseline"], "teacher"]),
        "machine": _unique(map(_machine, _environments(results))),
    }


def _unique(values: object) -> str:
    return "; ".join(dict.fromkeys(map(str, values)))  # type: ignore[call-overload]


def _environments(results: Analysis) -> list[str]:
    return list(final_runs(results).reindex(columns=["environment"])["environment"].dropna())


def _machine(environment: str) -> str:
    return ", ".join(part for part in environment.split(", ") if part.startswith(_MACHINE))


def comparison_warnings(studies: Mapping[str, Analysis]) -> list[str]:
    """A sentence for each difference that makes the studies' numbers incomparable."""
    table = compare_setups(studies).data.set_index("study")
    found = []
    for column, why in _WHY.items():
        values = {str(label): plain(value) for label, value in table[column].items() if value}
        if len(set(values.values())) > 1:
            found.append(f"The studies differ in {column}: {values_text(values)}: {why}.")
    return [*found, *_versions(studies), *_same_names(studies), *_missing(studies)]


def _versions(studies: Mapping[str, Analysis]) -> Iterator[str]:
    """A sentence where libraries had different versions, which may change training."""
    used = {
        label: {part for environment in _environments(results) for part in environment.split(", ")}
        for label, results in studies.items()
    }
    known = {label: parts for label, parts in used.items() if parts}
    if not known:
        return
    shared = set.intersection(*known.values())
    others = {
        label: ", ".join(sorted(part for part in parts - shared if not part.startswith(_MACHINE)))
        for label, parts in known.items()
    }
    if any(others.values()):
        told = values_text({label: plain(parts) for label, parts in others.items()})
        yield f"The studies were trained with different versions: {told}."


def _same_names(studies: Mapping[str, Analysis]) -> Iterator[str]:
    """A sentence for each part in which arms of the same name differ."""
    parts = ["loss", "teacher", "sampler"]
    table = stack_tables({label: arm_table(results) for label, results in studies.items()})
    table = table.assign(loss=[_as_written(row) for row in table.to_dict("records")])
    for arm, rows in table[table["role"] == "final"].groupby("arm", sort=False):
        for part in parts:
            if rows[part].nunique() > 1:
                values = {row["study"]: plain(row[part]) for row in rows.to_dict("records")}
                text = values_text(values)
                yield f"{named(arm)} is not the same arm everywhere: its {part} is {text}."


def _as_written(row: Row) -> str:
    """An arm's loss without the options that tuning chose for it."""
    name, options = parsed(row["loss"])
    kept = {key: value for key, value in options.items() if pd.isna(row.get(f"loss.{key}"))}
    return format_entry(name, kept)


def _missing(studies: Mapping[str, Analysis]) -> Iterator[str]:
    """A sentence for each study that is missing from a table."""
    for label, results in studies.items():
        done = set(final_runs(results)["arm"])
        baseline = results.study.baseline
        if not done:
            yield f"{label}: no final run is finished."
        elif baseline not in done:
            yield (
                f"{label}: the baseline {named(baseline)} has no finished run: there are no "
                "differences and no ratios to it."
            )
        elif len(done) > 1:
            if against_baseline(results).empty:
                yield f"{label}: there are no test values by query, and so no differences."
            if ratios(results).empty:
                yield f"{label}: the learning rate decays, and so there are no ratios."
