"""The page of one study."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from bench.study.schema import Study
from reports.analysis.base import Analysis
from reports.analysis.selectors import arms, collection_name, final_runs, option_columns, tuned_arms
from reports.analysis.validity import warnings
from reports.formatting import options_text, plain
from reports.headlines import headlines
from reports.page.links import links_of
from reports.page.records import (
    bills_table,
    environments_table,
    folder_of,
    replay,
    runs_table,
    unpriced,
)
from reports.page.sections import SECTIONS, sections_of
from reports.page.template import Picture, fill
from reports.tables.base import Table

OPEN = {
    *("claims", "results", "comparison", "to-target", "speed", "data-fraction", "retention"),
    *("charges", "arms"),
}
"""The tables that answer; a reader opens the others."""


def render(results: Analysis, tables: Sequence[Table], pictures: Sequence[Picture]) -> str:
    """The page's HTML."""
    return fill("study.html.j2", _content(results, tables, pictures))


def _content(
    results: Analysis, tables: Sequence[Table], pictures: Sequence[Picture]
) -> dict[str, Any]:
    study, links = results.study, links_of(results.folder, folder_of(results))
    answer, *details = headlines(results) or [""]
    return {
        "title": study.title,
        "name": study.name,
        "question": study.question,
        "answer": answer,
        "details": details,
        "statement": _statement(results),
        "warnings": warnings(results),
        "sections": sections_of(SECTIONS, tables, pictures),
        "open": OPEN,
        "tables": {table.name: table for table in tables},
        "ledger": bills_table(results),
        "unpriced": unpriced(results),
        "tuning": _tuning(results),
        "runs": runs_table(results, links),
        "links": links,
        "environments": environments_table(results),
        "notes": _notes(results),
        "commands": _commands(results),
        "study_file": study.to_toml(),
    }


def _commands(results: Analysis) -> list[tuple[str, str]]:
    """What to do, and how."""
    folder = folder_of(results)
    done = final_runs(results)
    again = [("Train one run again:", replay(results, row)) for row in done[:1].to_dict("records")]
    return [
        ("Everything from nothing, with the study file below:", "bench run study.toml"),
        ("This page, its figures and tables, from the records:", _command("report", folder)),
        *again,
        ("What every arm is charged:", _command("bill", folder)),
    ]


def _command(*words: str) -> str:
    return shlex.join(["bench", *words])


def _statement(results: Analysis) -> str:
    if final_runs(results).empty:
        return "No final run is finished: there is nothing to compare yet."
    study = results.study
    seeds = ", ".join(map(str, study.seeds))
    return (
        f"{len(arms(results))} arms, each trained with {study.budget} a run "
        f"and the seeds {seeds}, on {collection_name(study)}. What follows was found on this "
        f"collection and with this set-up{_claimed(study)}."
    )


def _claimed(study: Study) -> str:
    """What it says of papers: a study that declares a matching set-up gives verdicts."""
    if study.claims and study.comparison.matching:
        return "; verdicts on the claims hold for the set-up as it is declared below"
    return "; it is no verdict about a paper's claim"


def _tuning(results: Analysis) -> str:
    """The rule by which options were chosen, in words."""
    tuning = results.study.tuning
    if not tuning.trials:
        return "Nothing was tuned: every arm was trained as it is written."
    end = "The best trial on dev-select was then trained with every seed."
    if tuning.space:
        return (
            f"Every arm got the same number of tuning trials, {tuning.trials} ({tuning.sampler}), "
            f"over the same nuisance parameters ({', '.join(tuning.space)}) and what its own loss "
            f"has to choose{_own_options(results)}. {end}"
        )
    untuned = [plain(arm) for arm in arms(results) if arm not in tuned_arms(results)]
    none = (
        f" Nothing to choose, so no trials and no seconds of tuning: {', '.join(untuned)}."
        if untuned
        else ""
    )
    return (
        f"Only the losses' own options were tuned, with {tuning.trials} trials "
        f"({tuning.sampler}) for each arm that has any{_own_options(results)}.{none} Nuisance "
        f"parameters were not: {_fixed(results)}. {end}"
    )


def _own_options(results: Analysis) -> str:
    """What the trials of each arm varied of its loss: `` (ARM: margin; …)``."""
    tried = results.summary[results.summary["role"] == "tuning"]
    names = [name for name in option_columns(results.summary) if name.startswith("loss.")]
    varied = {
        plain(arm): ", ".join(
            name.removeprefix("loss.") for name in names if own[name].notna().any()
        )
        for arm, own in tried.groupby("arm", sort=False)
    }
    listed = "; ".join(f"{arm}: {options}" for arm, options in varied.items() if options)
    return f" ({listed})" if listed else ""


def _fixed(results: Analysis) -> str:
    """The training that every arm had, and who had another."""
    training, summary = results.study.training, results.summary
    said = (
        f"learning rate {training.learning_rate:g}, warm-up {training.warmup:g}, "
        f"batches of {training.batch_size}, schedule {training.schedule}"
    )
    keys = [name for name in option_columns(summary) if name.startswith("training.")]
    firsts = summary[summary["role"] == "final"].drop_duplicates("arm").set_index("arm")[keys]
    others = [
        f"{plain(arm)} with {options_text(row.to_dict())}"
        for arm, row in firsts.iterrows()
        if row.notna().any()
    ]
    return said + (f", but for {'; '.join(others)}" if others else " for every arm")


def _notes(results: Analysis) -> list[str]:
    study = results.study
    notes = [
        "Dev is split in two by query: dev-select chose options and checkpoints, the curves are "
        f"measured on dev-curve. {', '.join(study.tested)}: measured once, by final runs and "
        "references only.",
        "Seconds are those of a machine that does nothing else; seconds of different devices "
        "do not compare.",
    ]
    if study.evaluation.pool:
        notes.append(
            f"On dev, the relevant documents and {study.evaluation.pool:,} others are searched; on "
            "test the whole collection. Values on dev do not compare with values on test."
        )
    return [
        *notes,
        *(f"{plain(line)}." for line in results.caveats.notes),
        *(f"Collection: {plain(note)}." for note in results.notes),
    ]
