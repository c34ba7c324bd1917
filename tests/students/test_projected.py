"""The layer behind an encoder: where it starts, and what it costs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import Ridge
from transformers import AutoModel

from bench import students
from bench.encoding.models import load_tokenizer
from bench.errors import InputError
from bench.students._projection import principal, procrustes
from tests.support.students import build, by_hand, vectors, write


def read(context) -> list[str]:
    """All that a start is computed from: train queries and the documents that can be drawn."""
    collection = context.collection
    queries = collection.part("train").queries.texts.to_pylist()
    return [*queries, *collection.documents.take(collection.drawable())]


def sample(context, model, **how) -> np.ndarray:
    """Their vectors by hand."""
    return by_hand(AutoModel.from_pretrained(model), model, read(context), **how)


@pytest.mark.parametrize("width", [20, 32, 45])
@pytest.mark.parametrize("start", ["random", "orthogonal"])
def test_a_drawn_projection(start, width, context, tiny_model):
    inner = write("pretrained", model=tiny_model, max_length=32)
    student = students.create("projected", student=inner, width=width, start=start)
    towers = build(student, context)
    assert towers.width == width
    assert vectors(student, towers, context)[0].shape == (
        len(context.collection.part("train").queries),
        width,
    )
    weight = towers.query_encoder.head.weight
    product = weight @ weight.T if width <= 32 else weight.T @ weight
    orthonormal = torch.allclose(product, torch.eye(len(product)), atol=1e-5)
    assert orthonormal == (start == "orthogonal")


@pytest.mark.parametrize(
    ("similarity", "pooling"), [("cosine", "mean"), ("dot", "mean"), ("dot", "cls")]
)
def test_pca_keeps_most_of_the_dot_products(similarity, pooling, context, tiny_model):
    inner = write(
        "pretrained", model=tiny_model, max_length=32, similarity=similarity, pooling=pooling
    )
    student = students.create("projected", student=inner, width=6, start="pca")
    head = build(student, context).query_encoder.head
    ours = sample(context, tiny_model, pooling=pooling, unit=similarity == "cosine")
    _, _, found = np.linalg.svd(ours.astype(np.float64), full_matrices=False)
    weight = head.weight.detach().numpy()
    np.testing.assert_allclose(weight.T @ weight, found[:6].T @ found[:6], atol=1e-3)
    assert not head.bias.any()


def test_what_comes_near_a_teacher(context, tiny_model, other_model):
    """The rotation is scipy's, the linear map scikit-learn's."""
    ours = sample(context, tiny_model).astype(np.float64)
    theirs = sample(context, other_model, pooling="cls").astype(np.float64)
    rotation, values = orthogonal_procrustes(ours, theirs)
    ridge = Ridge(1e-3 * np.square(ours).sum(0).mean(), fit_intercept=False).fit(ours, theirs)
    maps = {
        "procrustes": values / np.square(ours).sum() * rotation,
        "least-squares": ridge.coef_.T,
    }
    inner = write("pretrained", model=tiny_model, max_length=32)
    teacher = write("bi-encoder", model=other_model, max_length=32, pooling="cls")
    errors = [np.square(ours - theirs).sum()]
    for start, wanted in maps.items():
        student = students.create(
            "projected", student=inner, width=32, start=start, teacher=teacher
        )
        head = build(student, context).query_encoder.head
        found = head.weight.detach().T.numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        assert not head.bias.any()
        errors.append(np.square(ours @ found - theirs).sum())
    assert errors[0] > errors[1] > errors[2]


@settings(max_examples=40, deadline=None)
@given(narrow=st.integers(1, 6), wide=st.integers(1, 6), seed=st.integers(0, 999), data=st.data())
def test_no_scaled_rotation_comes_nearer(narrow, wide, seed, data):
    """[n, d] to [n, d'] with d' ≥ d, against others with the best scale of each."""
    narrow, wide = sorted((narrow, wide))
    draw = np.random.default_rng(seed)
    ours = torch.from_numpy(draw.normal(size=(12, narrow)))
    theirs = torch.from_numpy(draw.normal(size=(12, wide)))
    weight = procrustes(ours, theirs).double()
    assert weight.shape == (wide, narrow)
    gram = weight.T @ weight
    torch.testing.assert_close(gram, gram[0, 0] * torch.eye(narrow).double(), atol=1e-5, rtol=0)
    error = (ours @ weight.T - theirs).square().sum()
    for _ in range(5):
        other, _ = np.linalg.qr(draw.normal(size=(wide, narrow)))
        mapped = ours @ torch.from_numpy(other).T
        scale = (mapped * theirs).sum() / mapped.square().sum()
        assert error <= (scale * mapped - theirs).square().sum() + 1e-4
    back = procrustes(theirs, ours).double()
    gram = back @ back.T
    torch.testing.assert_close(gram, gram[0, 0] * torch.eye(narrow).double(), atol=1e-5, rtol=0)


def test_directions_there_are_too_few_of():
    assert principal(torch.eye(5, 8), 5).shape == (5, 8)
    with pytest.raises(InputError, match="5 texts have no 6 directions"):
        principal(torch.eye(5, 8), 6)


@pytest.mark.parametrize("start", ["pca", "procrustes", "least-squares"])
def test_a_computed_start_is_billed_and_found_again(start, context, tiny_model, other_model):
    inner = write("pretrained", model=tiny_model, max_length=31)
    teacher = write("bi-encoder", model=other_model, max_length=31)
    student = students.create("projected", student=inner, width=32, start=start, teacher=teacher)
    first, second = build(student, context, seed=1), build(student, context, seed=2)
    (made,), (found,) = first.artifacts, second.artifacts
    assert made.folder == found.folder
    own = made.bills[0]
    assert own.what == f"projection {made.digest}"
    assert own.phase == "prepare"
    assert own.seconds > 0
    train_queries = context.collection.part("train").queries
    assert own.texts == len(train_queries) + len(context.collection.drawable())
    tokenizer = load_tokenizer(str(tiny_model))
    texts = [
        *train_queries.texts.to_pylist(),
        *context.collection.documents.take(context.collection.drawable()),
    ]
    assert own.tokens == sum(len(tokenizer(text)["input_ids"]) for text in texts)
    assert own.flops == 2 * 17_152 * own.tokens
    assert not own.reused
    assert found.bills[0].reused
    assert torch.equal(first.query_encoder.head.weight, second.query_encoder.head.weight)
    kinds = [bill.what.split()[0] for bill in made.bills]
    embedded = kinds.count("teacher-embeddings")
    assert embedded == (0 if start == "pca" else 2)


def test_a_start_is_of_the_weights_it_stands_behind(context, tiny_model, other_model):
    heads = [
        build(
            students.create(
                "projected",
                student=write("pretrained", model=model, max_length=32, pooling=pooling),
                width=6,
                start="pca",
            ),
            context,
        ).query_encoder.head.weight
        for model, pooling in [(tiny_model, "mean"), (tiny_model, "cls"), (other_model, "mean")]
    ]
    for at, head in enumerate(heads):
        for other in heads[:at]:
            assert not torch.allclose(head, other, atol=1e-2)


@pytest.mark.parametrize(
    ("inner", "options", "message"),
    [
        ("projected", {}, "a projection behind a projection"),
        ("pretrained", {"start": "pca", "width": 33}, "no 33 directions in vectors 32 wide"),
        ("pretrained", {"start": "procrustes"}, "procrustes: .* 48 columns, not 20"),
        (
            "pretrained",
            {"start": "least-squares"},
            "least-squares: .* 48 columns, not 20",
        ),
    ],
)
def test_projections_that_cannot_be(inner, options, message, context, tiny_model, wide_model):
    part = write("pretrained", model=tiny_model, max_length=32)
    part = write("projected", student=part, width=24) if inner == "projected" else part
    teacher = write("bi-encoder", model=wide_model, max_length=32)
    student = students.create(
        "projected", **{"student": part, "width": 20, "teacher": teacher, **options}
    )
    with pytest.raises(InputError, match=message) as error:
        student.build(context)
    assert "\n" not in str(error.value)


def test_a_projection_depends_on_its_teacher_only_where_it_has_one(tiny_model):
    one, other = "bi-encoder", "bi-encoder(max_length=32)"
    for start in ("random", "orthogonal", "pca", "procrustes", "least-squares"):
        taught = start in ("procrustes", "least-squares")
        first, second = (
            students.create("projected", start=start, teacher=teacher) for teacher in (one, other)
        )
        assert (first.specification != second.specification) == taught
        by = students.create(
            "projected", start=start, teacher=write("bi-encoder", model=tiny_model)
        )
        assert (str(tiny_model) in by.models()) == taught
    with pytest.raises(InputError, match="must be a bi-encoder, not cross-encoder"):
        students.create("projected", start="procrustes", teacher="cross-encoder")
    assert students.create("projected", start="pca", teacher="cross-encoder").width == 384


def test_a_student_depends_on_its_parts_as_they_are_and_not_as_they_are_written():
    for name, option in [
        ("projected", "student"),
        ("untied", "queries"),
        ("asymmetric", "queries"),
    ]:
        short, long, other = (
            students.create(name, **{option: part}).specification
            for part in ("truncated", "truncated(keep='first', layers=2)", "truncated(layers=3)")
        )
        assert short == long
        assert short != other
