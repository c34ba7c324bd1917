"""Samplers that look at a ranking: by a teacher, by the student itself, by topic and margin."""

import numpy as np
import pandas as pd
import pytest

from bench import samplers, teachers
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.errors import InputError
from bench.evaluation.ranking import Ranking
from bench.losses import Signal
from bench.storage.artifacts import Artifacts
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training.run import Run
from bench.triples.ranked import best_negatives
from bench.triples.stream import DrawPlan
from tests.support.collections import write_collection
from tests.support.runs import train, train_with_stops


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mining")
    artifacts = Artifacts(folder / "artifacts")
    collection = open_collection(str(write_collection(folder / "toy", topics=60)), artifacts)
    return Context(collection, artifacts, choose())


def test_negatives_are_the_first_that_are_not_relevant_nor_too_close():
    ranking = Ranking(
        np.array([[5, 1, 2, 7, 3], [1, 0, -1, -1, -1]]),
        np.array([[9.0, 8.0, 7.5, 6.0, 5.0], [3.0, 2.0, 0.0, 0.0, 0.0]], dtype=np.float32),
    )
    relevant = np.array([[0, 1], [1, 9]])
    assert best_negatives(relevant, ranking, 3).tolist() == [[5, 2, 7], [1, 0, -1]]
    # Query 0's positive scores 8: what scores above 8 − 1 may be relevant too.
    assert best_negatives(relevant, ranking, 3, margin=1.0).tolist() == [[7, 3, -1], [1, 0, -1]]


def test_a_bi_encoder_mines_what_it_ranks_first(context, tiny_model):
    by = f"bi-encoder(model={str(tiny_model)!r}, max_length=32)".replace("'", '"')
    stream = samplers.create("mined", by=by, last=3).prepare(context)
    plain = samplers.create("mined", last=3).prepare(context)
    loaded = teachers.create(by).load(stream.queries, context)
    collection, scorer = context.collection, loaded.scorer
    triples = stream.batch(1, 0, 12)
    relevant = {tuple(pair) for pair in collection.part("train").relevant().tolist()}
    for query, mined in zip(triples.queries.tolist(), triples.negatives[:, 0], strict=True):
        others = [
            document
            for document in collection.trainable.tolist()
            if (query, document) not in relevant
        ]
        rows = loaded.tokenized.documents.rows(np.array(others))
        scores = scorer.scores(
            loaded.tokenized.queries.rows(np.array([query])), rows, context.device
        )
        best = np.array(others)[np.argsort(-scores[0].detach().numpy(), kind="stable")[:3]]
        assert mined in best
    assert not np.array_equal(plain.batch(1, 0, 12).negatives, triples.negatives)
    (artifact,) = stream.artifacts
    assert artifact.bills[0].what.startswith("mined-negatives")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("mined(by='student')", "refresh"),
        ("mined(refresh=5)", "refresh"),
        ("listwise(last=3)", "less than negatives"),
    ],
)
def test_options_that_do_not_go_together(written, message):
    with pytest.raises(InputError, match=message):
        samplers.create(written)


def test_a_teacher_that_cannot_search_cannot_mine(context):
    with pytest.raises(InputError, match="cross-encoder cannot search"):
        samplers.create("mined", by="cross-encoder").prepare(context)


def test_a_list_has_every_difficulty(context):
    stream = samplers.create("listwise", negatives=4, last=8).prepare(context)
    ranked = np.load(stream.artifacts[0].folder / "ranks.npy")
    triples = stream.batch(2, 0, 30)
    for query, row in zip(triples.queries, triples.negatives, strict=True):
        for place, document in enumerate(row):
            pair = ranked[query, 2 * place : 2 * place + 2]
            assert document in pair or (pair < 0).any()


# -- by the student ------------------------------------------------------------------------------


@pytest.fixture
def mining(specify):
    return specify("arm", {"loss": "infonce", "sampler": "mined(by='student', refresh=4, last=5)"})


def test_the_student_mines_anew_and_is_charged(mining, context, tmp_path):
    folder = train(mining, context, tmp_path)
    bills = {bill.phase: bill for bill in folder.bills()}
    assert bills["mine"].seconds > 0
    assert folder.status() == "done"


