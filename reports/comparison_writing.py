"""The files of a report across studies: written whole, and the same bytes for the same results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from bench.errors import InputError
from bench.results import Results
from bench.storage.files import atomic_folder
from reports import figures
from reports.analysis.base import Analysis
from reports.comparison.figures import Quality, SpeedUp
from reports.comparison.labels import label_studies, stack_tables
from reports.comparison.options import ComparisonOptions
from reports.comparison.quality import compare_agreement, compare_differences, compare_quality
from reports.comparison.reaching import compare_reaching
from reports.comparison.setups import compare_setups
from reports.figures.options import FigureOptions
from reports.page.sections import StudyPanels
from reports.page.studies import render
from reports.page.template import Picture
from reports.style import alike
from reports.tables.base import Table
from reports.writing import save, write_tables

_OURS = {"index.html", "figures", "tables"}


def write_comparison(
    studies: Sequence[Results],
    out: Path,
    shown: FigureOptions | None = None,
    tell: Callable[[str], object] = str,
) -> Path:
    """Write a report that lays studies side by side, in place of an older one; the page's path.

    Args:
        tell: is called with what is being done.

    Raises:
        InputError: a study is given twice, no study has what is asked for, or the folder holds
            something else; nothing is written then.
    """
    analyses = [Analysis.of(results) for results in studies]
    known = label_studies(analyses)
    _refuse_others(out, analyses)
    with atomic_folder(out.resolve()) as aside:
        shown = shown or FigureOptions()
        asked = ComparisonOptions.of(known, shown)
        folder = aside / "figures"
        folder.mkdir()
        with alike(analyses), shown.style_context():
            forests = list(_write_forests(asked, folder))
            panels = list(_write_panels(asked, folder, tell))
        tell("writing tables and page")
        tables = _tables(known)
        write_tables(tables, aside / "tables")
        page = render(known, _links(known, out), tables, forests, panels)
        (aside / "index.html").write_text(page, encoding="utf-8")
    return out / "index.html"


def _refuse_others(out: Path, studies: Sequence[Analysis]) -> None:
    """Raise InputError for a folder that holds anything but such a report: it is replaced."""
    others = [path.name for path in out.iterdir()] if out.is_dir() else []
    if (out.exists() and not out.is_dir()) or set(others) - _OURS:
        raise InputError(f"{out}: there is something else here; name a folder that is new")
    if (out.resolve().parent / "study.toml").is_file() and out.resolve().name == "report":
        raise InputError(f"{out}: a study's own report is here; name another folder")


def _tables(studies: Mapping[str, Analysis]) -> list[Table]:
    differences = compare_differences(studies)
    return [
        compare_setups(studies),
        compare_quality(studies),
        *([differences] if len(differences.data) else []),
        *compare_agreement(differences.data),
        compare_reaching(studies),
    ]


def _write_forests(asked: ComparisonOptions, folder: Path) -> Iterator[Picture]:
    for forest in (Quality(), SpeedUp()):
        if not (selected := asked.select(forest)):
            continue
        data = stack_tables({label: one.data for label, one in selected.items()})
        image = save(forest.beside(selected), data, folder / forest.name)
        notes = [f"{label}: {one.note}" for label, one in selected.items() if one.note]
        told = [f"{label}: {forest.alt(one.results, one.rows)}." for label, one in selected.items()]
        caption, alt = (" ".join([forest.caption, *more]) for more in (notes, told))
        yield Picture(forest.name, forest.section, caption, alt, image)


def _write_panels(
    asked: ComparisonOptions, folder: Path, tell: Callable[[str], object]
) -> Iterator[StudyPanels]:
    """Every registered figure that has data of at least two studies.

    They are SVGs for the page; figures for print are in the studies' own reports.
    """
    for number, name in enumerate(names := figures.names(), start=1):
        tell(f"drawing {name} of each study (figure {number} of {len(names)})")
        figure = figures.create(name)
        if len(selected := asked.select(figure)) < 2:
            continue
        pictures = []
        for label, one in selected.items():
            file = f"{name}-of-{list(asked.studies).index(label) + 1}"
            image = save(figure.draw(one.results, one.rows), one.data, folder / file, ["svg"])
            caption = f"{label}. {one.note}".rstrip()
            alt = figure.alt(one.results, one.rows)
            pictures.append(Picture(file, figure.section, caption, alt, image))
        yield StudyPanels(name, figure.section, figure.caption, pictures)


def _links(studies: Mapping[str, Analysis], out: Path) -> dict[str, str]:
    """Relative links from the page to the studies' own reports, where these exist."""
    reports = {label: of.folder / "report" / "index.html" for label, of in studies.items()}
    return {
        label: quote(Path(os.path.relpath(page.resolve(), out.resolve())).as_posix())
        for label, page in reports.items()
        if page.is_file()
    }
