"""Generated queries among the train queries: how many, with what, and for which losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import generators, samplers
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.errors import InputError
from bench.samplers._mixed import draw_others
from bench.storage.artifacts import Artifacts
from bench.study.arms import resolve_arms
from bench.study.schema import parse_study
from tests.support.collections import write_collection
from tests.support.runs import train

WRITTEN = [
    "generated",
    "generated(share=0.25, negatives=3)",
    "generated(share=0.7, by=\"span(per_document=2, words=4, piece='span')\")",
    "generated(share=1.0)",
]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    artifacts = Artifacts(folder / "artifacts")
    collection = open_collection(str(write_collection(folder / "toy")), artifacts)
    context = Context(collection, artifacts, choose())
    return context, {written: samplers.create(written).prepare(context) for written in WRITTEN}


@pytest.mark.parametrize("written", WRITTEN)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), start=st.integers(0, 500), size=st.integers(1, 40))
def test_batches(toy, written, seed, start, size):
    context, stream = toy[0], toy[1][written]
    sampler = samplers.create(written)
    batch = stream.batch(seed, start, start + size)
    again = stream.batch(seed, start, start + size)
    for part in ("queries", "positives", "negatives"):
        assert np.array_equal(getattr(batch, part), getattr(again, part))
    assert len(batch) == size
    assert batch.negatives.shape == (size, sampler.negatives)
    train = context.collection.part("train")
    relevant = {tuple(pair) for pair in train.relevant().tolist()}
    sources = sampler.generator.generate(context).sources
    for query, positive, negatives in zip(
        batch.queries.tolist(), batch.positives.tolist(), batch.negatives.tolist(), strict=True
    ):
        if query < len(train.queries):
            assert (query, positive) in relevant
            assert not any((query, negative) in relevant for negative in negatives)
        else:
            assert positive == sources[query - len(train.queries)]
            assert positive not in negatives
        assert set(negatives) <= set(context.collection.trainable.tolist())


@pytest.mark.parametrize("written", WRITTEN)
def test_every_batch_has_its_share(toy, written):
    context, stream = toy[0], toy[1][written]
    share, train = samplers.create(written).share, len(context.collection.part("train").queries)
    for start, stop in ((0, 8), (8, 16), (3, 40), (100, 500)):
        generated = (stream.batch(1, start, stop).queries >= train).sum()
        assert abs(generated - share * (stop - start)) < 1
    for at in (0, 7, 63):  # where they stand does not depend on how batches are cut
        queries = stream.batch(1, 0, 64).queries
        assert stream.batch(1, at, at + 1).queries.tolist() == [queries[at]]
    if share == 0.5:
        assert (np.diff(queries >= train) != 0).all()  # every second one


@pytest.mark.parametrize("written", WRITTEN)
def test_both_kinds_go_round_in_epochs_and_seeds_differ(toy, written):
    context, stream = toy[0], toy[1][written]
    train = len(context.collection.part("train").queries)
    batches = [stream.batch(5, start, start + 7) for start in range(0, 1400, 7)]
    queries = np.concatenate([batch.queries for batch in batches])
    positives = np.concatenate([batch.positives for batch in batches])
    pairs = np.stack([queries, positives], axis=1)
    judged, generated = pairs[queries < train], pairs[queries >= train]
    kinds = [(generated, len(stream.queries) - train)]
    if len(judged):
        kinds.append((judged, len(context.collection.part("train").relevant())))
    for drawn, size in kinds:
        first, second = drawn[:size].tolist(), drawn[size : 2 * size].tolist()
        assert len({tuple(pair) for pair in first}) == size
        assert sorted(first) == sorted(second)
        assert first != second
    assert not np.array_equal(stream.batch(5, 0, 20).queries, stream.batch(6, 0, 20).queries)


def test_the_two_kinds_are_drawn_apart(toy):
    """With one stream for both, the negatives of a batch's two halves would be the same."""
    context, stream = toy[0], toy[1]["generated"]
    batch = stream.batch(1, 0, 64)
    train = batch.queries < len(context.collection.part("train").queries)
    assert (batch.negatives[train] == batch.negatives[~train]).mean() < 0.3


