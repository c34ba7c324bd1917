"""Texts that stand one behind another: held once, of few shapes, and read as padded ones are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from bench.encoding.attention import JOINS
from bench.encoding.device import choose
from bench.encoding.joining import Joining
from bench.encoding.packed import Joined, pack_padded
from bench.encoding.packing import Ladder
from bench.encoding.pooling import pool, pool_joined
from bench.encoding.transformer_encoder import TransformerEncoder

SMALL = {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
LENGTHS = st.lists(st.integers(0, 300), min_size=1, max_size=80)
MODES = ["mean", "cls", "lasttoken", "max", "weightedmean", "mean_sqrt_len_tokens", "mean+cls"]


@settings(max_examples=100)
@given(lengths=LENGTHS, most=st.integers(64, 3000))
def test_stretches_hold_every_text_and_come_to_known_totals(lengths, most):
    joining = Joining()
    stretches = joining.stretches(np.array(lengths), most)
    held = [at for part in stretches for at in range(part.start, part.stop)]
    assert held == list(range(len(lengths)))
    totals = joining.totals(len(lengths), max(lengths), most)
    assert totals == sorted(totals, reverse=True)
    for part in stretches:
        inside = sum(lengths[part.start : part.stop])
        assert inside <= part.tokens <= max(inside + 32, 1.125 * inside)
        assert part.tokens <= most or part.stop == part.start + 1
        assert part.tokens in totals or not inside


@settings(max_examples=50)
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_joined_texts_are_pooled_as_padded_ones(lengths, seed):
    draw = np.random.default_rng(seed)
    rows = [draw.integers(1, 9, length) for length in lengths]
    texts = Joined.of(rows, 0, sum(lengths) + 40)
    assert texts.starts[-1] == len(texts.ids) == len(texts.places) == sum(lengths) + 40
    assert max(texts.starts.diff()) <= texts.longest
    states = torch.from_numpy(draw.normal(size=(len(texts.ids), 5)).astype(np.float32))
    padded = torch.zeros(len(rows), max(1, *lengths, 1), 5)
    mask = torch.zeros(padded.shape[:2], dtype=torch.int64)
    for row, (start, length) in enumerate(zip(texts.starts.tolist(), lengths, strict=False)):
        padded[row, :length] = states[start : start + length]
        mask[row, :length] = 1
    for mode in MODES:
        found = pool_joined(states, texts, mode)[: len(rows)]
        assert torch.allclose(found, pool(padded, mask, mode), atol=1e-5), mode


def models():
    torch.manual_seed(3)
    roberta = {"num_hidden_layers": 2, "max_position_embeddings": 66, "pad_token_id": 1}
    return {
        "bert": BertModel(BertConfig(**SMALL, num_hidden_layers=2, max_position_embeddings=64)),
        "roberta": RobertaModel(RobertaConfig(**SMALL, **roberta)),
        "distilbert": DistilBertModel(
            DistilBertConfig(
                vocab_size=60,
                dim=16,
                n_heads=2,
                hidden_dim=32,
                n_layers=2,
                max_position_embeddings=64,
            )
        ),
    }


JOINED = {
    "as a GPU": replace(choose("float32"), packing=Ladder(), joining=Joining()),
    "as a CPU": choose("float32"),
}


@pytest.mark.parametrize("way", JOINED)
@pytest.mark.parametrize("kind", sorted(JOINS - {"xlm-roberta"}))
def test_vectors_and_gradients_are_those_of_padded_texts(kind, way):
    model = models()[kind]
    draw = np.random.default_rng(1)
    rows = [draw.integers(2, 60, length) for length in (5, 64, 1, 30, 0, 17, 64)]
    found = []
    for device in (replace(choose("float32"), joining=None), JOINED[way]):
        encoder = TransformerEncoder(model, "mean", "cosine").eval()
        if device.joining:
            device.place(encoder)
        packed = encoder.pack(rows, model.config.pad_token_id, device)
        assert isinstance(packed.groups[0], Joined) == bool(device.joining)
        vectors = encoder.embed(packed, device)
        vectors.square().sum().backward()
        found.append((vectors.detach(), [value.grad for value in encoder.parameters()]))
        encoder.zero_grad(set_to_none=True)
    assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        if one is None or other is None:
            assert one is None or not one.any()
            continue
        assert torch.allclose(one, other, atol=1e-5 * max(1.0, float(one.abs().max())))


def test_on_a_cpu_nothing_is_padded():
    device = choose("float32")
    encoder = device.place(TransformerEncoder(models()["bert"], "mean", "cosine"))
    rows = [np.full(length, 7) for length in (40, 30, 20, 64, 1)]
    packed = encoder.pack(rows, 0, device, group_tokens=64)
    assert [len(group.ids) for group in packed.groups] == [51, 40, 64]
    assert packed.inverse_order.tolist() == [3, 2, 1, 4, 0]
    assert [*encoder.trials(5, 64, device, 64)] == []


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_pooling_looks_into_nothing():
    """On a GPU a look waits for all that was queued before."""
    texts = Joined.of([np.arange(1, 9), np.arange(1, 4)], 0, 32)
    states = torch.randn(32, 4, requires_grad=True)
    for mode in MODES:
        with Count() as count:
            pool_joined(states, texts, mode).sum().backward()
        assert not {"_local_scalar_dense", "nonzero"} & set(count.calls), mode


def test_a_pass_has_at_most_the_tokens_asked_for():
    device = replace(choose("float32"), packing=Ladder(), joining=Joining())
    encoder = device.place(TransformerEncoder(models()["bert"], "mean", "cosine"))
    rows = [np.full(length, 7) for length in (40, 30, 20, 64, 1)]
    packed = encoder.pack(rows, 0, device, group_tokens=64)
    assert [len(group.ids) for group in packed.groups] == [64, 64, 64]
    totals = [len(texts.ids) for texts in encoder.trials(5, 64, device, 64)]
    assert totals == [64, 32]


def test_models_that_cannot_are_padded():
    device = replace(choose("float32"), packing=Ladder(), joining=Joining())
    odd = BertModel(BertConfig(**{**SMALL, "hidden_size": 18}, num_hidden_layers=1))
    encoder = device.place(TransformerEncoder(odd, "mean", "cosine"))
    assert not encoder.joins  # 9 numbers a head are nothing FlashAttention reads
    assert not isinstance(encoder.pack([np.array([1, 2])], 0, choose()).groups[0], Joined)
    assert not isinstance(encoder.pack([np.array([1, 2])], 0, device).groups[0], Joined)
    assert isinstance(pack_padded([np.array([1, 2])], 0, device).groups[0].mask, torch.Tensor)


def test_copies_of_a_text_get_the_same_vector():
    """Else the order of equal documents would depend on where they stand."""
    device = choose("float32")
    torch.manual_seed(0)
    wide = BertConfig(**SMALL | {"hidden_size": 64, "intermediate_size": 256}, num_hidden_layers=2)
    encoder = device.place(TransformerEncoder(BertModel(wide), "mean", "cosine")).eval()
    draw = np.random.default_rng(0)
    rows = [draw.integers(2, 60, draw.integers(1, 60)) for _ in range(60)]
    order = draw.permutation(np.tile(np.arange(60), 4))
    with torch.inference_mode():
        vectors = encoder.embed(encoder.pack([rows[at] for at in order], 0, device), device)
    for text in range(60):
        copies = vectors[torch.from_numpy(order == text)]
        assert torch.equal(copies, copies[:1].expand_as(copies))
