"""Students of one encoder and of two: what they are made of, where they start, what they cost."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import Ridge
from transformers import AutoModel, BertConfig, BertModel, ElectraConfig, ElectraModel

from bench import students, teachers
from bench.encoding.encoder import Packed, encode
from bench.encoding.models import BUNDLED, choose_layers, load_tokenizer, locate
from bench.encoding.static_encoder import StaticEncoder
from bench.errors import InputError
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.footprint import count as count_parameters
from bench.evaluation.footprint import footprint
from bench.records import RunFolder
from bench.students._projection import principal, procrustes
from bench.students._small_bert import count, small_bert
from bench.study import Budget, Evaluation
from tests.students.conftest import Watched, build, by_hand, fresh, vectors, write
from tests.training.conftest import train


def bert(width=32, layers=2, vocabulary=200, inner=0, seed=0) -> BertModel:
    """A small BERT with random weights, its embeddings far from round."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=inner or 4 * width,
        max_position_embeddings=16,
    )
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        spread = torch.linspace(0.2, 3, width)
        model.embeddings.word_embeddings.weight.mul_(spread).add_(0.01)
    return model


# -- truncated -----------------------------------------------------------------------------------


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
def test_one_layer_is_the_models(keep, kept, lab):
    whole = bert(layers=4)
    wanted = {name: value.clone() for name, value in whole.state_dict().items()}
    encoder = students.create("truncated", layers=1, keep=keep).encoder(lab, whole)
    found = encoder.transformer.state_dict()
    assert encoder.transformer.config.num_hidden_layers == 1
    for name, value in found.items():
        assert torch.equal(value, wanted[name.replace("layer.0.", f"layer.{kept}.")]), name
    assert sum(name.startswith("encoder.") for name in found) == 16


def test_spaced_layers_are_the_bundled_encoders(lab):
    student = students.create("truncated", layers=3, keep="spaced", max_length=12)
    towers = build(student, lab)
    whole = AutoModel.from_pretrained(locate(BUNDLED), dtype=torch.float32)
    whole.encoder.layer = torch.nn.ModuleList(whole.encoder.layer[at] for at in (0, 2, 5))
    texts = lab.collection.documents.take(range(80))[:6]
    wanted = by_hand(whole, BUNDLED, texts, length=12)
    np.testing.assert_allclose(vectors(student, towers, lab)[1][:6], wanted, atol=1e-5)


# -- narrow --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("embedding", "width", "layers"), [(8, 32, 1), (32, 32, 2), (64, 32, 3), (16, 96, 2)]
)
def test_the_count_is_what_transformers_builds(embedding, width, layers):
    config = ElectraConfig(
        vocab_size=70,
        embedding_size=embedding,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        intermediate_size=4 * width,
        max_position_embeddings=20,
    )
    assert count(70, 20, embedding, width, layers) == count_parameters([ElectraModel(config)])


@settings(max_examples=30, deadline=None)
@given(
    parameters=st.integers(15_000, 400_000),
    layers=st.integers(1, 3),
    embedding=st.sampled_from([8, 32, 64]),
)
def test_the_widest_that_fits(parameters, layers, embedding):
    large = bert(vocabulary=50)
    try:
        small = small_bert(large, parameters, layers, embedding)
    except InputError:
        assert count(50, 16, embedding, 32, layers) > parameters
        return
    assert count_parameters([small]) <= parameters
    width = small.config.hidden_size
    assert width % 32 == 0
    assert small.config.hidden_size == small.config.num_attention_heads * 32
    assert count(50, 16, embedding, width + 32, layers) > parameters


def test_a_budget_that_is_too_small(lab):
    with pytest.raises(InputError, match=r"at least 2,0\d\d,\d{3} parameters, not 1,500") as error:
        students.create("narrow", parameters=1500).build(lab)
    assert "\n" not in str(error.value)


