"""Queries that are measured as one have the value that each has alone."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.collections.base import Part, Texts
from bench.evaluation.alike import alike
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking

DOCUMENTS, DEPTH = 6, 4

MEASURES = [
    *("nDCG@3", "nDCG", "nDCG(gains={1:3,2:1})@3", "RR@3", "AP", "AP@2", "P@3", "R@2", "Success@1"),
    *("Rprec", "Bpref", "infAP", "SetP", "SetF", "IPrec@0.5", "Judged@3", "P(judged_only=True)@2"),
    *("P(rel=2)@3", "RR(rel=2)@3"),
]


@st.composite
def measured(draw) -> tuple[Part, Ranking]:
    """Few documents and grades, so that many queries are alike, and some queries without any."""
    rows, judgements = [], []
    for query in range(draw(st.integers(1, 12))):
        found = draw(st.permutations(range(DOCUMENTS)))[: draw(st.integers(0, DEPTH))]
        rows.append([*found, *[-1] * (DEPTH - len(found))])
        grades = draw(st.dictionaries(st.integers(0, DOCUMENTS - 1), st.integers(0, 2), max_size=3))
        judgements += [(query, document, grade) for document, grade in grades.items()]
    documents = np.array(rows)
    ids = pa.array([f"q{query}" for query in range(len(rows))])
    part = Part("test", Texts(ids, ids, "none"), np.array(judgements, np.int64).reshape(-1, 3))
    return part, Ranking(documents, np.where(documents < 0, -np.inf, 0).astype(np.float32))


@settings(max_examples=40, deadline=None)
@given(measured(), st.randoms())
def test_each_query_has_the_value_that_it_has_alone(given, random):
    part, ranking = given
    queries = list(range(len(part.queries)))
    random.shuffle(queries)
    together = per_query(part, ranking, MEASURES, np.array(queries))
    for query in queries:
        alone = per_query(part, ranking, MEASURES, np.array([query]))
        assert together.loc[query].equals(alone.loc[query])


def test_names_do_not_keep_queries_apart_and_grades_and_ranks_do():
    rows = [[3, 5], [5, 3], [1, 2], [3, 5], [3, -1]]
    judged = [(0, 3, 1), (1, 5, 1), (2, 2, 1), (3, 3, 2), (4, 3, 1)]
    ranking = Ranking(np.array(rows), np.zeros((5, 2), np.float32))
    each, group = alike(ranking, np.array(judged), np.arange(5))
    assert group.tolist() == [0, 0, 1, 2, 3]
    assert each.tolist() == [0, 2, 3, 4]


def test_more_judgements_than_are_looked_up_at_once(monkeypatch):
    draw = np.random.default_rng(0)
    ranking = Ranking(
        draw.permuted(np.tile(np.arange(9), (20, 1)), axis=1)[:, :5], np.zeros((20, 5))
    )
    judged = np.stack([np.repeat(np.arange(20), 3), draw.integers(0, 9, 60), np.ones(60, int)], 1)
    judged = np.unique(judged, axis=0)
    whole = alike(ranking, judged, np.arange(20))
    monkeypatch.setattr("bench.evaluation.alike.ROWS", 7)
    for one, other in zip(whole, alike(ranking, judged, np.arange(20)), strict=True):
        assert one.tolist() == other.tolist()
