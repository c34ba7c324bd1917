"""The report's files: written whole, and the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.figure

from bench.errors import InputError
from bench.files import atomic_folder
from bench.results import Results
from reports import figures, style
from reports.latex import to_latex
from reports.page import Picture, render
from reports.tables import Table, all_tables

_UNDATED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def draw(name: str, results: Results) -> matplotlib.figure.Figure:
    """One figure.

    Raises:
        InputError: no such figure, or nothing to draw yet.
    """
    figure = figures.create(name)
    data = figure.data(results)
    if data.empty:
        raise InputError(f"figure {name!r}: no final run of {results.folder} {figure.wanted}")
    with style.applied():
        return figure.draw(results, data)


def write_report(results: Results) -> Path:
    """Write ``report/`` into the study's folder in place of an older one; the page's path."""
    folder = results.folder / "report"
    tables = all_tables(results)
    with atomic_folder(folder) as aside:
        pictures = list(_write_figures(results, aside / "figures"))
        _write_tables(tables, aside / "tables")
        page = render(results, tables, pictures)
        (aside / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def _write_figures(results: Results, folder: Path) -> Iterator[Picture]:
    """Every figure that has something to show, with its data."""
    folder.mkdir()
    for name in figures.names():
        figure = figures.create(name)
        data = figure.data(results)
        if data.empty:
            continue
        data.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        with style.applied():
            drawn = figure.draw(results, data)
            for kind, metadata in _UNDATED.items():
                drawn.savefig(folder / f"{name}.{kind}", metadata=metadata)
        image = (folder / f"{name}.svg").read_bytes()
        yield Picture(name, figure.caption, figure.alt(results, data), image)


def _write_tables(tables: Sequence[Table], folder: Path) -> None:
    folder.mkdir()
    for table in tables:
        table.data.to_csv(folder / f"{table.name}.csv", index=False, lineterminator="\n")
        (folder / f"{table.name}.tex").write_text(to_latex(table), encoding="utf-8")
