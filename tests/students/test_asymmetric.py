"""A small query encoder beside a teacher's stored documents: what runs, what changes, who pays."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import Ridge
from transformers import AutoModel

from bench import students, teachers
from bench.context import Context
from bench.encoding.encoder import Encoder
from bench.encoding.models import load_tokenizer
from bench.errors import InputError
from bench.evaluation.measured import measure_run
from bench.optimization.warming import STEPS
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from bench.training.loop import embeddings
from bench.training.run import Run
from bench.training.state import weights
from tests.support.runs import train, train_with_stops
from tests.support.students import Watched, build, by_hand, fresh, vectors, write

NUMBERS = ["examples", "steps", "loss", "grad_norm", "mean_cosine", "nDCG@10", "RR@10"]


@pytest.fixture
def written(tiny_model, wide_model):
    """A student whose queries are the tiny model's first layer, as a study writes it."""

    def make(teacher_model=wide_model, queries=None, teacher=None, **options) -> str:
        queries = queries or write("truncated", layers=1, model=tiny_model, max_length=32)
        teacher = write("bi-encoder", model=teacher_model, max_length=32, **(teacher or {}))
        return write("asymmetric", queries=queries, teacher=teacher, **options)

    return make


@pytest.fixture
def asymmetric(specify, written):
    """A run of it: without a teacher of signals unless one is given."""

    def make(student: str = "", budget=Budget(steps=4), **entry):  # noqa: B008
        entry = {"loss": "infonce", "student": student or written(), **entry}
        return specify("arm", entry, budget=budget)

    return make


def changed(before: dict, after: dict) -> set[str]:
    assert set(before) == set(after)
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


# -- documents -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("similarity", "pooling"), [("cosine", "mean"), ("dot", "cls")])
def test_documents_are_the_teachers(similarity, pooling, written, tiny_model, wide_model, context):
    """Those that training cannot draw among them, which no arm is charged for."""
    collection = context.collection
    relevant = np.unique(collection.part("train").relevant()[:, 1])
    few = Context(replace(collection, trainable=relevant[:5]), context.artifacts, context.device)
    drawable, every = few.collection.drawable(), np.arange(len(collection.documents))
    assert 0 < len(drawable) < len(every)
    queries = write("truncated", layers=1, model=tiny_model, max_length=32, similarity=similarity)
    student = students.create(
        written(
            queries=queries,
            teacher={"similarity": similarity, "pooling": pooling, "document_prompt": "the "},
        )
    )
    towers = build(student, few)
    texts = [f"the {text}" for text in collection.documents.take(every)]
    wanted = by_hand(
        AutoModel.from_pretrained(wide_model),
        wide_model,
        texts,
        pooling=pooling,
        unit=similarity == "cosine",
    )
    stored = towers.stored
    np.testing.assert_allclose(stored.at(drawable), wanted[drawable], atol=1e-5)
    np.testing.assert_allclose(stored.at(every), wanted, atol=1e-5)
    some = np.array([every[-1], drawable[0], every[-1], drawable[-1], 0])
    assert np.array_equal(stored.at(some), stored.at(every)[some])
    assert stored.at(every).dtype == np.float32
    (artifact,) = stored.artifacts
    assert artifact.bills[0].texts == len(drawable)
    assert artifact in towers.artifacts
    assert towers.similarity == similarity
    assert (towers.shared, len(towers.encoders), towers.width) == (False, 1, 48)


@pytest.mark.parametrize(
    ("projection", "drawn"),
    [("random", True), ("orthogonal", True), ("procrustes", False), ("least-squares", False)],
)
def test_a_projection_is_put_behind(projection, drawn, written, context, tiny_model):
    """Whatever the widths, unless there is to be none."""
    student = students.create(written(projection=projection))
    assert build(student, context).query_encoder.head.weight.shape == (48, 32)
    assert student.randomly_initialised == drawn
    same = students.create(written(tiny_model, projection=projection))
    assert build(same, context).query_encoder.head.weight.shape == (32, 32)


def test_no_projection_is_put_behind(written, context, tiny_model):
    student = students.create(written(tiny_model, projection="none"))
    assert build(student, context).query_encoder.head is None
    assert not student.randomly_initialised
    with pytest.raises(InputError, match="queries are 32 wide, the teacher's documents 48"):
        students.create(written(projection="none")).build(context)
    inner = write("pretrained", model=tiny_model, max_length=32)
    for width in (20, 48):
        queries = write("projected", student=inner, width=width)
        with pytest.raises(InputError, match="a projection behind a projection"):
            students.create(written(queries=queries)).build(context)
    towers = build(students.create(written(queries=queries, projection="none")), context)
    assert towers.width == 48


