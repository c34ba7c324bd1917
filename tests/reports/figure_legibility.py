"""Whether a reader can read what a figure says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SMALLEST = 5.0
"""Points: smaller print nobody reads on paper."""


def illegible(figure: Figure, smallest: float = SMALLEST) -> list[str]:
    """What is wrong with the texts of a figure: too small, cut off, or one over another."""
    figure.draw_without_rendering()
    texts = [text for text in _texts(figure) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent() for text in texts]
    canvas = Bbox.from_bounds(-1, -1, figure.bbox.width + 2, figure.bbox.height + 2)
    found = [
        f"{text.get_text()!r} has {text.get_fontsize():.1f} points"
        for text in texts
        if text.get_fontsize() < smallest
    ]
    found += [
        f"{text.get_text()!r} leaves the figure"
        for text, box in zip(texts, boxes, strict=True)
        if not (canvas.contains(box.x0, box.y0) and canvas.contains(box.x1, box.y1))
    ]
    found += [
        f"{texts[one].get_text()!r} is over {texts[other].get_text()!r}"
        for one, other in combinations(range(len(texts)), 2)
        if _overlap(boxes[one], boxes[other])
    ]
    return found


def words(figure: Figure) -> list[str]:
    """Everything that is written in a figure, on one line each."""
    figure.draw_without_rendering()
    return [" ".join(text.get_text().split()) for text in _texts(figure)]


def _texts(figure: Figure) -> Iterator[Text]:
    """All that is drawn; an axis keeps labels of ticks beyond its ends too."""
    ticks = {}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            margin = 1e-9 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                inside = low - margin <= tick.get_loc() <= high + margin
                ticks |= {id(tick.label1): inside, id(tick.label2): inside}
    yield from (text for text in figure.findobj(Text) if ticks.get(id(text), True))


def _overlap(one: Bbox, other: Bbox) -> bool:
    shared = Bbox.intersection(one, other)
    if shared is None:
        return False
    least = min(one.width * one.height, other.width * other.height)
    return shared.width * shared.height > 0.08 * least