def test_queries_are_those_of_train_and_then_the_generated(toy):
    context, stream = toy[0], toy[1]["generated"]
    train, made = (
        context.collection.part("train").queries,
        generators.create("span").generate(context),
    )
    texts = train.texts.to_pylist() + made.queries.texts.to_pylist()
    assert stream.queries.texts.to_pylist() == stream.queries.take(range(len(texts))) == texts
    ids = stream.queries.id_list()
    assert len(set(ids)) == len(ids) == len(stream.queries)
    again = samplers.create("generated(share=0.1)").prepare(context)
    other = samplers.create('generated(by="span(words=4)")').prepare(context)
    assert again.queries.fingerprint == stream.queries.fingerprint
    fingerprints = {texts.fingerprint for texts in (train, made.queries, stream.queries)}
    assert len(fingerprints | {other.queries.fingerprint}) == 4
    assert [artifact.folder for artifact in stream.artifacts] == [made.artifact.folder]


@given(
    pool=st.sets(st.integers(0, 9), min_size=2).map(sorted),
    avoided=st.lists(st.integers(0, 9), max_size=5),
)
def test_others_are_all_others_alike(pool, avoided):
    drawn = draw_others(np.random.default_rng(0), np.array(pool), np.array(avoided, dtype=int), 400)
    assert drawn.shape == (len(avoided), 400)
    for row, never in zip(drawn, avoided, strict=True):
        wanted = [item for item in pool if item != never]
        found, counts = np.unique(row, return_counts=True)
        assert found.tolist() == wanted
        assert counts.min() > 0.4 * 400 / len(wanted)


def study(toy_values, loss, **entry):
    arm = {"name": "arm", "loss": loss, "sampler": "generated", **entry}
    return parse_study({**toy_values, "arms": [arm], "baseline": "arm", "tuning": {}}, "toy")


def test_losses_that_need_labels_are_refused(toy_values, tiny_model):
    with pytest.raises(InputError, match="infonce needs judged positives, and generated draws"):
        resolve_arms(study(toy_values, "infonce"))
    teacher = {"name": "bi-encoder", "model": str(tiny_model)}
    with pytest.raises(InputError, match="embed-distill needs judged positives"):
        resolve_arms(study(toy_values, "embed-distill", teacher=teacher))
    (arm,) = resolve_arms(study(toy_values, "embedding-match", teacher=teacher))
    assert arm.sampler.name == "generated"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('generated(by="spam")', "did you mean 'span'"),
        ('generated(by="span(words=0)")', "span: words: .*greater than or equal to 1"),
        ("generated(share=0.0)", "greater than 0"),
        ("generated(share=1.5)", "less than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said(written, message):
    with pytest.raises(InputError, match=message):
        samplers.create(written)


def test_its_identity_is_that_of_its_generator():
    written = 'generated(by="span(words=8)", share=0.3)'
    sampler = samplers.create(written)
    assert samplers.create(str(sampler)) == sampler
    by = sampler.specification["options"]["by"]
    assert by == {**generators.create("span(words=8)").specification, "weights": ""}
    spelled = samplers.create('generated(share=0.3, by="span(words=8, seed=0)")')
    assert spelled.specification == sampler.specification
    assert samplers.create("generated(share=0.3)").specification != sampler.specification


def test_a_run_learns_the_teacher_on_generated_queries(specify, context, wide_model, tmp_path):
    entry = {
        "loss": "embedding-match(texts='queries')",
        "sampler": {"name": "generated", "share": 0.5, "by": "span(per_document=2)"},
        "teacher": {"name": "bi-encoder", "model": str(wide_model), "max_length": 32},
    }
    folder = train(specify("arm", entry), context, tmp_path)
    assert folder.status() == "done"
    assert folder.record()["examples"] == 96
    curve = folder.table("curve")
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[1]
    bills = {bill.what.split()[0]: bill for bill in folder.bills() if bill.phase == "prepare"}
    assert set(bills) == {"tokens", "generated-queries", "teacher-embeddings"}
    made = generators.create("span(per_document=2)").generate(context)
    queries = len(context.collection.part("train").queries) + len(made.queries)
    assert bills["teacher-embeddings"].texts == queries  # and no document
    assert bills["generated-queries"].texts == len(context.collection.drawable())