@pytest.mark.parametrize("start", ["procrustes", "least-squares"])
def test_a_projection_starts_near_the_teachers_queries(
    start, written, context, tiny_model, wide_model
):
    """Over the train queries alone: no document passes the small encoder."""
    student = students.create(written(projection=start))
    towers = build(student, context)
    queries = context.collection.part("train").queries.texts.to_pylist()
    small = AutoModel.from_pretrained(tiny_model)
    small.encoder.layer = small.encoder.layer[:1]
    ours = by_hand(small, tiny_model, queries)
    theirs = by_hand(AutoModel.from_pretrained(wide_model), wide_model, queries)
    if start == "procrustes":
        left, values, right = np.linalg.svd(theirs.T @ ours, full_matrices=False)
        wanted = values.sum() / np.square(ours).sum() * left @ right
    else:
        ridge = Ridge(1e-3 * np.square(ours).sum(0).mean(), fit_intercept=False)
        wanted = ridge.fit(ours, theirs).coef_
    # Where the queries do not reach, any rotation is as near.
    weight = towers.query_encoder.head.weight.detach().numpy()
    np.testing.assert_allclose(ours @ weight.T, ours @ wanted.T, atol=1e-4)
    asked, _ = vectors(student, towers, context)
    drawn = students.create(written(projection="orthogonal"))
    others, _ = vectors(drawn, build(drawn, context), context)
    assert (asked * theirs).sum(1).mean() > (others * theirs).sum(1).mean() + 0.1
    made = {bill.what.split()[0] for one in towers.artifacts for bill in one.bills}
    assert made == {"projection", "teacher-embeddings", "tokens"}


# -- a run ---------------------------------------------------------------------------------------


def test_no_document_is_encoded_while_it_trains(
    asymmetric, written, context, tmp_path, monkeypatch
):
    """A spy on every encoder's `embed`: how wide it was, over how many texts, and when."""
    seen, in_training = [], []
    embed, train_run = Encoder.embed, Run._train

    def watch(encoder, packed, *rest):
        seen.append((encoder.pooled_width, len(packed.inverse_order), bool(in_training)))
        return embed(encoder, packed, *rest)

    def watch_training(run, ahead):
        in_training.append(True)
        train_run(run, ahead)
        in_training.clear()

    monkeypatch.setattr(Encoder, "embed", watch)
    monkeypatch.setattr(Run, "_train", watch_training)
    context = fresh(context, tmp_path / "artifacts")
    specification = asymmetric(budget=Budget(steps=6))
    folder = RunFolder(tmp_path / "run")
    run = Run(specification, folder, context, keep_student=False, report=lambda message: None)
    run.execute()
    student, teacher = 32, 48
    before = [(width, count) for width, count, inside in seen if not inside]
    counts = [count for width, count, inside in seen if inside and width == student]
    assert (
        teacher,
        len(context.collection.documents),
    ) in before  # the spy sees it where it does run
    assert not any(width == teacher for width, _, inside in seen if inside)
    # What the loop encodes: the queries of dev at its first point and three others, and of batches,
    # the first of them once more before the clock starts.
    stream, dev = specification.arm.sampler.prepare(context), context.collection.part("dev").queries
    tokenizer = load_tokenizer(specification.arm.student.models()[0])
    batches = [
        np.unique(stream.batch(specification.seed, 8 * step, 8 * step + 8).queries)
        for step in range(6)
    ]
    assert sorted(counts) == sorted([*map(len, batches + batches[: STEPS["cpu"]]), *[len(dev)] * 4])
    (bill,) = [bill for bill in folder.bills() if bill.phase == "train"]
    assert bill.texts == sum(map(len, batches))
    texts = context.collection.part("train").queries
    tokens = [len(tokenizer(text)["input_ids"]) for rows in batches for text in texts.take(rows)]
    assert bill.tokens == sum(tokens)
    # One layer of 8,544, a norm of 64, and the layer behind it (see the footprints).
    assert bill.flops == 6 * (8_608 + 32 * 48 + 48) * bill.tokens


def test_the_frozen_tower_does_not_change_and_the_other_does(
    asymmetric, context, tmp_path, wide_model
):
    run = asymmetric()
    folder = RunFolder(tmp_path / run.id)
    watched = Watched(run, folder, context, keep_student=True, report=lambda message: None)
    watched.execute()
    theirs = load_file(wide_model / "model.safetensors")
    exported = load_file(folder.student / "document_0_Transformer" / "model.safetensors")
    assert len(exported) == 5 + 2 * 16
    for name, value in exported.items():
        assert torch.equal(value, theirs[name]), name
    moved = changed(weights(build(run.arm.student, context, run.seed)), watched.last)
    assert all(name.startswith("query_encoder.") for name in watched.last)
    assert {"query_encoder.head.weight", "query_encoder.head.bias"} <= moved
    assert sum(name.startswith("query_encoder.transformer.encoder") for name in moved) >= 15
    assert len({name.split(".")[1] for name in watched.last}) == 2


