"""A table as LaTeX, for the booktabs package."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.tables.base import Cell, Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "[": "{[}",  # after \\ or \midrule a bare one would begin an option
    "]": "{]}",
    "*": "{*}",  # after \\ too
    "±": r"$\pm$",
    "−": "$-$",
    "–": r"\textendash{}",
    "×": r"$\times$",
    "÷": r"$\div$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "→": r"$\rightarrow$",
    "‖": r"$\Vert$",
    "ρ": r"$\rho$",
    "τ": r"$\tau$",
    "†": r"\dag{}",
    "∞": r"$\infty$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\N{NO-BREAK SPACE}": "~",
}


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    found = "".join(_ESCAPES.get(character, character) for character in text)
    return re.sub("-(?=-)", "-{}", found)  # two would be a dash


def to_latex(table: Table) -> str:
    """A tabular, and below it the note in a paragraph of the line's width."""
    groups = ["".join(_row(cells) for cells in rows) for rows in table.groups]
    return (
        f"% {table.title}\n"
        f"\\begin{{tabular}}{{{table.align}}}\n\\toprule\n"
        + _row([Cell(title) for title in table.header])
        + "\\midrule\n"
        + "\\midrule\n".join(groups)
        + "\\bottomrule\n\\end{tabular}\n\n\\smallskip\n"
        + f"\\parbox{{\\linewidth}}{{\\footnotesize\\raggedright {escape(table.note)}}}\n"
    )


def _row(cells: Sequence[Cell]) -> str:
    return " & ".join(map(_cell, cells)) + " \\\\\n"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold else text
