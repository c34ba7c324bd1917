"""Teachers that are models: fine-tuned, scored ahead, and the same numbers as a plain loop."""

import numpy as np
import pytest
import torch

from bench import samplers, teachers
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.encoding.models import load_tokenizer, load_transformer
from bench.losses import Signal
from bench.storage.artifacts import Artifacts
from bench.triples.stream import DrawPlan
from tests.support.collections import write_collection

LENGTH = 32


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers")
    artifacts = Artifacts(folder / "artifacts")
    collection = open_collection(str(write_collection(folder / "toy")), artifacts)
    return Context(collection, artifacts, choose())


@pytest.fixture(scope="module")
def plan(context):
    stream = samplers.create("uniform", negatives=2).prepare(context)
    return DrawPlan(stream, seed=3, batch_size=4, examples=10)


def create(name: str, model, **options):
    return teachers.create(
        name, model=str(model), max_length=LENGTH, examples=64, negatives=3, **options
    )


EVERY = {
    "bi-encoder": {"scores", "in_batch", "queries", "documents"},
    "cross-encoder": {"scores"},
    "dual-pooled-cross-encoder": {"scores", "queries", "documents"},
    "late-interaction": {"scores", "in_batch"},
}


@pytest.mark.parametrize("name", EVERY)
def test_signals_have_their_shapes_and_are_looked_up_alike(name, context, plan, tiny_model):
    teacher = create(name, tiny_model, fine_tune=True)
    signal_source = teacher.prepare(teacher.provides(), plan, context)
    (triples, *_) = plan.batches()
    found = signal_source.signals(triples)
    given = {key for key, value in vars(found).items() if value is not None}
    assert given == EVERY[name]
    assert {signal.name.lower() for signal in teacher.provides()} == given
    shapes = {"scores": (4, 3), "in_batch": (4, 4, 3), "documents": (4, 3, 32)}
    shapes["queries"] = (4, 3, 32) if name.startswith("dual") else (4, 32)
    for key in given:
        assert tuple(getattr(found, key).shape) == shapes[key], key
        assert getattr(found, key).dtype == torch.float32
    again = teacher.prepare(teacher.provides(), plan, context).signals(triples)
    for key in given:
        assert torch.equal(getattr(again, key), getattr(found, key))
    if "in_batch" in given:
        own = found.in_batch[torch.arange(4), torch.arange(4)]
        torch.testing.assert_close(own, found.scores, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["cross-encoder", "dual-pooled-cross-encoder"])
def test_what_is_streamed_is_what_is_stored(name, context, plan, tiny_model):
    """A budget of seconds does not say which pairs will be drawn."""
    teacher = create(name, tiny_model, fine_tune=True)
    streamed = teacher.prepare(
        teacher.provides(), DrawPlan(plan.stream, plan.seed, 4, None), context
    )
    stored = teacher.prepare(teacher.provides(), plan, context)
    for triples in plan.batches():
        first, second = streamed.signals(triples), stored.signals(triples)
        for key in EVERY[name]:
            ours, theirs = getattr(first, key), getattr(second, key)
            torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)
            assert not ours.is_inference()


def texts(context, triples) -> list[tuple[str, list[str]]]:
    queries = context.collection.part("train").queries.take(triples.queries)
    return [
        (query, context.collection.documents.take(row))
        for query, row in zip(queries, triples.documents, strict=True)
    ]


def test_a_joint_pass_is_the_tokenizers_own(context, plan, tiny_model):
    """The dual-pooled vectors against transformers' own pair encoding, text by text."""
    teacher = create("dual-pooled-cross-encoder", tiny_model, fine_tune=False)
    signal_source = teacher.prepare(teacher.provides(), plan, context)
    tokenizer = load_tokenizer(str(tiny_model))
    model = load_transformer(str(tiny_model)).eval()
    (triples, *_) = plan.batches()
    found = signal_source.signals(triples)
    for row, (query, documents) in enumerate(texts(context, triples)):
        for column, document in enumerate(documents):
            inputs = tokenizer(query, document, return_tensors="pt")
            with torch.inference_mode():
                states = model(**inputs).last_hidden_state[0]
            owners = inputs.sequence_ids(0)
            vectors = []
            for owner in (0, 1):
                kept = torch.tensor([at == owner for at in owners])
                mean = states[kept].mean(0)
                vectors.append(mean / mean.norm())
            torch.testing.assert_close(found.queries[row, column], vectors[0], atol=1e-3, rtol=0)
            torch.testing.assert_close(found.documents[row, column], vectors[1], atol=1e-3, rtol=0)
            wanted = vectors[0] @ vectors[1]
            assert found.scores[row, column].item() == pytest.approx(wanted.item(), abs=2e-3)


