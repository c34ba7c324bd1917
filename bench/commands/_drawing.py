"""Draws a study's report when it is finished, unless it is drawn already."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

import bench
from bench.progress import narrate, quiet, say
from bench.results import load_results
from bench.storage.files import digest, file_digest, read_json, write_json

DRAWN = "drawn.json"
"""File in a study's folder: from what its report was drawn, which page came of it, and the closing
table."""

INPUTS = ("study.toml", "summary.csv", "curves.csv", "ledger.csv", "caveats.json", "links.json")


def draw_report(out: Path) -> Path:
    """Draw the report of a study's folder if anything has changed, and print its closing table.

    Returns:
        The report's folder.
    """
    page, inputs = out / "report" / "index.html", _inputs(out)
    closing = _closing(out, page, inputs)
    if closing is None:
        narrate("drawing the report")
        # Imported here, so that matplotlib is only loaded to draw.
        from reports import Analysis, write_report
        from reports.terminal import closing_table

        results = Analysis.of(load_results(out))
        write_report(results, tell=narrate)
        console = Console()
        with console.capture() as captured:
            console.print(closing_table(results))
        closing = captured.get()
        drawn = {"inputs": inputs, "page": file_digest(page), "closing": closing}
        write_json(out / DRAWN, drawn)
    else:
        say(f"the report is drawn already; `bench report {out}` draws it again")
    quiet()
    print(closing, end="", flush=True)  # before what is said on stderr
    return page.parent


def _inputs(out: Path) -> str:
    """A digest of everything that the report is drawn from, this version included."""
    files = {name: file_digest(out / name) for name in INPUTS if (out / name).exists()}
    runs = sorted(path.name for path in (out / "runs").iterdir())
    return digest({"version": bench.__version__, "files": files, "runs": runs})


def _closing(out: Path, page: Path, inputs: str) -> str | None:
    """The closing table, if the page is what was drawn from these inputs."""
    try:
        drawn = read_json(out / DRAWN)
        same = drawn["inputs"] == inputs and drawn["page"] == file_digest(page)
        return str(drawn["closing"]) if same else None
    except (OSError, json.JSONDecodeError, LookupError, TypeError):
        return None
