"""Several teachers as one: the mean against arithmetic done apart, and who is asked for what."""

import statistics

import numpy as np
import pandas as pd
import pytest

from bench import samplers, teachers
from bench.errors import InputError
from bench.losses.signals import Signal
from bench.triples.stream import DrawPlan
from tests.support.runs import train

SCORES = frozenset({Signal.SCORES})
EVERY = frozenset(Signal)


@pytest.fixture
def plan(context):
    return DrawPlan(samplers.create("uniform(negatives=3)").prepare(context), 1, 8, 16)


@pytest.fixture
def tiny(tiny_model):
    return f"bi-encoder(model='{tiny_model}', max_length=32)"


@pytest.fixture
def wide(wide_model):
    return f"bi-encoder(model='{wide_model}', max_length=32, similarity='dot')"


@pytest.fixture
def write(context, plan, tmp_path):
    """A file with the score of every pair that is drawn, and the teacher that reads it."""

    def make(score, name="scores.trec"):
        queries, documents = plan.stream.queries.id_list(), context.collection.documents.id_list()
        lines = [
            f"{id} Q0 {document} 1 {score(query, place)} tag"
            for query, id in enumerate(queries)
            for place, document in enumerate(documents)
        ]
        (tmp_path / name).write_text("\n".join(lines))
        return f"precomputed(path='{tmp_path / name}')"

    return make


def ensemble(*members, **options):
    return teachers.create({"name": "ensemble", "teachers": list(members), **options})


def signals(teacher, needs, plan, context):
    signal_source = teachers.create(teacher).prepare(needs, plan, context)
    return signal_source, [signal_source.signals(batch) for batch in plan.batches()]


def scores(teacher, plan, context):
    return np.concatenate(
        [one.scores.numpy() for one in signals(teacher, SCORES, plan, context)[1]]
    )


# -- the mean ------------------------------------------------------------------------------------


def normalised(row, how):
    if how == "none":
        return row
    if how == "standard":
        return [(value - statistics.mean(row)) / statistics.pstdev(row) for value in row]
    return [(value - min(row)) / (max(row) - min(row)) for value in row]


@pytest.mark.parametrize("how", ["none", "standard", "min-max"])
@pytest.mark.parametrize("shares", [(), (3.0, 1.0), (0.25, 7)])
def test_scores_are_the_weighted_mean(how, shares, context, plan, tiny, wide):
    first, second = (scores(one, plan, context).tolist() for one in (tiny, wide))
    of_first, of_second = shares or (1, 1)
    wanted = [
        [
            (of_first * a + of_second * b) / (of_first + of_second)
            for a, b in zip(normalised(row, how), normalised(other, how), strict=True)
        ]
        for row, other in zip(first, second, strict=True)
    ]
    found = scores(ensemble(tiny, wide, shares=list(shares), normalise=how), plan, context)
    assert found.dtype == np.float32
    assert found.shape == (16, 4)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", ["standard", "min-max"])
def test_a_list_of_equal_scores_becomes_zeros(how, context, plan, write):
    equal = write(lambda query, document: 0.1)
    assert (scores(ensemble(equal, normalise=how), plan, context) == 0).all()
    other = write(lambda query, document: document**2 / 7, "other.trec")
    alone = scores(ensemble(other, normalise=how), plan, context)
    assert np.ptp(alone, axis=1).min() > 0.9
    both = scores(ensemble(equal, other, normalise=how), plan, context)
    np.testing.assert_allclose(both, alone / 2, rtol=1e-6)


def test_normalised_lists_do_not_see_a_members_units(context, plan, write):
    small = write(lambda query, document: (document * 37 % 11) + query, "small.trec")
    large = write(lambda query, document: 512.0 * (document * 37 % 11 + query) - 64.0, "large.trec")
    for how in ("standard", "min-max"):
        one, other = (scores(ensemble(t, normalise=how), plan, context) for t in (small, large))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    one, other = (scores(ensemble(t), plan, context) for t in (small, large))
    assert not np.allclose(one, other)


def test_an_ensemble_of_one_is_its_member(context, plan, tiny):
    alone, of_it = signals(tiny, EVERY, plan, context)
    group, of_group = signals(ensemble(tiny, shares=[0.3]), EVERY, plan, context)
    assert group.width == alone.width == 32
    assert [a.digest for a in group.artifacts] == [a.digest for a in alone.artifacts]
    for one, other in zip(of_it, of_group, strict=True):
        for signal in Signal:
            name = signal.name.lower()
            assert getattr(one, name).equal(getattr(other, name))


# -- who is asked for what -----------------------------------------------------------------------


def kinds(signal_source):
    return [artifact.kind for artifact in signal_source.artifacts]


def test_scores_of_one_and_in_batch_scores_of_another(context, plan, tiny, write):
    """TAS-B's dual supervision."""
    stored = write(lambda query, document: query + document / 128)
    dual = ensemble(stored, tiny, shares=[1.0, 0.0])
    assert dual.provides() == EVERY
    signal_source, found = signals(dual, SCORES | {Signal.IN_BATCH}, plan, context)
    assert kinds(signal_source) == [
        "precomputed-scores",
        "teacher-embeddings",
        "teacher-embeddings",
    ]
    assert signal_source.width == 0  # no embeddings are asked for, so none are given
    _, pairs = signals(stored, SCORES, plan, context)
    _, across = signals(tiny, frozenset({Signal.IN_BATCH}), plan, context)
    for one, pair, batch in zip(found, pairs, across, strict=True):
        assert one.scores.equal(pair.scores)
        assert one.in_batch.equal(batch.in_batch)
        assert one.queries is None
        assert one.documents is None
    # Nobody prepares what is not needed of it.
    assert kinds(signals(dual, SCORES, plan, context)[0]) == ["precomputed-scores"]
    only = signals(dual, frozenset({Signal.IN_BATCH}), plan, context)
    assert kinds(only[0]) == ["teacher-embeddings"] * 2
    assert only[1][0].scores is None