def test_a_kill_at_every_pause_changes_nothing(asymmetric, context, tmp_path):
    run = asymmetric(budget=Budget(examples=96))
    wanted = train(run, context, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts" / wanted.id)
    assert train_with_stops(run, context, folder) == 3
    measure_run(folder, context, ["nDCG@10", "RR@10"], ["test"])
    curves = [one.table("curve")[NUMBERS] for one in (folder, wanted)]
    pd.testing.assert_frame_equal(*curves)
    for name in ("test.trec.gz", "rankings.parquet"):
        assert (folder.path / name).read_bytes() == (wanted.path / name).read_bytes()
    place = "query_0_Transformer/model.safetensors"
    assert (folder.student / place).read_bytes() == (wanted.student / place).read_bytes()


def test_a_gradient_cache_changes_nothing(asymmetric, context, tmp_path):
    """Groups of 4,096 tokens are those of a CPU without a cache: equal to the last bit."""
    plain = asymmetric()
    training = plain.arm.training.model_copy(update={"gradient_cache": 4096})
    cached = replace(plain, arm=replace(plain.arm, training=training))
    curves = [train(run, context, tmp_path).table("curve")[NUMBERS] for run in (plain, cached)]
    pd.testing.assert_frame_equal(*curves)


@pytest.mark.parametrize("two", [True, False])
def test_small_groups_have_the_same_gradient(two, untied, asymmetric, context, tmp_path):
    """Without dropout, which groups of another size draw in another order."""
    specification = asymmetric(untied if two else "")
    run = Run(specification, RunFolder(tmp_path), context, keep_student=False, report=print)
    setup = run.setup
    setup.towers.eval()
    gradients, groups = [], []
    for tokens in (0, 10):
        batch = replace(setup.batches, group_tokens=tokens).make(0, 8)
        setup.towers.zero_grad()
        student = embeddings(setup.towers, batch, context.device, recompute=bool(tokens))
        setup.objective(student, batch.signals).backward()
        gradients.append({name: value.grad for name, value in setup.towers.named_parameters()})
        groups.append([len(packed.groups) for packed in batch.packed])
    assert len(groups[0]) == 1 + two
    assert all(few < many for few, many in zip(*groups, strict=True))
    for name, value in gradients[1].items():
        torch.testing.assert_close(value, gradients[0][name], atol=1e-5, rtol=1e-4)


def test_the_same_seed_draws_the_same_whatever_was_there(written, context, tmp_path, tiny_model):
    """What has to be prepared draws numbers too: a student must not notice that it was."""
    context = fresh(context, tmp_path)
    tuned = {"fine_tune": True, "examples": 16}
    narrow = write("narrow", model=tiny_model, parameters=520_000, embedding=16, max_length=32)
    for student in (
        written(queries=narrow, teacher=tuned, projection="random"),
        write(
            "untied",
            queries=write(
                "projected",
                student=write("pretrained", model=tiny_model, max_length=32),
                width=32,
                start="procrustes",
                teacher=write(
                    "bi-encoder", model=tiny_model, max_length=32, fine_tune=True, examples=16
                ),
            ),
            documents=narrow,
        ),
    ):
        made, found = (weights(build(students.create(student), context)) for _ in range(2))
        assert not changed(made, found)


# -- who pays ------------------------------------------------------------------------------------


def embedded(folder: RunFolder) -> dict[str, float]:
    """The teacher's embeddings that an arm is charged for, with their seconds."""
    return {
        bill.what: bill.seconds
        for bill in folder.bills()
        if bill.phase == "prepare" and bill.what.startswith("teacher-embeddings")
    }


def test_documents_are_encoded_once_and_charged_to_every_arm(
    asymmetric, specify, written, context, tmp_path, tiny_model
):
    context = fresh(context, tmp_path / "artifacts")
    teacher = write("bi-encoder", model=tiny_model, max_length=32)
    loss = {"loss": "embedding-match(texts='documents')", "teacher": teacher}
    own = write("pretrained", model=tiny_model, max_length=32)
    of_loss = specify("arm", {**loss, "student": own}, budget=Budget(steps=2))
    alone = asymmetric(written(tiny_model, projection="none"), budget=Budget(steps=2))
    assert str(alone.arm.teacher) == "none"
    first, second = (embedded(train(run, context, tmp_path)) for run in (of_loss, alone))
    assert len(first) == 1
    assert first == second
    assert next(iter(first.values())) > 0
    made = context.artifacts.root / "teacher-embeddings"
    assert {f"teacher-embeddings {path.name}" for path in made.iterdir()} == set(first)


def test_an_arm_says_what_of_its_documents_nobody_pays(asymmetric, written, context, tmp_path):
    """Its teacher's own training, as the arm of a loss that has one says."""
    record = train(asymmetric(budget=Budget(steps=2)), context, tmp_path).record()
    assert record["unpriced"].startswith("the training of")
    student = students.create(written())
    assert student.document_teacher() == teachers.create(student.teacher)
    assert students.create("truncated").document_teacher() is None


# -- a fine-tuned teacher ------------------------------------------------------------------------


@pytest.fixture
def tuned(tiny_model):
    """As options of a teacher, and as the teacher: learning for long enough to be better."""
    options = {"fine_tune": True, "examples": 640, "learning_rate": 1e-3}
    teacher = teachers.create("bi-encoder", model=str(tiny_model), max_length=32, **options)
    return options, teacher


@pytest.mark.parametrize("layers", [1, 2])
def test_a_fine_tuned_teachers_documents_and_weights(layers, tuned, written, context, tiny_model):
    options, teacher = tuned
    queries = write("truncated", layers=layers, model=tiny_model, max_length=32)
    student = students.create(
        written(tiny_model, queries=queries, teacher=options, shared_start=True)
    )
    towers = build(student, context)
    loaded = teacher.load(context.collection.part("train").queries, context)
    assert loaded.tuned.about["best_point"] > 0
    state = {
        name.removeprefix("encoder.transformer."): value
        for name, value in load_file(loaded.tuned.folder / "model.safetensors").items()
    }
    model = AutoModel.from_pretrained(tiny_model, add_pooling_layer=False)
    moved = changed(model.state_dict(), state)
    model.load_state_dict(state)
    wanted = by_hand(model, tiny_model, context.collection.documents.take(range(80)))
    np.testing.assert_allclose(towers.stored.at(np.arange(80)), wanted, atol=1e-5)
    found = towers.query_encoder.transformer.state_dict()
    assert len(found) == 5 + 16 * layers
    assert not {name for name, value in found.items() if not torch.equal(value, state[name])}
    assert moved & set(found)
    bills = [bill.what.split()[0] for one in towers.artifacts for bill in one.bills]
    assert {"fine-tuned-teacher", "teacher-embeddings", "mined-negatives"} <= set(bills)
    # Training the one must not move the other.
    with torch.no_grad():
        for parameter in towers.query_encoder.parameters():
            parameter.add_(1)
    theirs = towers.stored.encoder().transformer.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in theirs.items())


