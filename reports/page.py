"""The page: one self-contained HTML file that needs no network and no script."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from bench.registry import format_entry
from bench.results import Results
from bench.study import Written
from reports.reading import arms, final_runs, option_columns
from reports.tables import Table
from reports.validity import warnings


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it."""

    name: str
    caption: str
    alt: str
    image: bytes

    @property
    def svg(self) -> str:
        return base64.b64encode(self.image).decode()


def render(results: Results, tables: Sequence[Table], pictures: Sequence[Picture]) -> str:
    """The page's HTML; whatever comes from data is escaped."""
    text = files("reports").joinpath("page.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
    return template.render(_content(results, tables, pictures))


def _content(
    results: Results, tables: Sequence[Table], pictures: Sequence[Picture]
) -> dict[str, Any]:
    study = results.study
    return {
        "title": study.title,
        "question": study.question,
        "statement": _statement(results),
        "tuning": _tuning(results),
        "warnings": warnings(results),
        "tables": {table.name: table for table in tables},
        "figures": pictures,
        "notes": _notes(results),
        "study_file": study.to_toml(),
    }


def _statement(results: Results) -> str:
    if final_runs(results).empty:
        return "No final run is finished: there is nothing to compare yet."
    study, budget = results.study, results.study.budget
    seeds = ", ".join(map(str, study.seeds))
    return (
        f"{len(arms(results))} arms, each trained with {budget.amount:,.10g} {budget.unit} a run "
        f"and the seeds {seeds}, on {_entry(study.collection)}. What follows was found on this "
        "collection and with this set-up; it is no verdict about a paper's claim."
    )


def _tuning(results: Results) -> str:
    tuning = results.study.tuning
    if not tuning.trials:
        return "Nothing was tuned: every arm was trained as it is written."
    varied = ", ".join(option_columns(results.summary))
    return (
        f"Tuning trials of every arm: {tuning.trials} ({tuning.sampler}); the best one on "
        f"dev-select was then trained with every seed. Varied, where an arm has it: {varied}."
    )


def _notes(results: Results) -> list[str]:
    study = results.study
    notes = [
        "Dev is split in two by query: dev-select chose options and checkpoints, the curves are "
        f"measured on dev-curve. {', '.join(study.test)} was measured once, by final runs and "
        "references only.",
        "Seconds are those of a machine that does nothing else; seconds of different devices "
        "do not compare.",
    ]
    if study.evaluation.pool:
        notes.append(
            f"On dev, the relevant documents and {study.evaluation.pool:,} others are searched; on "
            "test the whole collection. Values on dev do not compare with values on test."
        )
    if "unpriced" in results.summary:
        unpriced = results.summary["unpriced"].dropna().unique()
        notes += [f"Charged to nobody: {what}." for what in unpriced]
    return notes


def _entry(written: Written) -> str:
    if isinstance(written, str):
        return written
    options = {key: value for key, value in written.items() if key != "name"}
    return format_entry(str(written.get("name", "")), options)
