"""Measures by their ir-measures names, from rankings whose order is final."""

from __future__ import annotations

from collections.abc import Sequence

import ir_measures
import numpy as np
import pandas as pd

from bench.collections.base import Part
from bench.errors import InputError
from bench.evaluation.ranking import Ranking

# Pinned, because providers differ. They cannot differ in ties: they are handed ranks, not scores.
_PROVIDER = ir_measures.providers.FallbackProvider(
    [ir_measures.pytrec_eval, ir_measures.msmarco, ir_measures.judged]
)


def parse(name: str) -> ir_measures.Measure:
    """The measure of that name.

    Raises:
        InputError: ir-measures does not know it, or needs a package we do not use.
    """
    try:
        measure = ir_measures.parse_measure(name)
    except (NameError, ValueError, SyntaxError) as error:
        raise InputError(f"measure {name!r}: {error}; written for example nDCG@10, RR@10") from None
    if not _PROVIDER.supports(measure):
        raise InputError(f"measure {name!r}: neither pytrec_eval nor msmarco computes it")
    return measure


def per_query(
    part: Part, ranking: Ranking, names: Sequence[str], queries: np.ndarray | None = None
) -> pd.DataFrame:
    """Each query's value of each measure.

    Args:
        part: whose queries were ranked.
        ranking: one row for every query of the part.
        names: ir-measures names.
        queries: positions of the queries to measure; all by default.

    Returns:
        A frame indexed by query position, a column a measure.
    """
    measures = {name: parse(name) for name in names}
    chosen = np.arange(len(part.queries)) if queries is None else queries
    wanted = set(chosen.tolist())
    qrels: dict[str, dict[str, int]] = {}
    for query, document, relevance in part.judgements.tolist():
        if query in wanted:
            qrels.setdefault(str(query), {})[str(document)] = relevance
    depth = ranking.documents.shape[1]
    run = {
        str(query): {
            str(document): float(depth - rank) for rank, document in enumerate(row) if document >= 0
        }
        for query in wanted
        if max(row := ranking.documents[query].tolist()) >= 0  # else Judged divides by nothing
    }
    values = pd.DataFrame(0.0, index=pd.Index(np.sort(chosen), name="query"), columns=list(names))
    column = {str(measure): name for name, measure in measures.items()}
    for metric in _PROVIDER.iter_calc(list(measures.values()), qrels, run):
        values.at[int(metric.query_id), column[str(metric.measure)]] = metric.value
    return values