def test_narrow_is_a_tenth_of_the_bundled_encoder(lab):
    """With the layer that brings it to the teacher's width.

    Tables: 30,522 words, 512 positions and 2 types of 64, and a norm: 31,036 · 64 + 128 =
    1,986,432. The linear layer to a width of 96: 64 · 96 + 96 = 6,240. A layer: attention
    4 · (96² + 96) = 37,248, forward 2 · 96 · 384 + 384 + 96 = 74,208, norms 4 · 96 = 384, together
    111,840; two are 223,680. In all 2,216,352. Behind it 96 · 384 + 384 = 37,248.
    """
    student = students.create("asymmetric", queries="narrow", projection="orthogonal")
    encoder = build(student, lab).query_encoder
    assert encoder.pooled_width == 96
    assert count_parameters([encoder.transformer]) == 2_216_352
    assert count_parameters([encoder]) == 2_216_352 + 37_248
    whole = build(students.create("pretrained"), lab)
    assert count_parameters([whole]) == 22_565_376
    assert count_parameters([encoder]) <= 22_565_376 / 10


def narrow(lab, large, seed=0, **options):
    """The transformer of a narrow student made from a model of the test's own."""
    torch.manual_seed(seed)
    return students.create("narrow", **options).encoder(lab, large).transformer.eval()


def directions(values: np.ndarray, width: int) -> np.ndarray:
    """[d, width]: principal directions, by a singular value decomposition of numpy."""
    _, _, found = np.linalg.svd(values - values.mean(0), full_matrices=False)
    return found[:width].T


def test_the_table_is_the_principal_components(lab):
    large = bert()
    small = narrow(lab, large, parameters=40_000, embedding=8)
    words = large.embeddings.word_embeddings.weight.detach().double().numpy()
    kept = directions(words, 8)
    wanted = (words - words.mean(0)) @ kept
    found = small.embeddings.word_embeddings.weight.detach().numpy()
    signs = np.sign((found * wanted).sum(0))
    np.testing.assert_allclose(found * signs, wanted, atol=1e-4)
    places = large.embeddings.position_embeddings.weight.detach().numpy() @ kept
    found = small.embeddings.position_embeddings.weight.detach().numpy()
    np.testing.assert_allclose(found * signs, places, atol=1e-4)


@pytest.mark.parametrize(("width", "parameters"), [(48, 40_000), (32, 40_000), (16, 40_000)])
def test_the_layer_behind_the_table_is_the_least_squares_map(width, parameters, lab):
    """To the model's embeddings, or to as many of their principal components as there is room."""
    large = bert(width=width)
    small = narrow(lab, large, parameters=parameters, embedding=8)
    behind = small.embeddings_project
    assert behind.out_features == 32
    every = torch.arange(200).unsqueeze(1)
    with torch.no_grad():
        ours = small.embeddings(every)[:, 0].double().numpy()
        theirs = large.eval().embeddings(every)[:, 0].double().numpy()
        found = behind(small.embeddings(every)[:, 0]).double().numpy()
    if width > 32:
        # Up to the sign of each, which no residual shows.
        theirs = theirs @ directions(theirs, 32)
        found *= np.sign((found * theirs).sum(0))
    ours = np.concatenate([ours, np.ones((200, 1))], axis=1)
    # The norm makes the columns add up to nothing: of many such maps it is the smallest.
    solution, _, _, _ = np.linalg.lstsq(ours, theirs, rcond=1e-6)
    best = np.square(ours @ solution - theirs).sum()
    room = theirs.shape[1]
    assert best > 1  # eight columns cannot hold it all
    assert np.square(found[:, :room] - theirs).sum() == pytest.approx(best, rel=1e-4)
    size = behind.weight[:room].detach().norm().item()
    assert size == pytest.approx(np.linalg.norm(solution[:-1]), rel=1e-3)
    if width < 32:
        drawn = narrow(lab, large, parameters=parameters, embedding=8, start="random")
        rest = slice(width, None)
        assert torch.equal(behind.weight[rest], drawn.embeddings_project.weight[rest])


@pytest.mark.parametrize("inner", [128, 64])
def test_layers_are_copied_where_the_widths_agree(inner, lab):
    """A feed-forward part of another width stays as it was drawn."""
    large = bert(layers=4, inner=inner)
    small = narrow(lab, large, parameters=40_000, embedding=8)
    drawn = narrow(lab, large, parameters=40_000, embedding=8, start="random")
    theirs, others = large.state_dict(), drawn.state_dict()
    copied = 0
    for name, value in small.state_dict().items():
        if not name.startswith("encoder.layer."):
            continue
        source = theirs[name.replace("layer.1.", "layer.3.")]  # of four, the first and the last
        agrees = source.shape == value.shape
        assert torch.equal(value, source if agrees else others[name]), name
        copied += agrees
    # Sixteen weights a layer, three of them in the two maps' inner width.
    assert copied == (32 if inner == 128 else 32 - 6)


