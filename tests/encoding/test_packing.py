"""Groups hold every text once; those of the ladder have few shapes, and compute the same."""

import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import students
from bench.encoding.attention import SETTLED
from bench.encoding.device import choose
from bench.encoding.encoder import encode
from bench.encoding.packed import pack_padded
from bench.encoding.packing import ClosePacking, Ladder, rung, rung_below
from bench.encoding.tokens import tokenize

LENGTHS = st.lists(st.integers(1, 600), min_size=1, max_size=120)


@settings(max_examples=100)
@given(lengths=LENGTHS, most=st.integers(1, 3000))
def test_close_groups_waste_little(lengths, most):
    array = np.array(lengths)
    groups = ClosePacking().groups(array, most)
    assert sorted(np.concatenate([g.texts for g in groups]).tolist()) == list(range(len(lengths)))
    for group in groups:
        assert (group.rows, group.length) == (len(group.texts), array[group.texts].max())
        assert group.rows == 1 or group.rows * group.length <= most
        if group.rows > 8:
            assert group.rows * group.length <= 1.15 * array[group.texts].sum() + 1e-9


@settings(max_examples=100)
@given(lengths=LENGTHS, most_tokens=st.integers(600, 30_000), most=st.sampled_from([600, 10**9]))
def test_a_ladders_groups_have_the_shapes_it_tells_beforehand(lengths, most_tokens, most):
    ladder, array = Ladder(), np.array(lengths)
    groups = ladder.groups(array, most_tokens, most)
    assert sorted(np.concatenate([g.texts for g in groups]).tolist()) == list(range(len(lengths)))
    assert len({group.length for group in groups}) <= ladder.passes
    shapes = ladder.shapes(len(lengths), max(lengths), most_tokens, most)
    for group in groups:
        assert len(group.texts) <= group.rows
        assert array[group.texts].max() <= group.length <= most
        assert group.rows == 1 or group.rows * group.length <= most_tokens
        assert (group.rows, group.length) in shapes


@settings(max_examples=100)
@given(lengths=st.lists(st.integers(1, 256), min_size=1, max_size=60))
def test_a_ladder_cuts_where_it_costs_least(lengths):
    ladder = Ladder(launch=1000)
    rungs = sorted({rung(length) for length in lengths})

    def cost(tops: tuple[int, ...]) -> int:
        """Of ranges that end at these rungs."""
        total, below = 0, 0
        for top in tops:
            texts = sum(below < length <= top for length in lengths)
            total, below = total + ladder.launch + top * rung(texts), top
        return total

    ways = [
        (*tops, rungs[-1])
        for count in range(ladder.passes)
        for tops in combinations(rungs[:-1], count)
    ]
    groups = ladder.groups(np.array(lengths), 0, sys.maxsize)
    found = sum(ladder.launch + group.rows * group.length for group in groups)
    assert found == min(map(cost, ways))


@given(size=st.integers(1, 5000))
def test_rungs_are_near(size):
    above = rung(size)
    assert rung(above) == above == rung_below(above)
    assert size <= above <= max(32, size + 31, 1.25 * size)
    assert rung_below(size) <= size
    assert size < 32 or rung(rung_below(size) + 1) > size


@pytest.fixture
def ladder():
    return replace(choose("float32"), packing=Ladder(), joining=None)


@pytest.mark.parametrize("name", ["truncated", "static"])
def test_vectors_and_gradients_are_those_of_close_groups(context, ladder, name):
    options = {"layers": 2} if name == "truncated" else {}
    student = students.create(name, **options)
    tokens = tokenize(context.collection.documents, student.model, 64, context.artifacts)
    positions = np.arange(40)
    found = []
    for device in (choose("float32"), ladder):
        encoder = device.place(student.encoder(context)).eval()
        vectors = encode(encoder, tokens, positions, device, "texts")
        packed = encoder.pack(tokens.rows(positions), tokens.padding, device)
        encoder.embed(packed, device).square().sum().backward()
        gradients = [value.grad for value in encoder.parameters() if value.grad is not None]
        found.append((vectors, gradients))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
    for close, laddered in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(close, laddered, atol=1e-5 * max(1.0, float(close.abs().max())))


def test_nothing_is_padded_to_more_than_the_model_reads(ladder):
    rows = [np.arange(3), np.arange(50)]
    (group,) = pack_padded(rows, 0, ladder, most=50).groups
    assert group.ids.shape == (32, 50)
    assert group.mask.sum(1).tolist() == [3, 50, *[1] * 30]


def test_the_mask_is_always_given(context, ladder):
    """transformers leaves it out where nothing is padded, and looks into it to know."""
    transformer = ladder.place(students.create("truncated", layers=1).encoder(context)).transformer
    assert transformer.config._attn_implementation == SETTLED
    seen = []
    transformer.encoder.layer[0].attention.register_forward_pre_hook(
        lambda module, arguments, options: seen.append(
            [*arguments, options["attention_mask"]]
            if "attention_mask" in options
            else list(arguments)
        ),
        with_kwargs=True,
    )
    ids = torch.ones(2, 4, dtype=torch.int64)
    transformer(input_ids=ids, attention_mask=torch.ones_like(ids))
    masks = [one for one in seen[0] if isinstance(one, torch.Tensor) and one.dim() == 4]
    assert [tuple(mask.shape) for mask in masks] == [(2, 1, 4, 4)]
