"""How the measures of a study are to be read: how deep they look, and what counts as relevant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from ir_measures import Measure

from bench.collections.base import Part
from bench.evaluation.measures import counts_relevant, with_threshold


def depth_notes(measures: Mapping[str, Measure], depth: int) -> Iterator[str]:
    """How deep those look that have no cutoff."""
    if names := [name for name, one in measures.items() if "cutoff" not in one.params]:
        yield (
            f"{', '.join(names)}: of the first {depth:,} documents (the depth of a ranking), there "
            "being no cutoff"
        )


def grade_notes(
    measures: Mapping[str, Measure], parts: Mapping[str, Part], relevance: Mapping[str, int]
) -> Iterator[str]:
    """From which grade binary measures count a document as relevant, where there are several.

    Args:
        relevance: by part, the least grade, where it is not 1.
    """
    binary = {name: one for name, one in measures.items() if counts_relevant(one)}
    if not binary:
        return
    names, first = ", ".join(binary), next(iter(binary.values()))
    for name, least in relevance.items():
        yield f"{names}: grade {least} and more is relevant on {name} (relevance.{name})"
    highest = [
        f"{grade} on {name}"
        for name, part in parts.items()
        if name not in relevance and (grade := part.judgements[:, 2].max()) > 1
    ]
    if highest:
        yield (
            f"{names}: grade 1 and more is relevant, and grades go up to {', '.join(highest)}; "
            f"{first(rel=2)} would count grade 2 and more"
        )


def without_relevant(
    measures: Mapping[str, Measure], parts: Mapping[str, Part], relevance: Mapping[str, int]
) -> Iterator[tuple[str, str, int, int]]:
    """(measure, part, least grade, queries) where queries have no document of the grade that the
    measure asks for, so that they count as 0. Grade 1 is the collection's own matter."""
    for name, one in measures.items():
        for part_name, part in parts.items():
            least = with_threshold(one, relevance.get(part_name, 1)).params.get("rel", 1)
            has = np.unique(part.judgements[part.judgements[:, 2] >= least, 0])
            if least > 1 and len(has) < len(part.queries):
                yield name, part_name, least, len(part.queries) - len(has)