def test_a_table_wider_than_the_models(lab):
    large = bert(width=16)
    small = narrow(lab, large, parameters=40_000, embedding=24)
    drawn = narrow(lab, large, parameters=40_000, embedding=24, start="random")
    found, rest = (one.embeddings.word_embeddings.weight for one in (small, drawn))
    assert torch.equal(found[:, 16:], rest[:, 16:])
    words = large.embeddings.word_embeddings.weight.detach()
    centred = words - words.mean(0)
    gram = found[:, :16] @ found[:, :16].T
    torch.testing.assert_close(gram, centred @ centred.T, atol=1e-3, rtol=1e-4)


def test_random_takes_nothing_over(lab):
    first, second = (
        narrow(lab, bert(seed=seed), parameters=40_000, embedding=8, start="random")
        for seed in (0, 1)
    )
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


# -- what is drawn -------------------------------------------------------------------------------

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
def test_a_student_says_whether_it_is_drawn(name, lab, tiny_model, other_model):
    student = students.create(some(name, tiny_model, other_model))
    first, same, another = (build(student, lab, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[key]) for key, value in first.items())
    differ = any(not torch.equal(value, another[key]) for key, value in first.items())
    assert student.drawn == differ == ONE_ENCODER[name]


@pytest.mark.parametrize("name", ONE_ENCODER)
def test_a_student_is_what_it_is_written_as(name, tiny_model, other_model):
    student = students.create(some(name, tiny_model, other_model))
    again = students.create(str(student))
    assert again == student
    assert again.specification == student.specification
    assert str(tiny_model) in student.models()
    json.dumps(student.specification)


# -- static --------------------------------------------------------------------------------------


def test_static_is_the_mean_of_the_rows(lab, tiny_model):
    student = students.create("static", model=str(tiny_model), similarity="dot", max_length=9)
    table = load_file(tiny_model / "model.safetensors")["embeddings.word_embeddings.weight"]
    tokenizer = load_tokenizer(str(tiny_model))
    asked, found = vectors(student, build(student, lab), lab)
    texts = lab.collection.documents.take(range(80))
    for text, row in zip(texts, found, strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:7]
        np.testing.assert_allclose(row, table[ids].mean(0), atol=1e-6)
    assert max(len(tokenizer(text)["input_ids"]) for text in texts) > 9
    (text,) = lab.collection.part("train").queries.take([3])
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
    found = encoder.embed(Packed.of(rows, 0, choose()), choose()).detach()
    for row, vector in zip(rows, found, strict=True):
        wanted = table[row[1:-1]].mean(0) if len(row) > 2 else torch.zeros(6)
        torch.testing.assert_close(vector, wanted, atol=1e-6, rtol=1e-6)
    empty = np.array(lengths) == 0
    assert torch.equal(encoder.comparable(found)[empty], torch.zeros(int(empty.sum()), 6))


# -- projected -----------------------------------------------------------------------------------


def read(lab) -> list[str]:
    """All that a start is computed from: train queries and the documents that can be drawn."""
    collection = lab.collection
    queries = collection.part("train").queries.texts.to_pylist()
    return [*queries, *collection.documents.take(collection.drawable())]


def sample(lab, model, **how) -> np.ndarray:
    """Their vectors by hand."""
    return by_hand(AutoModel.from_pretrained(model), model, read(lab), **how)


@pytest.mark.parametrize("width", [20, 32, 45])
@pytest.mark.parametrize("start", ["random", "orthogonal"])
def test_a_drawn_projection(start, width, lab, tiny_model):
    inner = write("pretrained", model=tiny_model, max_length=32)
    student = students.create("projected", student=inner, width=width, start=start)
    towers = build(student, lab)
    assert towers.width == width
    assert vectors(student, towers, lab)[0].shape == (
        len(lab.collection.part("train").queries),
        width,
    )
    weight = towers.query_encoder.head.weight
    product = weight @ weight.T if width <= 32 else weight.T @ weight
    orthonormal = torch.allclose(product, torch.eye(len(product)), atol=1e-5)
    assert orthonormal == (start == "orthogonal")


