"""Draw the rooms and the arrows between them from the imports: ``python docs/architecture.py``.

Each room stands one level above the highest room that it imports. Arrows that another path already
implies are left out. What everybody uses (errors, progress, …) is left out too.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, GAP_X, GAP_Y = 108, 34, 16, 46

Graph = dict[str, set[str]]


def rooms() -> dict[str, str]:
    """The path of each room's code, relative to the root, by the room's name."""
    bench = sorted(path.parent for path in (ROOT / "bench").glob("*/__init__.py"))
    found = {path.name: f"bench.{path.name}" for path in bench}
    return {**found, "reports": "reports"}


def imported(path: Path) -> set[str]:
    """Every name that a module imports, at any depth, those for types included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def graph() -> Graph:
    """Which room imports which."""
    modules = rooms()
    found: Graph = {}
    for room, module in modules.items():
        files = sorted((ROOT / module.replace(".", "/")).rglob("*.py"))
        names = {f"{name}." for file in files for name in imported(file)}
        found[room] = {
            other
            for other, prefix in modules.items()
            if other != room and any(name.startswith(f"{prefix}.") for name in names)
        }
    return found


def levels(graph: Graph) -> dict[str, int]:
    """0 for a room that imports none, else one more than the highest that it imports.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    found: dict[str, int] = {}
    while len(found) < len(graph):
        ready = [room for room in graph if room not in found and graph[room] <= found.keys()]
        if not ready:
            raise ValueError(f"a circle among {sorted(graph.keys() - found.keys())}")
        found |= {room: 1 + max((found[one] for one in graph[room]), default=-1) for room in ready}
    return found


def direct(graph: Graph) -> list[tuple[str, str]]:
    """The arrows that no longer path implies."""

    def below(room: str) -> set[str]:
        return graph[room].union(*(below(one) for one in graph[room]))

    arrows = []
    for room in sorted(graph):
        implied = set().union(*(below(one) for one in graph[room]))
        arrows += [(room, one) for one in sorted(graph[room] - implied)]
    return arrows


def draw(graph: Graph) -> str:
    """The picture as SVG."""
    level = levels(graph)
    rows = [
        sorted(room for room in graph if level[room] == one)
        for one in range(max(level.values()), -1, -1)
    ]
    widest = max(map(len, rows))
    width = widest * (WIDTH + GAP_X) + GAP_X
    height = len(rows) * (HEIGHT + GAP_Y)
    place = {}
    for number, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        # Every other row aside, so that fewer arrows pass behind boxes.
        left += (number % 2 * 2 - 1) * WIDTH / 4 if len(row) < widest else 0
        for column, room in enumerate(row):
            place[room] = (left + column * (WIDTH + GAP_X), number * (HEIGHT + GAP_Y) + GAP_Y / 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="14" text-anchor="middle">',
        "<title>The rooms, each above what it imports</title>",
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for above, below in direct(graph):
        (x, y), (to_x, to_y) = place[above], place[below]
        lines.append(
            f'<line x1="{x + WIDTH / 2:g}" y1="{y + HEIGHT:g}" x2="{to_x + WIDTH / 2:g}" '
            f'y2="{to_y:g}" stroke="#567" marker-end="url(#tip)"/>'
        )
    for room, (x, y) in place.items():
        lines.append(
            f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="#eef3f8" '
            f'stroke="#567"/><text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 5:g}">{room}</text>'
        )
    return "\n".join([*lines, "</svg>\n"])


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(draw(graph()), encoding="utf-8")
