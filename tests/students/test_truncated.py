"""Some layers of a model, and no layer at all; which students are drawn."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModel

from bench import students
from bench.encoding.layers import choose_layers
from bench.encoding.models import BUNDLED, load_tokenizer, locate
from bench.encoding.packed import pack_padded
from bench.encoding.static_encoder import StaticEncoder
from bench.errors import InputError
from tests.support.students import bert, build, by_hand, vectors, write


@pytest.mark.parametrize(
    ("total", "layers", "which", "kept"),
    [
        (6, 2, "first", [0, 1]),
        (6, 2, "last", [4, 5]),
        (6, 2, "spaced", [0, 5]),
        (6, 3, "spaced", [0, 2, 5]),
        (12, 6, "spaced", [0, 2, 4, 7, 9, 11]),
        (6, 1, "first", [0]),
        (6, 1, "last", [5]),
        (6, 1, "spaced", [0]),
    ],
)
def test_which_layers_are_kept(total, layers, which, kept):
    assert choose_layers(total, layers, which) == kept


@given(total=st.integers(2, 48), data=st.data())
def test_spaced_layers_are_at_equal_distances(total, data):
    layers = data.draw(st.integers(2, total))
    kept = choose_layers(total, layers, "spaced")
    assert (kept[0], kept[-1], len(kept)) == (0, total - 1, layers)
    step = (total - 1) / (layers - 1)
    assert all(gap >= 1 and abs(gap - step) <= 1 for gap in np.diff(kept))


@pytest.mark.parametrize("which", ["first", "last", "spaced"])
def test_no_more_layers_than_there_are(which):
    assert choose_layers(4, 4, which) == [0, 1, 2, 3]
    with pytest.raises(InputError, match="layers: 5 of an encoder that has 4"):
        choose_layers(4, 5, which)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (
            "first",
            0,
        ),
        ("last", 3),
        ("spaced", 0),
    ],
)
def test_one_layer_is_the_models(keep, kept, context):
    whole = bert(layers=4)
    wanted = {name: value.clone() for name, value in whole.state_dict().items()}
    encoder = students.create("truncated", layers=1, keep=keep).encoder(context, whole)
    found = encoder.transformer.state_dict()
    assert encoder.transformer.config.num_hidden_layers == 1
    for name, value in found.items():
        assert torch.equal(value, wanted[name.replace("layer.0.", f"layer.{kept}.")]), name
    assert sum(name.startswith("encoder.") for name in found) == 16


def test_spaced_layers_are_the_bundled_encoders(context):
    student = students.create("truncated", layers=3, keep="spaced", max_length=12)
    towers = build(student, context)
    whole = AutoModel.from_pretrained(locate(BUNDLED), dtype=torch.float32)
    whole.encoder.layer = torch.nn.ModuleList(whole.encoder.layer[at] for at in (0, 2, 5))
    texts = context.collection.documents.take(range(80))[:6]
    wanted = by_hand(whole, BUNDLED, texts, length=12)
    np.testing.assert_allclose(vectors(student, towers, context)[1][:6], wanted, atol=1e-5)


def test_static_is_the_mean_of_the_rows(context, tiny_model):
    student = students.create("static", model=str(tiny_model), similarity="dot", max_length=9)
    table = load_file(tiny_model / "model.safetensors")["embeddings.word_embeddings.weight"]
    tokenizer = load_tokenizer(str(tiny_model))
    asked, found = vectors(student, build(student, context), context)
    texts = context.collection.documents.take(range(80))
    for text, row in zip(texts, found, strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:7]
        np.testing.assert_allclose(row, table[ids].mean(0), atol=1e-6)
    assert max(len(tokenizer(text)["input_ids"]) for text in texts) > 9
    (text,) = context.collection.part("train").queries.take([3])
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    np.testing.assert_allclose(asked[3], table[ids].mean(0), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(0, 12), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_padding_changes_no_static_vector(lengths, seed):
    """And a text without a token of its own is nothing, by any similarity."""
    from bench.encoding.device import choose

    draw = np.random.default_rng(seed)
    table = torch.from_numpy(draw.normal(size=(50, 6)).astype(np.float32))
    rows = [np.array([1, *draw.integers(3, 50, length), 2]) for length in lengths]
    encoder = StaticEncoder(table, 1, 1, "cosine")
    found = encoder.embed(pack_padded(rows, 0, choose()), choose()).detach()
    for row, vector in zip(rows, found, strict=True):
        wanted = table[row[1:-1]].mean(0) if len(row) > 2 else torch.zeros(6)
        torch.testing.assert_close(vector, wanted, atol=1e-6, rtol=1e-6)
    empty = np.array(lengths) == 0
    assert torch.equal(encoder.normalised(found)[empty], torch.zeros(int(empty.sum()), 6))


ONE_ENCODER = {
    "pretrained": False,
    "truncated": False,
    "static": False,
    "narrow": True,
    "projected, random": True,
    "projected, orthogonal": True,
    "projected, pca": False,
    "projected, procrustes": False,
    "projected, least-squares": False,
    "projected narrow, pca": True,
    "untied": False,
    "untied, one narrow": True,
}


def some(name: str, tiny, other) -> str:
    """Each of `ONE_ENCODER`, at the tiny model's size."""
    whole = write("pretrained", model=tiny, max_length=32)
    small = write("narrow", model=tiny, parameters=520_000, embedding=16, max_length=32)
    if name == "narrow":
        return small
    if name.startswith("projected"):
        inner, start = (small if "narrow" in name else whole), name.split(", ")[1]
        teacher = write("bi-encoder", model=other, max_length=32)
        width = 32 if start in ("procrustes", "least-squares") else 20
        return write("projected", student=inner, width=width, start=start, teacher=teacher)
    if name.startswith("untied"):
        return write("untied", queries=small if "narrow" in name else whole, documents=whole)
    return write(name, model=tiny, max_length=32)


@pytest.mark.parametrize("name", ONE_ENCODER)
def test_a_student_says_whether_it_is_drawn(name, context, tiny_model, other_model):
    student = students.create(some(name, tiny_model, other_model))
    first, same, another = (build(student, context, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[key]) for key, value in first.items())
    differ = any(not torch.equal(value, another[key]) for key, value in first.items())
    assert student.randomly_initialised == differ == ONE_ENCODER[name]


@pytest.mark.parametrize("name", ONE_ENCODER)
def test_a_student_is_what_it_is_written_as(name, tiny_model, other_model):
    student = students.create(some(name, tiny_model, other_model))
    again = students.create(str(student))
    assert again == student
    assert again.specification == student.specification
    assert str(tiny_model) in student.models()
    json.dumps(student.specification)
