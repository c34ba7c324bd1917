"""``bench report``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bench.errors import InputError
from bench.progress import narrate, quiet, say
from bench.results import load_results, lost_records
from bench.storage.files import check_place
from reports import Analysis, write_report
from reports.comparison_writing import write_comparison
from reports.figures.options import FigureOptions
from reports.terminal import closing_table


def report_studies(
    folders: list[Path],
    out: Path | None,
    arms: list[str],
    measure: str,
    style: str,
    font_size: float | None,
) -> None:
    """Draw figures, tables and page from the records, and print the closing table of each study.

    A comparison of several studies is written to ``out``; their own reports stay as they are.

    Raises:
        InputError: ``out`` is missing for several studies or given for one, or results are
            missing or damaged.
    """
    options = FigureOptions(arms, measure, style, font_size)
    if len(folders) > 1 and out is None:
        raise InputError("several studies side by side need a folder of their own: --out DIR")
    if len(folders) == 1 and out is not None:
        raise InputError("--out is for several studies; one study's report is in its own folder")
    if out is not None:
        check_place("--out", out)
    narrate("reading the records")
    studies = [Analysis.of(load_results(folder)) for folder in folders]
    for results in studies:
        if lost := lost_records(results.folder, results.summary):
            say(f"{lost}; until then the report is drawn from the tables")
    if out is None:
        check_place("DIR", folders[0])
        page = write_report(studies[0], options, narrate)
    else:
        page = write_comparison(studies, out, options, narrate)
    quiet()
    for results in studies:
        Console().print(closing_table(results))
    print(f"report: {page}")
