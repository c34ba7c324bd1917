"""``bench list``."""

import importlib
import json as json_module
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import InputError, did_you_mean
from bench.registry import toml_value
from bench.study.file import load_study, predefined_studies

REGISTRIES = {
    "losses": "bench.losses",
    "teachers": "bench.teachers",
    "students": "bench.students",
    "samplers": "bench.samplers",
    "generators": "bench.generators",
    "collections": "bench.collections",
    "figures": "reports.figures",
}

COMMON = {"name", "version", "summary", "options", "module", "question", "claim", "cost"}
"""Facts that every entry has; some kinds have more."""


def list_kind(kind: str, as_json: bool, as_markdown: bool) -> None:
    """Print every entry of a kind: name, summary, options with their defaults.

    For kinds with further facts (losses: family, needs, whether parameter-free, source), the
    Markdown table lists these instead of summary and options.

    Raises:
        InputError: there is no such kind.
    """
    if kind == "studies":
        entries = _studies()
    elif kind in REGISTRIES:
        entries = importlib.import_module(REGISTRIES[kind]).registry.describe()
    else:
        raise InputError(
            f"list: no kind is named {kind!r}{did_you_mean(kind, [*REGISTRIES, 'studies'])}"
        )
    if as_json:
        print(json_module.dumps(entries, indent=1, ensure_ascii=False, default=str))
    elif as_markdown:
        print("\n".join(_markdown(entries)))
    else:
        table = Table("name", "what it is", "options")
        for entry in entries:
            table.add_row(
                *(escape(cell) for cell in (entry["name"], entry["summary"], _options(entry)))
            )
        Console().print(table)


def _studies() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "summary": f"{study.title} ({study.cost})",
            "question": study.question,
            "claim": study.claim,
            "cost": study.cost,
            "options": [],
        }
        for name in predefined_studies()
        for study in [load_study(name)]
    ]


def _markdown(entries: list[dict[str, Any]]) -> list[str]:
    if facts := [key for key in entries[0] if key not in COMMON]:
        columns = ["name", *(fact.replace("_", "-") for fact in facts)]
        rows = [
            [f"`{entry['name']}`", *(_cell(entry[fact]) for fact in facts)]
            for entry in sorted(entries, key=lambda entry: entry[facts[0]])
        ]
    else:
        columns = ["name", "what it is", "options"]
        rows = [[f"`{entry['name']}`", entry["summary"], _options(entry)] for entry in entries]
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "–"
    return "by its options" if value is None else str(value)


def _options(entry: dict[str, Any]) -> str:
    return ", ".join(
        option["name"] if option["required"] else f"{option['name']}={_default(option['default'])}"
        for option in entry["options"]
    )


def _default(value: Any) -> str:
    """A default as an entry writes it; some depend on the model."""
    return "(the model's)" if value is None else toml_value(value)