@pytest.mark.parametrize(
    ("similarity", "pooling"), [("cosine", "mean"), ("dot", "mean"), ("dot", "cls")]
)
def test_pca_keeps_most_of_the_dot_products(similarity, pooling, lab, tiny_model):
    inner = write(
        "pretrained", model=tiny_model, max_length=32, similarity=similarity, pooling=pooling
    )
    student = students.create("projected", student=inner, width=6, start="pca")
    head = build(student, lab).query_encoder.head
    ours = sample(lab, tiny_model, pooling=pooling, unit=similarity == "cosine")
    _, _, found = np.linalg.svd(ours.astype(np.float64), full_matrices=False)
    weight = head.weight.detach().numpy()
    np.testing.assert_allclose(weight.T @ weight, found[:6].T @ found[:6], atol=1e-3)
    assert not head.bias.any()


def test_what_comes_near_a_teacher(lab, tiny_model, other_model):
    """The rotation is scipy's, the linear map scikit-learn's."""
    ours = sample(lab, tiny_model).astype(np.float64)
    theirs = sample(lab, other_model, pooling="cls").astype(np.float64)
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
        head = build(student, lab).query_encoder.head
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
def test_a_computed_start_is_billed_and_found_again(start, lab, tiny_model, other_model):
    inner = write("pretrained", model=tiny_model, max_length=31)
    teacher = write("bi-encoder", model=other_model, max_length=31)
    student = students.create("projected", student=inner, width=32, start=start, teacher=teacher)
    first, second = build(student, lab, seed=1), build(student, lab, seed=2)
    (made,), (found,) = first.artifacts, second.artifacts
    assert made.folder == found.folder
    own = made.bills[0]
    assert own.what == f"projection {made.digest}"
    assert own.phase == "prepare"
    assert own.seconds > 0
    train_queries = lab.collection.part("train").queries
    assert own.texts == len(train_queries) + len(lab.collection.drawable())
    tokenizer = load_tokenizer(str(tiny_model))
    texts = [
        *train_queries.texts.to_pylist(),
        *lab.collection.documents.take(lab.collection.drawable()),
    ]
    assert own.tokens == sum(len(tokenizer(text)["input_ids"]) for text in texts)
    assert own.flops == 2 * 17_152 * own.tokens
    assert not own.reused
    assert found.bills[0].reused
    assert torch.equal(first.query_encoder.head.weight, second.query_encoder.head.weight)
    kinds = [bill.what.split()[0] for bill in made.bills]
    embedded = kinds.count("teacher-embeddings")
    assert embedded == (0 if start == "pca" else 2)


def test_a_start_is_of_the_weights_it_stands_behind(lab, tiny_model, other_model):
    heads = [
        build(
            students.create(
                "projected",
                student=write("pretrained", model=model, max_length=32, pooling=pooling),
                width=6,
                start="pca",
            ),
            lab,
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
def test_projections_that_cannot_be(inner, options, message, lab, tiny_model, wide_model):
    part = write("pretrained", model=tiny_model, max_length=32)
    part = write("projected", student=part, width=24) if inner == "projected" else part
    teacher = write("bi-encoder", model=wide_model, max_length=32)
    student = students.create(
        "projected", **{"student": part, "width": 20, "teacher": teacher, **options}
    )
    with pytest.raises(InputError, match=message) as error:
        student.build(lab)
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


# -- untied --------------------------------------------------------------------------------------


def test_each_side_is_read_and_encoded_as_its_own(lab, tiny_model, other_model):
    options = {"query_prompt": "ask ", "document_prompt": "the "}
    queries = write("static", model=tiny_model, max_length=5, **options)
    documents = write("pretrained", model=other_model, max_length=9, pooling="cls", **options)
    student = students.create("untied", queries=queries, documents=documents)
    asked, found = vectors(student, build(student, lab), lab)
    for at, part, wanted in [(0, queries, asked), (1, documents, found)]:
        alone = students.create(part)
        assert np.array_equal(vectors(alone, build(alone, lab), lab)[at], wanted)


def test_both_towers_train(untied, specify, lab, tmp_path):
    run = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=4))
    folder = RunFolder(tmp_path / run.id)
    watched = Watched(run, folder, lab, keep_student=False, report=lambda message: None)
    watched.execute()
    before = build(run.arm.student, lab).state_dict()
    changed = {name for name, value in watched.last.items() if not torch.equal(value, before[name])}
    for side, layers in (("query", 1), ("document", 2)):
        own = {name for name in changed if name.startswith(f"{side}_encoder.transformer.encoder")}
        assert len(own) >= 15 * layers  # a bias of the keys moves no softmax
        assert f"{side}_encoder.transformer.embeddings.word_embeddings.weight" in changed


