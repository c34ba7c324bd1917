"""The matrix products of an encoder's linear layers alone, for as many tokens as are encoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.encoding.tokens import Tokens, tokenize
from bench.training.setup import Setup
from tests.performance.setting import Action, run_of
from tests.performance.steps import batches_of

WIDTH, INNER = 384, 1536
PASS = 4096
"""Tokens of a pass where nothing is trained."""


def training(layers: int, precision: str, **setting: Any) -> Action:
    """Forward and backward, for the tokens of the first batches of a run."""
    passes = [int(one.sum()) for one in _lengths(layers=layers, **setting)]
    return _layers(passes, layers, precision, backward=True)


def encoding(layers: int, precision: str, **setting: Any) -> Action:
    """Forward, for the tokens of all documents."""
    tokens = len(_documents(layers=layers, **setting).ids)
    passes = [min(PASS, tokens - start) for start in range(0, tokens, PASS)]
    return _layers(passes, layers, precision, backward=False)


def with_attention(**setting: Any) -> float:
    """All products of a step, those of queries with keys and weights with values too, as a
    multiple of the linear layers'."""
    return _with_attention(np.concatenate(_lengths(**setting)))


def with_attention_in_documents(**setting: Any) -> float:
    """The same of encoding all documents."""
    documents = _documents(**setting)
    return _with_attention(documents.lengths(np.arange(len(documents))))


def _with_attention(lengths: np.ndarray) -> float:
    texts = lengths.astype(float)
    linear = (4 * WIDTH**2 + 2 * WIDTH * INNER) * texts.sum()
    return float(1 + 2 * WIDTH * (texts**2).sum() / linear)


def _documents(collection: str, layers: int, length: int) -> Tokens:
    specification, context = run_of(collection, layers, length, triples=32)
    model = specification.arm.student.model
    return tokenize(context.collection.documents, model, length, context.artifacts)


def _lengths(triples: int, steps: int, **setting: Any) -> list[np.ndarray]:
    """Tokens of each text of the first batches of a run."""
    setup = Setup.of(*run_of(triples=triples, **setting))
    batches = batches_of(setup, triples, steps)
    return [
        np.concatenate([np.diff(group.starts.numpy()) for group in batch.packed[0].groups])
        for batch in batches
    ]


def _layers(passes: Iterable[int], layers: int, precision: str, backward: bool) -> Action:
    kind = {"float32": torch.float32, "bf16": torch.bfloat16}[precision]
    shapes = [(WIDTH, WIDTH)] * 4 + [(WIDTH, INNER), (INNER, WIDTH)]
    linear = [nn.Linear(*shape, dtype=kind) for _ in range(layers) for shape in shapes]
    largest = max(passes)
    states = {width: torch.randn(largest, width, dtype=kind) for width in (WIDTH, INNER)}

    def multiply() -> None:
        for tokens in passes:
            for layer in linear:
                given = states[layer.in_features][:tokens].detach().requires_grad_(backward)
                output = layer(given)
                if backward:
                    output.backward(states[layer.out_features][:tokens])
            for layer in linear:
                layer.zero_grad()

    def act() -> None:
        with torch.inference_mode(not backward):
            multiply()

    return act
