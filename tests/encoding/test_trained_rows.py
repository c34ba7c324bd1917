"""Rows that no text of the training has are left out of it, and end as if they had not been."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.encoding.static_encoder import StaticEncoder
from bench.encoding.trained_rows import TrainedRows, decay_with, train_all, train_rows
from bench.encoding.transformer_encoder import TransformerEncoder
from bench.optimization.optimizer import make_optimizer
from tests.support.students import bert

VOCABULARY = 200
USED = np.array([0, 3, 5, 7, 8, 50, 199])


def tokens(ids=USED, padding=0) -> SimpleNamespace:
    return SimpleNamespace(vocabulary=np.asarray(ids, dtype=np.int32), padding=padding)


def static(seed=0) -> StaticEncoder:
    torch.manual_seed(seed)
    return StaticEncoder(torch.randn(VOCABULARY, 6), 0, 0, "dot")


def step(encoder, optimizer, at: int) -> None:
    draw = torch.Generator().manual_seed(at)
    ids = torch.from_numpy(USED)[torch.randint(len(USED), (4, 5), generator=draw)]
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * (1 - at / 1500)
    wanted = torch.randn(4, encoder.width, generator=draw)
    (encoder.pooled(ids, torch.ones_like(ids)) - wanted).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def optimizer_of(encoder):
    optimizer = make_optimizer([encoder], weight_decay=0.1)
    decay_with(optimizer, [encoder])
    return optimizer


def trained(encoder, steps: int):
    optimizer = optimizer_of(encoder)
    for at in range(steps):
        step(encoder, optimizer, at)
    return encoder


def test_as_all_rows_after_a_thousand_steps():
    dense, narrow = static(), static()
    train_rows(narrow, [tokens()])
    assert narrow.table.weight.shape == (len(USED), 6)
    exact = deepcopy(dense).double()
    for encoder in (exact, dense, narrow):
        trained(encoder, 1000)
    train_all(narrow)
    found, same, wanted = (one.table.weight.detach() for one in (narrow, dense, exact))
    assert torch.allclose(found[USED], same[USED], rtol=1e-6, atol=1e-6)
    others = np.setdiff1d(np.arange(VOCABULARY), USED)
    assert torch.allclose(found[others].double(), wanted[others], rtol=1e-6, atol=0)
    assert float((found - same).norm() / same.norm()) < 1e-6
    assert found[others].norm() < 0.99 * static().table.weight[others].norm()


def test_in_evaluation_every_text_is_read_as_ever():
    dense, narrow = trained(static(), 5), static()
    train_rows(narrow, [tokens()])
    trained(narrow, 5)
    ids = torch.arange(VOCABULARY).view(20, 10)
    mask = torch.ones_like(ids)
    dense.eval(), narrow.eval()
    assert torch.allclose(narrow.pooled(ids, mask), dense.pooled(ids, mask), rtol=1e-6, atol=1e-6)
    narrow.train()
    with pytest.raises(IndexError):
        narrow.pooled(ids, mask)
    for encoder in (dense, narrow):
        step(encoder.train(), optimizer_of(encoder), 0)
        encoder.eval()
    assert torch.allclose(narrow.pooled(ids, mask), dense.pooled(ids, mask), rtol=1e-6, atol=1e-6)


def test_its_state_says_everything():
    whole, other = static(), static()
    for encoder in (whole, other):
        train_rows(encoder, [tokens()])
    trained(whole, 3)
    assert not torch.equal(whole.table.whole(), other.table.whole())
    other.load_state_dict(whole.state_dict())
    assert torch.equal(whole.table.whole(), other.table.whole())


def test_a_transformers_table_and_its_padding():
    encoder = TransformerEncoder(bert(vocabulary=VOCABULARY), "mean", "cosine")
    before = deepcopy(encoder.transformer.state_dict())
    padding = encoder.table.padding_idx
    train_rows(encoder, [tokens(padding=9), tokens([3, 11])])
    assert isinstance(encoder.table, TrainedRows)
    assert len(encoder.table.weight) == len({*USED.tolist(), 9, 11, padding})
    ids = torch.tensor([[3, 11, padding]])
    encoder.pooled(ids, torch.ones_like(ids)).square().sum().backward()
    gradient = encoder.table.weight.grad
    assert not gradient[encoder.table.padding_idx].any()
    assert gradient.any(1).sum() == 2
    train_all(encoder)
    after = encoder.transformer.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert encoder.table.padding_idx == padding


def test_a_table_that_is_used_whole_or_frozen_stays():
    encoder = static()
    train_rows(encoder, [tokens(np.arange(VOCABULARY))])
    assert type(encoder.table) is torch.nn.Embedding
    encoder.table.weight.requires_grad_(False)
    train_rows(encoder, [tokens()])
    assert type(encoder.table) is torch.nn.Embedding
