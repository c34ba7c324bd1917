"""A table as Markdown, in pipes as GitHub draws them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.tables.base import Cell, Table

_MEANS_SOMETHING = re.compile(r"[\\`*_\[\]<>|~&$#]")


def escape(text: str) -> str:
    """Text that Markdown shows as it is, within a line."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", " ".join(text.splitlines()))


def to_markdown(table: Table) -> str:
    """The title, the table, the note; rows that belong together are not set apart."""
    rules = (":---" if side == "l" else "---:" for side in table.align)
    rows = [map(_cell, row) for group in table.groups for row in group]
    lines = [_row(map(escape, table.header)), _row(rules), *map(_row, rows)]
    return f"**{escape(table.title)}**\n\n" + "\n".join(lines) + f"\n\n{escape(table.note)}\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return f"**{text}**" if cell.bold else text