def test_what_two_towers_are_charged(untied, specify, lab, tmp_path):
    """Six operations a token and weight of its own tower."""
    run = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=3))
    folder = train(run, lab, tmp_path)
    (bill,) = [bill for bill in folder.bills() if bill.phase == "train"]
    draws, tokenizer = run.arm.sampler.prepare(lab), load_tokenizer(run.arm.student.models()[0])
    texts, tokens = 0, [0, 0]
    for step in range(3):
        triples = draws.batch(run.seed, 8 * step, 8 * step + 8)
        queries, documents = set(triples.queries), set(triples.documents.ravel())
        texts += len(queries) + len(documents)
        sides = [
            (lab.collection.part("train").queries, queries),
            (lab.collection.documents, documents),
        ]
        for side, (all_texts, drawn) in enumerate(sides):
            for text in all_texts.take(sorted(map(int, drawn))):
                tokens[side] += len(tokenizer(text)["input_ids"])
    assert (bill.texts, bill.tokens) == (texts, sum(tokens))
    # By hand in the footprints below.
    assert bill.flops == 6 * (8_608 * tokens[0] + 17_152 * tokens[1])


def test_towers_that_do_not_go_together(lab, tiny_model, wide_model):
    tiny, wide = (write("pretrained", model=model) for model in (tiny_model, wide_model))
    with pytest.raises(InputError, match=r"queries are 32 wide and documents 48.*width=48"):
        students.create("untied", queries=tiny, documents=wide).build(lab)
    dot = write("pretrained", model=tiny_model, similarity="dot")
    with pytest.raises(InputError, match="queries are compared by cosine and documents by dot"):
        students.create("untied", queries=tiny, documents=dot)
    with pytest.raises(InputError, match="queries: untied is not one encoder"):
        students.create("untied", queries="untied")
    projected = write("projected", student=tiny, width=48)
    towers = build(students.create("untied", queries=projected, documents=wide), lab)
    assert (towers.width, towers.shared, len(towers.encoders)) == (48, False, 2)


def test_a_gradient_cache_changes_nothing_of_two_towers(untied, specify, lab, tmp_path):
    """Groups of 4,096 tokens are those of a CPU without a cache: equal to the last bit."""
    plain = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=4))
    training = plain.arm.training.model_copy(update={"gradient_cache": 4096})
    cached = replace(plain, arm=replace(plain.arm, training=training))
    curves = [train(run, lab, tmp_path).table("curve") for run in (plain, cached)]
    pd.testing.assert_frame_equal(*(curve.drop(columns="train_seconds") for curve in curves))


# -- prompts -------------------------------------------------------------------------------------


def test_a_prompt_is_written_before_the_text(lab, tiny_model):
    options = {"model": str(tiny_model), "max_length": 14, "query_length": 6}
    student = students.create(
        "pretrained", **options, query_prompt="query: ", document_prompt="read this: "
    )
    teacher = teachers.create(
        "bi-encoder", **{**options, "query_length": 8}, query_prompt="ask ", document_prompt="the "
    )
    queries, documents = lab.collection.part("train").queries, lab.collection.documents
    reading = teacher.ready(queries, lab).reading
    tokenizer = load_tokenizer(str(tiny_model))
    cut = 0
    for texts, tokens, prompt, length in [
        (queries, student.query_side.tokens(queries, lab), "query: ", 6),
        (documents, student.document_side.tokens(documents, lab), "read this: ", 14),
        (queries, reading.queries, "ask ", 8),
        (documents, reading.documents, "the ", 14),
    ]:
        rows = tokens.rows(np.arange(len(texts)))
        assert len(rows) == len(texts)
        for text, row in zip(texts.texts.to_pylist(), rows, strict=True):
            written = tokenizer(prompt + text)["input_ids"]
            wanted = written if len(written) <= length else [*written[: length - 1], written[-1]]
            assert row.tolist() == wanted
            cut += len(written) > length
    assert cut > 20


