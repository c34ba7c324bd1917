"""Attention within texts that stand one behind another, and its gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.encoding.within_texts import within_texts

HEADS, WIDTH = 3, 4
NOTHING = 1e-9
"""A dropout that drops nothing, but goes the way of one."""


def sides(tokens: int, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    shape = (tokens, HEADS, WIDTH)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]


def by_hand(query, key, value, lengths, scale):
    """Over everything, with all that belongs to other texts masked."""
    owner = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    scores = torch.einsum("ihd,jhd->hij", query, key) * scale
    scores = scores.masked_fill(owner[:, None] != owner[None, :], -torch.inf)
    return torch.einsum("hij,jhd->ihd", scores.softmax(-1), value)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=12).filter(any),
    dropout=st.sampled_from([0.0, NOTHING]),
    seed=st.integers(0, 99),
)
def test_each_text_attends_to_itself_alone(lengths, dropout, seed):
    found, wanted = sides(sum(lengths), seed), sides(sum(lengths), seed)
    one = within_texts(*found, lengths, 0.7, dropout)
    other = by_hand(*wanted, lengths, 0.7)
    assert torch.allclose(one, other)
    weights = torch.randn_like(other)
    (one * weights).sum().backward()
    (other * weights).sum().backward()
    for side, same in zip(found, wanted, strict=True):
        assert torch.allclose(side.grad, same.grad)


@pytest.mark.parametrize("lengths", [[4], [2, 2, 3, 5], [1, 4, 4]])
def test_the_gradient_with_dropout(lengths):
    def compute(*given):
        torch.manual_seed(5)
        return within_texts(*given, lengths, 0.5, 0.3)

    assert torch.autograd.gradcheck(compute, sides(sum(lengths)))


def test_weights_are_dropped_after_the_softmax():
    """With equal scores and values of one, the output is the mean of a row's factors."""
    torch.manual_seed(0)
    zeros, ones = torch.zeros(400, 8, 1), torch.ones(400, 8, 1)
    output = within_texts(zeros, zeros, ones, [200, 200], 1.0, 0.25)
    sums = output * 200 * 0.75  # how many of 200 weights were kept
    assert torch.allclose(sums, sums.round(), atol=1e-3)
    assert abs(float(sums.mean()) - 150) < 5 * (200 * 0.75 * 0.25 / 3200) ** 0.5
    assert float(sums.var()) == pytest.approx(200 * 0.75 * 0.25, rel=0.15)
