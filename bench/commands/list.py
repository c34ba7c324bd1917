"""``bench list``."""

import importlib
import json as json_module
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.errors import InputError, did_you_mean
from bench.registry import toml_value

REGISTRIES = {
    "losses": "bench.losses",
    "teachers": "bench.teachers",
    "students": "bench.students",
    "samplers": "bench.samplers",
    "collections": "bench.collections",
    "figures": "reports.figures",
}


def list_kind(kind: str, as_json: bool, as_markdown: bool) -> None:
    """Print every entry of a kind: name, summary, options with their defaults.

    Raises:
        InputError: no such kind.
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
        print("| name | what it is | options |\n| --- | --- | --- |")
        for entry in entries:
            cells = (entry["name"], entry["summary"], _options(entry))
            print("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    else:
        table = Table("name", "what it is", "options")
        for entry in entries:
            table.add_row(
                *(escape(cell) for cell in (entry["name"], entry["summary"], _options(entry)))
            )
        Console().print(table)


def _studies() -> list[dict[str, Any]]:
    from bench.study import load_study, predefined

    return [
        {"name": name, "summary": study.title, "question": study.question, "options": []}
        for name in predefined()
        for study in [load_study(name)]
    ]


def _options(entry: dict[str, Any]) -> str:
    return ", ".join(
        option["name"]
        if option["required"]
        else f"{option['name']}={toml_value(option['default'])}"
        for option in entry["options"]
    )
