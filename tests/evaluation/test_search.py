"""Exact search and measures, against brute force and an outside evaluator."""

import gzip
from importlib import import_module

import ir_measures
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.collections.open import open_collection
from bench.errors import InputError
from bench.evaluation.measures import parse, per_query
from bench.evaluation.ranking import Ranking, from_frame, read_trec, to_frame, write_trec
from bench.evaluation.search import LAST, search
from bench.storage.artifacts import Artifacts

# The room gives the function by that name.
search_module = import_module("bench.evaluation.search")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 5),
    documents=st.integers(1, 40),
    depth=st.integers(1, 50),
    cells=st.integers(1, 60),
)
def test_search_is_brute_force_with_ties_by_order(seed, queries, documents, depth, cells):
    """Small whole numbers, so that there are many ties; any chunking gives the same."""
    draw = np.random.default_rng(seed)
    q = draw.integers(-1, 2, (queries, 3)).astype(np.float32)
    d = draw.integers(-1, 2, (documents, 3)).astype(np.float32)
    ties = draw.permutation(documents)
    positions = np.sort(draw.choice(1000, documents, replace=False))
    before, search_module.CELLS = search_module.CELLS, cells
    try:
        found = search(torch.from_numpy(q), torch.from_numpy(d), ties, depth, positions)
    finally:
        search_module.CELLS = before
    scores = np.where(d.any(1), q @ d.T, -np.inf)  # a document of zeros is like no query
    for row in range(queries):
        order = sorted(range(documents), key=lambda at: (-scores[row, at], ties[at]))[:depth]
        assert found.documents[row].tolist() == positions[order].tolist()
        assert found.scores[row].tolist() == [
            scores[row, at] if d[at].any() else LAST for at in order
        ]


@pytest.fixture(scope="module")
def toy(tmp_path_factory, collection_folder):
    return open_collection(str(collection_folder), Artifacts(tmp_path_factory.mktemp("a")))


def random_ranking(toy, seed: int, depth: int = 15) -> Ranking:
    draw = np.random.default_rng(seed)
    count = len(toy.part("test").queries)
    rows = [draw.permutation(len(toy.documents))[:depth] for _ in range(count)]
    scores = -np.sort(-draw.random((count, depth)).astype(np.float32), axis=1)
    return Ranking(np.array(rows), scores)


def test_measures_agree_with_an_evaluator_reading_the_run_file(toy, tmp_path, collection_folder):
    """The TREC run through ir-measures' default pipeline, and nDCG@10 by its definition."""
    part = toy.part("test")
    ranking = random_ranking(toy, 1)
    names = ["nDCG@10", "RR@10", "R@100", "AP"]
    values = per_query(part, ranking, names).mean()
    write_trec(tmp_path / "test.trec.gz", ranking, toy, "test", "tag")
    text = gzip.decompress((tmp_path / "test.trec.gz").read_bytes()).decode()
    (tmp_path / "run").write_text(text)
    rows = (collection_folder / "qrels" / "test.tsv").read_text().splitlines()[1:]
    qrels = [ir_measures.Qrel(q, d, int(r)) for q, d, r in (row.split("\t") for row in rows)]
    outside = ir_measures.calc_aggregate(
        [ir_measures.parse_measure(name) for name in names],
        qrels,
        list(ir_measures.read_trec_run(str(tmp_path / "run"))),
    )
    for name in names:
        assert values[name] == pytest.approx(outside[ir_measures.parse_measure(name)], abs=1e-12)

    relevant = {tuple(pair) for pair in part.relevant().tolist()}
    gains = [
        sum(
            1 / np.log2(rank + 2)
            for rank, document in enumerate(row[:10].tolist())
            if (query, document) in relevant
        )
        for query, row in enumerate(ranking.documents)
    ]
    assert values["nDCG@10"] == pytest.approx(np.mean(gains) / (1 + 1 / np.log2(3)), abs=1e-12)


def test_files_of_rankings_read_back(toy, tmp_path):
    ranking = random_ranking(toy, 2)
    write_trec(tmp_path / "a.trec.gz", ranking, toy, "test", "tag")
    again = read_trec(tmp_path / "a.trec.gz", toy, "test")
    assert np.array_equal(again.documents, ranking.documents)
    assert np.allclose(again.scores, ranking.scores, rtol=1e-7)
    assert np.array_equal(from_frame(to_frame(ranking, 3)).documents, ranking.documents)


def test_a_measure_of_some_queries_is_theirs_alone(toy):
    part, ranking = toy.part("test"), random_ranking(toy, 3)
    everything = per_query(part, ranking, ["RR@10"])
    some = per_query(part, ranking, ["RR@10"], np.array([4, 1]))
    assert some.index.tolist() == [1, 4]
    assert (some["RR@10"] == everything.loc[[1, 4], "RR@10"]).all()


@pytest.mark.parametrize("name", ["nDCG10", "nDCG@ten", "NoSuch@10", "", "ERR@20"])
def test_measures_that_are_none(name):
    with pytest.raises(InputError, match="measure"):
        parse(name)