def test_a_prompt_reaches_the_vectors_of_student_and_teacher(lab, tiny_model):
    options = {"model": str(tiny_model), "max_length": 32, "document_prompt": "a passage: "}
    student = students.create("pretrained", **options)
    texts = lab.collection.documents.take(range(80))
    written = [f"a passage: {text}" for text in texts]
    wanted = by_hand(AutoModel.from_pretrained(tiny_model), tiny_model, written)
    asked, found = vectors(student, build(student, lab), lab)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    queries = lab.collection.part("train").queries
    plain = by_hand(AutoModel.from_pretrained(tiny_model), tiny_model, queries.texts.to_pylist())
    np.testing.assert_allclose(asked, plain, atol=1e-5)
    ready = teachers.create("bi-encoder", **options).ready(queries, lab)
    rows = encode(ready.scorer.encoder, ready.reading.documents, np.arange(80), lab.device, "them")
    np.testing.assert_allclose(rows, wanted, atol=1e-5)


# -- what serving one takes ----------------------------------------------------------------------


def mean_tokens(texts, model) -> float:
    tokenizer = load_tokenizer(str(model))
    return float(np.mean([len(tokenizer(text)["input_ids"]) for text in texts.texts.to_pylist()]))


@pytest.mark.parametrize("name", ["shared", "untied", "asymmetric"])
def test_a_footprint_by_hand(name, untied, lab, tmp_path, tiny_model, wide_model):
    """A tiny model: tables of 30,522 words, 64 positions and 2 types of 32, that is 978,816.

    Its norm has 64 parameters. A layer: attention 4 · (32² + 32) = 4,224, forward
    2 · 32 · 64 + 64 + 32 = 4,192, norms 128, together 8,544. One layer and the norm are 8,608, two
    17,152. The wide one: 30,588 · 48 = 1,468,224, norm 96, a layer 4 · (48² + 48) = 9,408 and
    2 · 48 · 64 + 64 + 48 = 6,256 and 192, together 15,856; two and the norm are 31,808.
    """
    tables, one, two, wide_tables, wide_two = 978_816, 8_608, 17_152, 1_468_224, 31_808
    head = 32 * 48 + 48
    queries = write("truncated", layers=1, model=tiny_model, max_length=32)
    teacher = write("bi-encoder", model=wide_model, max_length=32)
    written, wanted = {
        "shared": (
            write("pretrained", model=tiny_model, max_length=32),
            (tables + two, tables + two, tables + two, tables, two, two),
        ),
        "untied": (
            untied,
            (2 * tables + one + two, 2 * tables + one + two, tables + one, 2 * tables, one, two),
        ),
        "asymmetric": (
            write("asymmetric", queries=queries, teacher=teacher),
            (
                tables + one + head + wide_tables + wide_two,
                tables + one + head,
                tables + one + head,
                tables + wide_tables,
                one + head,
                wide_two,
            ),
        ),
    }[name]
    lab = fresh(lab, tmp_path)
    student = students.create(written)
    towers = build(student, lab)
    evaluator = Evaluator(lab, student, Evaluation())
    size, again = (footprint(towers, student, evaluator, lab, trained=True) for _ in range(2))
    assert again == size  # timed once
    assert len(list((tmp_path / "encoding-speed").glob("*/seconds.json"))) == 1
    assert (
        size.parameters,
        size.trained_parameters,
        size.query_parameters,
        size.embedding_parameters,
    ) == wanted[:4]
    dev, documents = lab.collection.part("dev").queries, lab.collection.documents
    assert size.query_flops == pytest.approx(2 * wanted[4] * mean_tokens(dev, tiny_model))
    assert size.document_flops == pytest.approx(2 * wanted[5] * mean_tokens(documents, tiny_model))
    assert size.query_seconds > 0
    assert size.document_seconds > 0
    untrained = footprint(towers, student, evaluator, lab, trained=False)
    assert untrained.trained_parameters == 0
    assert untrained.parameters == size.parameters