def test_late_interaction_is_max_sim(context, plan, tiny_model):
    teacher = create("late-interaction", tiny_model)
    signal_source = teacher.prepare(teacher.provides(), plan, context)
    tokenizer = load_tokenizer(str(tiny_model))
    model = load_transformer(str(tiny_model)).eval()

    def tokens(text: str) -> torch.Tensor:
        inputs = tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")
        with torch.inference_mode():
            return torch.nn.functional.normalize(model(**inputs).last_hidden_state[0], dim=-1)

    (triples, *_) = plan.batches()
    found = signal_source.signals(triples)
    read = texts(context, triples)
    for row, (query, _) in enumerate(read):
        for other, (_, documents) in enumerate(read):
            for column, document in enumerate(documents):
                wanted = (tokens(query) @ tokens(document).T).max(1).values.sum()
                assert found.in_batch[row, other, column].item() == pytest.approx(
                    wanted.item(), abs=2e-2
                )


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_fine_tuning_helps_and_is_billed(name, context, plan, tiny_model):
    """On dev-select, by the artifact's own account; the kept point is the best."""
    teacher = create(name, tiny_model, fine_tune=True, learning_rate=1e-3)
    teacher = teachers.create(teacher, examples=640)
    loaded = teacher.load(plan.stream.queries, context)
    about = loaded.tuned.about
    assert len(about["points"]) == 3
    assert about["best_point"] == int(np.argmax(about["points"]))
    if name != "cross-encoder":  # from random weights, its new head learns nothing in so few
        assert max(about["points"]) > about["points"][0]
    own = loaded.tuned.bills[0]
    assert own.phase == "prepare"
    assert own.texts == 640 * 5
    assert own.tokens > 0
    assert own.flops > 6 * own.tokens
    kinds = [bill.what.split()[0] for bill in loaded.tuned.bills]
    assert kinds[0] == "fine-tuned-teacher"
    assert {"tokens", "mined-negatives"} <= set(kinds)
    assert "pretraining" in teacher.unpriced()
    (names,) = [sorted(path.name for path in loaded.tuned.folder.iterdir())]
    assert names == ["artifact.json", "labels.npy", "model.safetensors"]


def test_scores_are_charged_by_example_and_the_rest_at_once(context, plan, tiny_model):
    teacher = create("cross-encoder", tiny_model)
    signal_source = teacher.prepare(frozenset({Signal.SCORES}), plan, context)
    (artifact,) = signal_source.artifacts
    phases = {bill.what.split()[0]: bill.phase for bill in artifact.bills}
    assert phases["teacher-scores"] == "score"
    assert phases["fine-tuned-teacher"] == "prepare"
    own = artifact.bills[0]
    assert own.examples == 10
    pairs = {
        (query, document)
        for triples in plan.batches()
        for query, row in zip(triples.queries.tolist(), triples.documents.tolist(), strict=True)
        for document in row
    }
    assert own.texts == len(pairs)


def test_scoring_goes_on_from_the_last_finished_shard(context, plan, tiny_model, monkeypatch):
    from bench.teachers import _pair_reading as _drawn

    monkeypatch.setattr(_drawn, "SHARD", 7)
    monkeypatch.setattr(_drawn, "rehearsal_seconds", lambda *arguments: 0.0)
    teacher = create("cross-encoder", tiny_model, seed=5)
    loaded = teacher.load(plan.stream.queries, context)
    scores = loaded.scorer.scores
    calls = []

    def stopping(queries, documents, device):
        calls.append(len(queries))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scores(queries, documents, device)

    def read(queries, documents):
        return loaded.scorer.scores(queries, documents, context.device)[:, 0]

    monkeypatch.setattr(loaded.scorer, "scores", stopping)
    with pytest.raises(KeyboardInterrupt):
        _drawn.read_pairs("teacher-scores", loaded, plan, read)
    monkeypatch.setattr(loaded.scorer, "scores", scores)
    again = []

    def counted(queries, documents):
        again.append(len(queries))
        return read(queries, documents)

    codes, values, artifact = _drawn.read_pairs("teacher-scores", loaded, plan, counted)
    assert sum(again) == len(codes) - 14
    assert artifact.bills[0].seconds > 0
    fresh = teacher.prepare(frozenset({Signal.SCORES}), plan, context)
    assert np.array_equal(fresh.values, values)