def test_embeddings_come_from_the_first_that_gives_them(context, plan, tiny, wide, write):
    stored = write(lambda query, document: document)
    needs = SCORES | {Signal.QUERIES, Signal.DOCUMENTS}
    signal_source, found = signals(ensemble(stored, wide, tiny), needs, plan, context)
    assert signal_source.width == 48
    _, of_wide = signals(wide, needs, plan, context)
    parts = [scores(one, plan, context) for one in (stored, wide, tiny)]
    np.testing.assert_allclose(
        np.concatenate([one.scores for one in found]), np.mean(parts, axis=0), rtol=1e-5
    )
    for one, other in zip(found, of_wide, strict=True):
        assert one.queries.equal(other.queries)
        assert one.documents.equal(other.documents)


def test_what_two_members_share_is_one_artifact(context, plan, tiny):
    signal_source, _ = signals(ensemble(tiny, tiny), SCORES, plan, context)
    assert len(signal_source.members) == 2
    assert len({a.digest for a in signal_source.artifacts}) == len(signal_source.artifacts) == 2


def test_what_it_provides(tiny):
    assert ensemble(tiny, "none", shares=[1, 0]).provides() == EVERY
    assert ensemble(tiny, "none").provides() == EVERY - SCORES
    assert ensemble("precomputed(path='x')").provides() == SCORES


def test_no_scores_are_needed_of_a_member_that_has_no_share(context, plan, tiny, tmp_path):
    """It would be refused here: its file is not there."""
    absent = f"precomputed(path='{tmp_path / 'absent.tsv'}')"
    group = ensemble(tiny, absent, shares=[1.0, 0.0])
    assert np.array_equal(scores(group, plan, context), scores(tiny, plan, context))
    with pytest.raises(InputError, match="absent.tsv: there is no such file"):
        scores(ensemble(tiny, absent), plan, context)


# -- what identifies it --------------------------------------------------------------------------


def test_its_specification_is_its_members(tiny):
    def of(*members, **options):
        return ensemble(*members, **options).specification

    same = of("bi-encoder", tiny)
    assert of("bi-encoder(max_length=256)", tiny, shares=[2.0, 2]) == same
    assert same["options"]["teachers"][0] == (0.5, teachers.create("bi-encoder").specification)
    different = [
        same,
        of(tiny, "bi-encoder"),
        of("bi-encoder(max_length=255)", tiny),
        of("bi-encoder", tiny, shares=[1.0, 2.0]),
        of("bi-encoder", tiny, normalise="standard"),
        of("bi-encoder"),
    ]
    for number, one in enumerate(different):
        assert one not in different[number + 1 :]


def test_its_weights_and_what_is_unpriced_are_its_members(tiny, wide, write, tiny_model):
    stored = write(lambda query, document: 1.0)
    group = ensemble(tiny, stored, tiny)
    before = group.weights()
    assert before != ensemble(tiny, wide, tiny).weights()
    path = teachers.create(stored).path
    of_tiny = teachers.create(tiny).unpriced()
    assert str(tiny_model) in of_tiny
    assert group.unpriced() == f"{of_tiny}; computing the scores of {path}"
    assert set(group.models()) == {str(tiny_model)}
    assert ensemble("none").unpriced() is None
    write(lambda query, document: 2.0)
    assert group.weights() != before


def test_it_is_written_as_it_is_read(tiny):
    group = ensemble(tiny, "none", shares=[1.0, 0.0], normalise="min-max")
    assert teachers.create(str(group)) == group
    nested = ensemble(str(group), tiny)
    assert teachers.create(str(nested)) == nested
    assert nested.members[0][1] == group


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "teachers"),
        ("teachers=[]", "teachers"),
        ("teachers=['none'], shares=[1.0, 2.0]", "1 teachers, but 2 shares"),
        ("teachers=['none', 'none'], shares=[1.0]", "2 teachers, but 1 shares"),
        ("teachers=['none', 'none'], shares=[0.0, 0.0]", "sum of the shares must be"),
        ("teachers=['none', 'none'], shares=[2.0, -1.0]", "shares.1: .*greater than or equal to 0"),
        ("teachers=['none'], normalise='softmax'", "normalise"),
        ("teachers=['bi-encodr']", "did you mean 'bi-encoder'"),
        ("teachers=['bi-encoder(max_length=1)']", "max_length"),
        ("teachers=['precomputed']", "path"),
    ],
)
def test_options_that_cannot_be(options, said):
    with pytest.raises(InputError, match=said):
        teachers.create(f"ensemble({options})")


# -- a run ---------------------------------------------------------------------------------------


def test_runs_learn_from_it(context, specify, tiny, wide, tmp_path):
    """TAS-B with both signals from one is TAS-B with the ensemble that names it for both."""
    curves = []
    for number, teacher in enumerate([wide, str(ensemble(wide, tiny, shares=[1.0, 0.0]))]):
        run = specify("arm", {"loss": "tas-balanced", "teacher": teacher})
        folder = train(run, context, tmp_path / str(number))
        curves.append(folder.table("curve").drop(columns="train_seconds"))
    pd.testing.assert_frame_equal(*curves)
    run = specify("arm", {"loss": "tas-balanced", "teacher": str(ensemble(wide, tiny))})
    other = train(run, context, tmp_path / "both").table("curve")
    assert not np.allclose(other["loss"].iloc[1:], curves[0]["loss"].iloc[1:])