def test_without_a_shared_start_it_is_made_from_the_model(tuned, written, context, tiny_model):
    options, _ = tuned
    towers = build(students.create(written(tiny_model, teacher=options)), context)
    theirs = load_file(tiny_model / "model.safetensors")
    for name, value in towers.query_encoder.transformer.state_dict().items():
        assert torch.equal(value, theirs[name]), name


# -- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": "cross-encoder"}, "teacher: must be a bi-encoder, not cross-encoder"),
        ({"teacher": "none"}, "teacher: must be a bi-encoder, not none"),
        (
            {"teacher": "bi-encoder(similarity='dot')"},
            "compared by cosine and the teacher's documents by dot",
        ),
        ({"queries": "asymmetric"}, "queries: asymmetric is not one encoder"),
        ({"queries": "untied"}, "queries: untied is not one encoder"),
        ({"queries": "truncatd"}, "did you mean 'truncated'"),
        (
            {"shared_start": True, "teacher": "bi-encoder(model='a/b')"},
            "must be made from the teacher's model 'a/b', not all-MiniLM-L6-v2",
        ),
        ({"projection": "pca"}, "projection: .*'pca'"),
    ],
)
def test_what_is_no_asymmetric_student(options, message):
    with pytest.raises(InputError, match=message) as error:
        students.create("asymmetric", **options)
    assert "\n" not in str(error.value)


def test_it_is_what_it_is_written_as(written, tiny_model):
    student = students.create(written(tiny_model, shared_start=True))
    again = students.create(str(student))
    assert again == student
    assert again.specification == student.specification
    others = [written(tiny_model), written(), written(tiny_model, teacher={"pooling": "cls"})]
    found = [students.create(other).specification for other in others]
    assert all(one != student.specification for one in found)
    assert student.models() == [str(tiny_model), str(tiny_model)]
