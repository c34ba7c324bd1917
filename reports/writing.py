"""The report's files: written whole, and the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib.figure
import pandas as pd

from bench.errors import InputError
from bench.results import Results
from bench.storage.files import atomic_folder
from bench.storage.locks import report_lock
from reports import figures
from reports.analysis.base import Analysis
from reports.figures.options import FigureOptions
from reports.page import Picture, render
from reports.tables import Table, all_tables
from reports.tables.latex import to_latex
from reports.tables.markdown import to_markdown

_UNDATED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def draw(
    name: str,
    results: Results,
    *,
    arms: str | Sequence[str] = (),
    measure: str = "",
    style: str = "paper",
    font_size: float | None = None,
) -> matplotlib.figure.Figure:
    """One figure.

    Args:
        arms: names, or patterns such as ``static-*``; none for all that a reader can tell apart.
        measure: one of the study's; the primary one if it is not said.
        style: ``paper`` (one column) or ``slide``.
        font_size: points; the style's own if it is not said.

    Raises:
        InputError: no such figure, arm, measure or style; or nothing to draw yet.
    """
    asked = [arms] if isinstance(arms, str) else arms
    figure, shown = figures.create(name), FigureOptions(asked, measure, style, font_size)
    with shown.style_context():
        selected = shown.select(figure, shown.with_measure(Analysis.of(results)))
        if selected is None:
            raise InputError(f"figure {name!r}: no final run of {results.folder} {figure.wanted}")
        return figure.draw(selected.results, selected.rows)


def write_report(
    results: Results, shown: FigureOptions | None = None, tell: Callable[[str], object] = str
) -> Path:
    """Write ``report/`` into the study's folder in place of an older one; the page's path.

    Args:
        tell: is told what is being done.

    Raises:
        InputError: what is to be shown is not there; nothing is written then.
    """
    folder = results.folder / "report"
    analysis = Analysis.of(results)
    with report_lock(results.folder), atomic_folder(folder) as aside:
        pictures = list(_write_figures(analysis, shown or FigureOptions(), aside / "figures", tell))
        tell("writing tables and page")
        tables = all_tables(analysis)
        write_tables(tables, aside / "tables")
        page = render(analysis, tables, pictures)
        (aside / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def _write_figures(
    results: Analysis, shown: FigureOptions, folder: Path, tell: Callable[[str], object]
) -> Iterator[Picture]:
    """Every figure that has something to show, with its data."""
    folder.mkdir()
    measured = shown.with_measure(results)
    for number, name in enumerate(names := figures.names(), start=1):
        tell(f"drawing {name} (figure {number} of {len(names)})")
        figure = figures.create(name)
        if (selected := shown.select(figure, measured)) is None:
            continue
        with shown.style_context():
            image = save(figure.draw(measured, selected.rows), selected.data, folder / name)
        caption = f"{figure.caption} {selected.note}".rstrip()
        yield Picture(name, figure.section, caption, figure.alt(measured, selected.rows), image)


def save(
    figure: matplotlib.figure.Figure,
    data: pd.DataFrame,
    path: Path,
    kinds: Iterable[str] = _UNDATED,
) -> bytes:
    """Write a figure as ``path.png`` and so on and its data as ``path.csv``; the SVG's bytes.

    It must be written within the style that it was drawn in.
    """
    data.to_csv(path.with_name(f"{path.name}.csv"), index=False, lineterminator="\n")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is done once, not for each kind
    for kind in kinds:
        figure.savefig(path.with_name(f"{path.name}.{kind}"), metadata=_UNDATED[kind])
    return path.with_name(f"{path.name}.svg").read_bytes()


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    """Each as CSV with every digit, as LaTeX and as Markdown, into a folder that is made."""
    folder.mkdir()
    for table in tables:
        table.data.to_csv(folder / f"{table.name}.csv", index=False, lineterminator="\n")
        for kind, written in {"tex": to_latex(table), "md": to_markdown(table)}.items():
            (folder / f"{table.name}.{kind}").write_text(written, encoding="utf-8")
