"""Measures by their ir-measures names, computed from rankings whose order is final."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

import ir_measures
import numpy as np
import pandas as pd
from ir_measures.measures.base import MeanAgg

from bench.collections.base import Part
from bench.errors import InputError
from bench.evaluation.alike import alike
from bench.evaluation.ranking import Ranking

# Pinned, because providers differ. They get ranks instead of scores, so ties cannot differ.
_PROVIDERS = [ir_measures.pytrec_eval, ir_measures.msmarco, ir_measures.judged]
_PROVIDER = ir_measures.providers.FallbackProvider(_PROVIDERS)
_COMPUTED = {one.NAME for provider in _PROVIDERS for one in provider.SUPPORTED_MEASURES}

MOST = 1_000_000
"""The largest number allowed in a measure's name; with larger ones the libraries overflow."""


def parse(name: str) -> ir_measures.Measure:
    """The measure of that name.

    Raises:
        InputError: there is none, its parameters make no sense, or it needs a package that is not
            used here.
    """
    if any(letter.isspace() for letter in name):
        raise InputError(f"measure {name!r}: written without spaces, for example RR(rel=2)@10")
    try:
        measure = ir_measures.parse_measure(name)
    except NameError as error:
        raise InputError(f"measure {name!r}: {error}{_suggest(name)}") from None
    except (ValueError, SyntaxError) as error:
        raise InputError(f"measure {name!r}: {error}; written for example nDCG@10, RR@10") from None
    if problem := _problem(measure):
        raise InputError(f"measure {name!r}: {problem}")
    return measure


def _suggest(name: str) -> str:
    stem = name.partition("@")[0].partition("(")[0].lower()
    known = {one.lower(): one for one in sorted(ir_measures.measures.registry)}
    if stem in known:
        return f", did you mean {known[stem]!r}?"
    return "; written for example nDCG@10, RR@10, R@100"


def _problem(measure: ir_measures.Measure) -> str:
    """Why this measure cannot be computed; empty if it can.

    Numbers are checked before anything is computed: a cutoff of 0 aborts the interpreter.
    """
    if measure.NAME not in _COMPUTED:
        return "neither pytrec_eval nor msmarco computes it"
    given, known = measure.params, measure.SUPPORTED_PARAMS
    for key in given:
        if key not in known:
            return f"it has no {key!r} (known: {', '.join(sorted(known))})"
    for key, info in known.items():
        if info.required and key not in given:
            return f"it needs a {key}, as {measure.NAME}@{0.1 if key == 'recall' else 10}"
    for key in {"cutoff", "rel"} & given.keys():
        if type(given[key]) is not int or not 1 <= given[key] <= MOST:
            return f"{key} must be a whole number from 1 to {MOST:,}, not {given[key]!r}"
    gains = given.get("gains", {})
    if not isinstance(gains, dict) or not all(
        type(number) is int and 0 <= number <= MOST for pair in gains.items() for number in pair
    ):
        return f"gains must map grades to whole numbers from 0 to {MOST:,}"
    if "recall" in given and given["recall"] != round(given["recall"], 2):
        return "pytrec_eval takes a recall of two decimals"
    if not isinstance(measure.aggregator(), MeanAgg):
        return "it is a count and no measure of quality: queries have no mean of it"
    try:
        if not _PROVIDER.supports(measure):
            return "neither pytrec_eval nor msmarco computes it"
        list(_PROVIDER.iter_calc([measure], {"query": {"document": 1}}, {"query": {"document": 1}}))
    except Exception as error:  # other refusals by ir-measures or the libraries that it wraps
        return str(error)
    return ""


def parse_all(names: Sequence[str]) -> dict[str, ir_measures.Measure]:
    """The measures of these names, by name.

    Raises:
        InputError: as `parse`, or two names mean one measure (such as RR and MRR).
    """
    measures: dict[str, ir_measures.Measure] = {}
    for name in names:
        measure = parse(name)
        for other, known in measures.items():
            if known == measure:
                raise InputError(f"measures: {other!r} and {name!r} are one measure; name it once")
        measures[name] = measure
    return measures


def check_measures(names: Sequence[str], depth: int) -> None:
    """Raise `InputError` for what `parse_all` refuses, and for cutoffs greater than ``depth``."""
    for name, measure in parse_all(names).items():
        if (cutoff := measure.params.get("cutoff", 0)) > depth:
            raise InputError(
                f"measure {name} looks at {cutoff:,} documents, evaluation.depth is {depth:,}"
            )


def deepest(measures: Iterable[ir_measures.Measure], otherwise: int) -> int:
    """The depth of ranking that these measures need; a measure without a cutoff counts as
    ``otherwise``."""
    return max(one.params.get("cutoff", otherwise) for one in measures)


def with_threshold(measure: ir_measures.Measure, relevance: int) -> ir_measures.Measure:
    """A binary measure with ``relevance`` as its least relevant grade, unless it names its own.

    Any other measure is returned unchanged.
    """
    return measure(rel=relevance) if counts_relevant(measure) else measure


def counts_relevant(measure: ir_measures.Measure) -> bool:
    """Whether a measure is binary and does not name the least relevant grade."""
    return "rel" in measure.SUPPORTED_PARAMS and "rel" not in measure.params


def per_query(
    part: Part,
    ranking: Ranking,
    names: Sequence[str],
    queries: np.ndarray | None = None,
    relevance: int = 1,
) -> pd.DataFrame:
    """Each query's value of each measure.

    Args:
        part: whose queries were ranked.
        ranking: one row for every query of the part.
        names: ir-measures names.
        queries: positions of the queries to measure; all by default.
        relevance: the least relevant grade for binary measures that do not name their own.

    Returns:
        A frame indexed by query position, with one column per measure.
    """
    chosen = np.arange(len(part.queries)) if queries is None else queries
    chosen = np.sort(chosen)
    each, group = alike(ranking, part.judgements, chosen)
    qrels = _qrels(part, set(each.tolist()))
    runs = cache(partial(_run, ranking, each))
    values = pd.DataFrame(0.0, index=each, columns=list(names))
    for name in names:
        measure = with_threshold(parse(name), relevance)
        # One at a time, because providers confuse some measures if they compute several at once.
        run = runs(_looks_at(measure))
        for metric in _PROVIDER.iter_calc([measure], qrels, run):
            values.at[int(metric.query_id), name] = metric.value
    return values.iloc[group].set_index(pd.Index(chosen, name="query"))


def _looks_at(measure: ir_measures.Measure) -> int | None:
    """How many documents of a ranking the measure may look at; `None` for all."""
    # What counts judged documents alone leaves out the others before it counts.
    return None if measure.params.get("judged_only") else measure.params.get("cutoff")


def _qrels(part: Part, wanted: set[int]) -> Mapping[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for query, document, relevance in part.judgements.tolist():
        if query in wanted:
            qrels.setdefault(str(query), {})[str(document)] = relevance
    return qrels


def _run(
    ranking: Ranking, queries: np.ndarray, cutoff: int | None
) -> Mapping[str, dict[str, float]]:
    """The rankings of these queries down to the cutoff, as far as a measure looks."""
    documents = ranking.documents[:, :cutoff]
    depth = documents.shape[1]
    return {
        str(query): {
            str(document): float(depth - rank) for rank, document in enumerate(row) if document >= 0
        }
        for query in queries.tolist()
        if max(row := documents[query].tolist()) >= 0  # else Judged divides by zero
    }
