"""Writes a model card: how and on what the student was trained, its results and its costs."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from bench import __version__
from bench.results import CLOCKS, Results
from bench.storage.files import read_json
from bench.storage.records import RunFolder

_HEAD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- sentence-similarity
- feature-extraction
---
"""


def model_card(results: Results, run: pd.Series, record: RunFolder, name: str) -> str:
    """The card, a Markdown page.

    Args:
        run: the student's row of the summary.
        record: its run's folder.
        name: of the exported folder, for the lines of code that load it.
    """
    values, modules = record.record(), read_json(record.student / "modules.json")
    collection = values["collection"]
    parts = [
        f"{_HEAD}\n# {_text(run['arm'])}",
        f"A bi-encoder for retrieval, trained by bench {__version__} in the study "
        f"“{_text(results.study.title)}” on **{_text(collection['name'])}**.",
        "## Use",
        _usage(name, modules[0]["type"].endswith("Router"), read_json(_config(record))["prompts"]),
        "## What trained it",
        _table([("", ""), *_training(run, values)]),
        "## Result",
        f"On {_text(', '.join(results.study.tested))} of {_text(collection['name'])} (fingerprint "
        f"{collection['fingerprint']}), by exact search. Means over queries; this student is one "
        "seed of its arm.",
        _results(results, run),
        "## Size and cost",
        _table([("", ""), *_costs(run, values)]),
    ]
    if values["loss_parameters"]:
        parts.append(
            f"The loss had {values['loss_parameters']:,} parameters of its own: they trained with "
            "it and are no part of it."
        )
    if isinstance(run["unpriced"], str):
        parts.append(f"Nobody is charged for {_text(run['unpriced'])}.")
    return "\n\n".join(parts) + "\n"


def _config(record: RunFolder) -> Any:
    return record.student / "config_sentence_transformers.json"


def _usage(name: str, router: bool, prompts: dict[str, str]) -> str:
    code = (
        "```python\n"
        "from sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({name!r})\n"
        'queries = model.encode_query(["how to read a file line by line"])\n'
        'documents = model.encode_document(["Iterate over the file object: …"])\n'
        "print(model.similarity(queries, documents))\n"
        "```"
    )
    if router:
        return (
            code + "\n\nQueries and documents have encoders, or lengths, of their own (a Router)."
        )
    if any(prompts.values()):
        return code + "\n\nPlain `encode` writes no prompt before a text; these two do."
    return code + "\n\nQueries and documents share one encoder, so that plain `encode` does too."


def _training(run: pd.Series, record: dict[str, Any]) -> list[tuple[str, str]]:
    specification = record["specification"]
    budget = ", ".join(f"{value:,} {unit}" for unit, value in specification["budget"].items())
    training = ", ".join(f"{key} {value}" for key, value in specification["training"].items())
    return [
        *((key, _code(run[key])) for key in ("loss", "teacher", "student", "sampler")),
        (
            "budget",
            f"{budget}; the best of {len(specification['evaluation']['points'])} points and the "
            f"start on dev-select by {specification['select_by']}: point {record['best_point']}",
        ),
        ("training", _text(training)),
        ("trial, seed", f"{run['trial']}, {run['seed']}"),
        ("run", str(run["run"])),
    ]


def _results(results: Results, run: pd.Series) -> str:
    """The test measures of this student, its arm's mean, the baseline's, and every reference."""
    summary = results.summary
    measures = [name for name in run.index if name.partition(" (")[0] in results.study.measures]
    done = summary[summary["status"] == "done"]
    rows = [("", *measures)]
    if pd.notna(run[measures[0]]):
        rows.append(("**this student**", *(f"{run[name]:.4f}" for name in measures)))
    final = done[done["role"] == "final"]
    for arm in dict.fromkeys([run["arm"], results.study.baseline]):
        runs = final[final["arm"] == arm]
        values = (f"{runs[name].mean():.4f}" for name in measures)
        rows.append((f"{_text(arm)}, mean of {len(runs)} seeds", *values))
    for reference in done[done["role"] == "reference"].to_dict("records"):
        values = (f"{reference[name]:.4f}" for name in measures)
        rows.append((f"reference: {_text(reference['arm'])}", *values))
    return _table(rows)


def _costs(run: pd.Series, record: dict[str, Any]) -> list[tuple[str, str]]:
    seconds = [
        (clock.replace("_", " "), f"{run[clock]:,.1f}") for clock in CLOCKS if pd.notna(run[clock])
    ]
    environment = ", ".join(f"{key} {value}" for key, value in record["environment"].items())
    return [
        ("parameters, both sides", f"{record['parameters']:,}"),
        ("of which trained", f"{record['trained_parameters']:,}"),
        ("of which encode a query", f"{record['query_parameters']:,}"),
        ("of which in embedding tables", f"{record['embedding_parameters']:,}"),
        ("milliseconds a query, by itself", f"{1000 * record['query_seconds']:.2f}"),
        ("milliseconds a document, among others", f"{1000 * record['document_seconds']:.2f}"),
        *seconds,
        ("environment", _text(environment)),
    ]


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: Any) -> str:
    """Text for a Markdown line or cell, with markup escaped."""
    plain = escape(" ".join(str(value).split()), quote=False)
    return "".join("\\" + letter if letter in r"\`*_[]|#" else letter for letter in plain)


def _code(value: Any) -> str:
    """A code span for a table cell."""
    plain = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`"
