"""Draws: pure functions of seed and position, never a relevant document as negative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import samplers
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.storage.artifacts import Artifacts
from tests.support.collections import write_collection

WRITTEN = [
    "uniform",
    "uniform(negatives=3)",
    "mined(last=8)",
    "mined(negatives=4, first=2, last=6)",
]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("draws")
    artifacts = Artifacts(folder / "artifacts")
    collection = open_collection(str(write_collection(folder / "toy")), artifacts)
    context = Context(collection, artifacts, choose())
    return collection, {written: samplers.create(written).prepare(context) for written in WRITTEN}


@pytest.mark.parametrize("written", WRITTEN)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), start=st.integers(0, 500), size=st.integers(1, 40))
def test_batches(toy, written, seed, start, size):
    collection, stream = toy[0], toy[1][written]
    batch = stream.batch(seed, start, start + size)
    again = stream.batch(seed, start, start + size)
    relevant = {tuple(pair) for pair in collection.part("train").relevant().tolist()}
    assert len(batch) == size
    assert batch.negatives.shape == (size, samplers.create(written).negatives)
    for part in ("queries", "positives", "negatives"):
        assert np.array_equal(getattr(batch, part), getattr(again, part))
    for query, positive, negatives in zip(
        batch.queries.tolist(), batch.positives.tolist(), batch.negatives.tolist(), strict=True
    ):
        assert (query, positive) in relevant
        assert not any((query, negative) in relevant for negative in negatives)
        assert set(negatives) <= set(collection.trainable.tolist())


@pytest.mark.parametrize("written", WRITTEN)
def test_an_epoch_has_every_pair_once_and_seeds_differ(toy, written):
    collection, stream = toy[0], toy[1][written]
    pairs = sorted(map(tuple, collection.part("train").relevant().tolist()))
    orders = []
    for epoch in (0, 1):
        parts = [
            stream.batch(5, start, min(start + 7, (epoch + 1) * len(pairs)))
            for start in range(epoch * len(pairs), (epoch + 1) * len(pairs), 7)
        ]
        drawn = [pair for b in parts for pair in zip(b.queries, b.positives, strict=True)]
        assert sorted(drawn) == pairs
        orders.append(drawn)
    assert orders[0] != orders[1]
    first = stream.batch(5, 0, 20)
    other = stream.batch(6, 0, 20)
    assert not np.array_equal(first.queries, other.queries)


def test_mined_negatives_are_lexical_neighbours(toy):
    """Each is among the query's best BM25 documents, computed here by hand from term overlap."""
    collection, stream = toy[0], toy[1]["mined(last=8)"]
    batch = stream.batch(1, 0, 40)
    texts = collection.documents.texts.to_pylist()
    queries = collection.part("train").queries.texts.to_pylist()

    def overlap(query: int, document: int) -> int:
        return len(set(queries[query].split()) & set(texts[document].split()))

    mined = [overlap(q, n) for q, n in zip(batch.queries, batch.negatives[:, 0], strict=True)]
    random = toy[1]["uniform"].batch(1, 0, 40)
    drawn = [overlap(q, n) for q, n in zip(random.queries, random.negatives[:, 0], strict=True)]
    assert min(mined) >= 1
    assert np.mean(mined) > np.mean(drawn) + 0.5


def test_the_window_must_be_one():
    from bench.errors import InputError

    with pytest.raises(InputError, match="first .9. is after last"):
        samplers.create("mined(first=9, last=3)")
