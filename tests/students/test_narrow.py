"""A small BERT: how large it is, and what it takes over from a larger one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import ElectraConfig, ElectraModel

from bench import students
from bench.errors import InputError
from bench.evaluation.footprint import count as count_parameters
from bench.students._small_bert import count, small_bert
from tests.support.students import bert, build


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


def test_a_budget_that_is_too_small(context):
    with pytest.raises(InputError, match=r"at least 2,0\d\d,\d{3} parameters, not 1,500") as error:
        students.create("narrow", parameters=1500).build(context)
    assert "\n" not in str(error.value)


def test_narrow_is_a_tenth_of_the_bundled_encoder(context):
    """With the layer that brings it to the teacher's width.

    Tables: 30,522 words, 512 positions and 2 types of 64, and a norm: 31,036 · 64 + 128 =
    1,986,432. The linear layer to a width of 96: 64 · 96 + 96 = 6,240. A layer: attention
    4 · (96² + 96) = 37,248, forward 2 · 96 · 384 + 384 + 96 = 74,208, norms 4 · 96 = 384, together
    111,840; two are 223,680. In all 2,216,352. Behind it 96 · 384 + 384 = 37,248.
    """
    student = students.create("asymmetric", queries="narrow", projection="orthogonal")
    encoder = build(student, context).query_encoder
    assert encoder.pooled_width == 96
    assert count_parameters([encoder.transformer]) == 2_216_352
    assert count_parameters([encoder]) == 2_216_352 + 37_248
    whole = build(students.create("pretrained"), context)
    assert count_parameters([whole]) == 22_565_376
    assert count_parameters([encoder]) <= 22_565_376 / 10


def narrow(context, large, seed=0, **options):
    """The transformer of a narrow student made from a model of the test's own."""
    torch.manual_seed(seed)
    return students.create("narrow", **options).encoder(context, large).transformer.eval()


def directions(values: np.ndarray, width: int) -> np.ndarray:
    """[d, width]: principal directions, by a singular value decomposition of numpy."""
    _, _, found = np.linalg.svd(values - values.mean(0), full_matrices=False)
    return found[:width].T


def test_the_table_is_the_principal_components(context):
    large = bert()
    small = narrow(context, large, parameters=40_000, embedding=8)
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
def test_the_layer_behind_the_table_is_the_least_squares_map(width, parameters, context):
    """To the model's embeddings, or to as many of their principal components as there is room."""
    large = bert(width=width)
    small = narrow(context, large, parameters=parameters, embedding=8)
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
        drawn = narrow(context, large, parameters=parameters, embedding=8, start="random")
        rest = slice(width, None)
        assert torch.equal(behind.weight[rest], drawn.embeddings_project.weight[rest])


@pytest.mark.parametrize("inner", [128, 64])
def test_layers_are_copied_where_the_widths_agree(inner, context):
    """A feed-forward part of another width stays as it was drawn."""
    large = bert(layers=4, inner=inner)
    small = narrow(context, large, parameters=40_000, embedding=8)
    drawn = narrow(context, large, parameters=40_000, embedding=8, start="random")
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


def test_a_table_wider_than_the_models(context):
    large = bert(width=16)
    small = narrow(context, large, parameters=40_000, embedding=24)
    drawn = narrow(context, large, parameters=40_000, embedding=24, start="random")
    found, rest = (one.embeddings.word_embeddings.weight for one in (small, drawn))
    assert torch.equal(found[:, 16:], rest[:, 16:])
    words = large.embeddings.word_embeddings.weight.detach()
    centred = words - words.mean(0)
    gram = found[:, :16] @ found[:, :16].T
    torch.testing.assert_close(gram, centred @ centred.T, atol=1e-3, rtol=1e-4)


def test_random_takes_nothing_over(context):
    first, second = (
        narrow(context, bert(seed=seed), parameters=40_000, embedding=8, start="random")
        for seed in (0, 1)
    )
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