def test_mining_along_the_way_goes_on_exactly(mining, context, tmp_path):
    wanted = train(mining, context, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts" / wanted.id)
    assert train_with_stops(mining, context, folder) >= 3
    columns = ["loss", "grad_norm", "mean_cosine"]
    pd.testing.assert_frame_equal(folder.table("curve")[columns], wanted.table("curve")[columns])
    weights = [found.student / "model.safetensors" for found in (folder, wanted)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_refreshed_negatives_are_the_students_first(mining, context, tmp_path):
    """After the last refresh, what is drawn are the first of the student's own ranking then."""
    run = Run(mining, RunFolder(tmp_path / "x"), context, keep_student=False, report=lambda m: None)
    evaluator, seen = run.setup.evaluator, []
    mine = evaluator.mine

    def watch(encoder, depth):
        ranking = mine(encoder, depth)
        seen.append(ranking)
        return ranking

    evaluator.mine = watch
    assert run._refresh_negatives()
    assert not run._refresh_negatives()  # once at a step
    triples = run.setup.stream.batch(1, 0, 20)
    relevant = {tuple(pair) for pair in context.collection.part("train").relevant().tolist()}
    for query, document in zip(triples.queries.tolist(), triples.negatives[:, 0], strict=True):
        row = [d for d in seen[0].documents[query].tolist() if (query, d) not in relevant]
        assert document in row[:5]


# -- by topic and margin -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def balanced(context, tiny_model):
    by = f"bi-encoder(model={str(tiny_model)!r}, max_length=32)".replace("'", '"')
    sampler = samplers.create(
        "topic-balanced", clusters=4, last=12, bins=4, topics_by=by, margins_by=by, negatives=2
    )
    return by, sampler.prepare(context)


def test_a_batch_is_of_one_topic_as_far_as_that_goes(balanced):
    _, stream = balanced
    topic_of = {int(query): number for number, found in enumerate(stream.topics) for query in found}
    for seed in range(20):
        triples = stream.batch(seed, 0, 6)
        topics = [topic_of[query] for query in triples.queries.tolist()]
        assert len(set(triples.queries.tolist())) == 6
        # A topic is only left when it is used up.
        for topic in topics[:-1]:
            if topic != topics[-1]:
                assert topics.count(topic) == len(stream.topics[topic])
        again = stream.batch(seed, 0, 6)
        assert np.array_equal(triples.negatives, again.negatives)
        assert np.array_equal(triples.queries, again.queries)


def test_pairs_are_even_over_the_bins_of_their_query(balanced, context):
    """Margins by a plain loop; what is drawn lies in every bin that has pairs, about equally."""
    by, stream = balanced
    plan = stream.all_pairs
    signal_source = teachers.create(by).prepare(frozenset({Signal.SCORES}), plan, context)
    margin: dict[tuple[int, int, int], float] = {}
    for triples in plan.batches():
        scores = signal_source.signals(triples).scores.numpy()
        for row, (query, positive) in enumerate(
            zip(triples.queries.tolist(), triples.positives.tolist(), strict=True)
        ):
            for column, document in enumerate(triples.negatives[row].tolist()):
                if document != positive:
                    value = float(scores[row, 0] - scores[row, 1 + column])
                    margin[query, positive, document] = value
    query = int(stream.topics[0][0])
    own = {key: value for key, value in margin.items() if key[0] == query}
    low, high = min(own.values()), max(own.values())

    def bin_of(value: float) -> int:
        return min(3, int((value - low) / ((high - low) / 4)))

    held = {bin_of(value) for value in own.values()}
    random = np.random.default_rng(0)
    counts = dict.fromkeys(held, 0)
    for _ in range(800):
        positive, (first, _) = stream._draw(random, query)
        counts[bin_of(margin[query, positive, first])] += 1
    expected = 800 / len(held)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values()), counts


def test_topic_balanced_charges_clusters_and_margins_before_the_first_step(balanced):
    _, stream = balanced
    bills = {bill.what.split()[0]: bill.phase for a in stream.artifacts for bill in a.bills}
    assert {"query-clusters", "mined-negatives", "teacher-embeddings"} <= set(bills)
    assert set(bills.values()) == {"prepare"}


def test_a_pair_teacher_scores_the_universe_once(context, tiny_model):
    """The arm's own teacher finds what the sampler had scored: one artifact, one charge."""
    by = (
        f"dual-pooled-cross-encoder(model={str(tiny_model)!r}, max_length=32, fine_tune=false)"
    ).replace("'", '"')
    topics = f"bi-encoder(model={str(tiny_model)!r}, max_length=32)".replace("'", '"')
    sampler = samplers.create("topic-balanced", clusters=3, last=4, topics_by=topics, margins_by=by)
    stream = sampler.prepare(context)
    plan = DrawPlan(stream, 1, 4, 40)
    signal_source = teachers.create(by).prepare(frozenset({Signal.SCORES}), plan, context)
    (artifact,) = signal_source.artifacts
    assert artifact.bills[0].what in {bill.what for a in stream.artifacts for bill in a.bills}
    assert artifact.bills[0].phase == "prepare"
    for triples in plan.batches():
        assert signal_source.signals(triples).scores.isfinite().all()


def test_a_run_of_tas_b(context, specify, tiny_model, tmp_path):
    model = str(tiny_model)
    options = {"model": model, "max_length": 32}
    run = specify(
        "arm",
        {
            "loss": "tas-balanced",
            "teacher": {"name": "bi-encoder", **options},
            "sampler": {
                "name": "topic-balanced",
                "clusters": 4,
                "last": 6,
                "topics_by": f'bi-encoder(model="{model}", max_length=32)',
                "margins_by": f'bi-encoder(model="{model}", max_length=32)',
            },
        },
        budget=Budget(steps=4),
    )
    folder = train(run, context, tmp_path)
    assert folder.status() == "done"
    assert folder.table("curve")["in_batch"].iloc[1:].gt(0).all()