def test_warming_up_changes_no_teacher(context, plan, tiny_model, monkeypatch):
    from bench.teachers._fine_tuning import FineTuning

    teacher, found = create("cross-encoder", tiny_model, fine_tune=True, seed=8), []
    for name in ("warm", "cold"):
        there = Context(
            context.collection, Artifacts(context.artifacts.root.parent / name), context.device
        )
        tuned = teacher.load(plan.stream.queries, there).tuned
        assert ("warming" in tuned.about) == (name == "warm")
        found.append((tuned.folder / "model.safetensors").read_bytes())
        monkeypatch.setattr(FineTuning, "_warm_up", lambda *arguments: 0.0)
    assert found[0] == found[1]


def test_fine_tuning_goes_on_from_the_last_point_exactly(context, plan, tiny_model, monkeypatch):
    from bench.teachers._fine_tuning import FineTuning

    teacher = create("dual-pooled-cross-encoder", tiny_model, fine_tune=True, seed=9)
    whole = Context(
        context.collection, Artifacts(context.artifacts.root.parent / "whole"), context.device
    )
    wanted = teacher.load(plan.stream.queries, whole).tuned
    measure, calls = FineTuning._measure, []

    def stopping(tuning, loop):
        calls.append(loop.progress.examples)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(tuning, loop)

    monkeypatch.setattr(FineTuning, "_measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        teacher.load(plan.stream.queries, context)
    assert calls == [0, 32, 64]
    monkeypatch.setattr(FineTuning, "_measure", measure)
    trained = []
    train = FineTuning._train

    def counting(tuning, loop, goal):
        trained.append((loop.progress.examples, goal))
        train(tuning, loop, goal)

    monkeypatch.setattr(FineTuning, "_train", counting)
    found = teacher.load(plan.stream.queries, context).tuned
    assert trained == [(32, 64)]
    assert found.about["points"] == wanted.about["points"]
    for name in ("model.safetensors", "labels.npy"):
        assert (found.folder / name).read_bytes() == (wanted.folder / name).read_bytes()


def test_fine_tuning_stopped_before_its_point_is_recorded_goes_on(
    context, plan, tiny_model, monkeypatch
):
    from bench.teachers._fine_tuning import FineTuning

    teacher = create("cross-encoder", tiny_model, fine_tune=True, seed=11)
    whole = Context(
        context.collection, Artifacts(context.artifacts.root.parent / "unstopped"), context.device
    )
    wanted = teacher.load(plan.stream.queries, whole).tuned
    point = FineTuning._point

    def stopping(tuning, loop, folder, number):
        value = point(tuning, loop, folder, number)
        if number == 1:
            raise KeyboardInterrupt
        return value

    monkeypatch.setattr(FineTuning, "_point", stopping)
    with pytest.raises(KeyboardInterrupt):
        teacher.load(plan.stream.queries, context)
    monkeypatch.setattr(FineTuning, "_point", point)
    found = teacher.load(plan.stream.queries, context).tuned
    assert found.about["points"] == wanted.about["points"]
    files = [one.folder / "model.safetensors" for one in (found, wanted)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_fine_tuning_that_diverges_is_refused(context, plan, tiny_model):
    """It would else end as the untuned model, which nobody asked for."""
    from bench.errors import TrainingError

    teacher = create("cross-encoder", tiny_model, fine_tune=True, seed=10, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"fine-tuning cross-encoder.*not finite at step"):
        teacher.load(plan.stream.queries, context)


def test_pairs_that_are_too_long_are_refused(context, plan, tiny_model):
    """The tiny model reads 64 tokens."""
    from bench.errors import InputError

    teacher = create("dual-pooled-cross-encoder", tiny_model, fine_tune=False)
    loaded = teacher.load(plan.stream.queries, context)
    long = [np.full(60, 1000)]
    with pytest.raises(InputError, match=r"together have 119 tokens.*reads 64"):
        loaded.scorer.scores(long, long, context.device)


def test_a_head_that_is_not_there_is_asked_for(context, plan, tiny_model):
    from bench.errors import InputError

    teacher = create("cross-encoder", tiny_model, fine_tune=False)
    with pytest.raises(InputError, match=r"no classification head.*fine_tune = true"):
        teacher.prepare(teacher.provides(), plan, context)
