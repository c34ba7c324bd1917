"""Notes on how to read a study's measures: how deep they look, and which grades are relevant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from ir_measures import Measure

from bench.collections.base import Part
from bench.evaluation.measures import counts_relevant, with_threshold


def depth_notes(measures: Mapping[str, Measure], depth: int) -> Iterator[str]:
    """A note on how deep measures without a cutoff look."""
    if names := [name for name, one in measures.items() if "cutoff" not in one.params]:
        yield (
            f"{', '.join(names)}: of the first {depth:,} documents (the depth of a ranking), there "
            "being no cutoff"
        )


def grade_notes(
    measures: Mapping[str, Measure], parts: Mapping[str, Part], relevance: Mapping[str, int]
) -> Iterator[str]:
    """Notes on the grade from which binary measures count a document as relevant.

    Args:
        relevance: the least relevant grade of each part where it is not 1.
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
    """(measure, part, least grade, number of queries) of queries that can only score 0.

    These have no document of the grade that the measure asks for. Least grade 1 is not reported
    here, because the collection's own notes cover it.
    """
    for name, one in measures.items():
        for part_name, part in parts.items():
            least = with_threshold(one, relevance.get(part_name, 1)).params.get("rel", 1)
            has = np.unique(part.judgements[part.judgements[:, 2] >= least, 0])
            if least > 1 and len(has) < len(part.queries):
                yield name, part_name, least, len(part.queries) - len(has)
