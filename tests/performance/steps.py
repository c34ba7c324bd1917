"""Steps of training an encoder: ours, bare, and as sentence-transformers' trainer takes them.

All train the first layers of the same encoder on the same triples with the same loss (InfoNCE
over the batch), optimizer, dropout, batch size, lengths and precision.
"""

from __future__ import annotations

from typing import Any

import torch

from bench import samplers
from bench.storage.ledger import PhaseTimer
from bench.training.batches import Batch, Prefetcher, each
from bench.training.loop import StudentLoop, embeddings
from bench.training.setup import Setup
from bench.training.state import State
from tests.performance.setting import (
    CLIP,
    DECAY,
    RATE,
    TEMPERATURE,
    Action,
    autocast,
    run_of,
    their_context,
    their_model,
)


def ours(steps: int, triples: int, **setting: Any) -> Action:
    """The steps of a run, batches made ahead of them."""
    specification, context = run_of(triples=triples, **setting)
    setup = Setup.of(specification, context)

    def take() -> None:
        clocks = PhaseTimer()
        loop = StudentLoop(specification, setup, clocks, State(tokens=[0]), context.device)
        ahead = Prefetcher(setup.batches.make, triples, steps * triples)
        with clocks("train"):
            for batch in ahead.from_position(0):
                loop.step(batch)
            context.device.synchronize()
        ahead.close()

    return take


def asymmetric(**setting: Any) -> Action:
    """The steps of a student that encodes queries alone."""
    return ours(asymmetric=True, **setting)


def bare(steps: int, triples: int, **setting: Any) -> Action:
    """What torch must do in such steps, on tensors that are there."""
    specification, context = run_of(triples=triples, **setting)
    setup = Setup.of(specification, context)
    batches = batches_of(setup, triples, steps)
    parameters = [value for group in setup.optimizer.param_groups for value in group["params"]]

    def take() -> None:
        for batch in batches:
            student = embeddings(setup.towers, batch, context.device)
            signals = each(batch.signals, context.device.put)
            setup.objective(student, signals).backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            setup.optimizer.step()
            setup.optimizer.zero_grad()
        context.device.synchronize()

    return take


def theirs(
    collection: str, layers: int, length: int, triples: int, steps: int, precision: str = "float32"
) -> Action:
    """The inner loop of sentence-transformers' trainer: tokenize, forward, backward, step."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.util import batch_to_device

    context = their_context(collection)
    stream = samplers.create("uniform").prepare(context)
    queries, documents = context.collection.part("train").queries, context.collection.documents
    model = their_model(context, layers, length).train()
    loss = MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)

    def take() -> None:
        for start in range(0, steps * triples, triples):
            drawn = stream.batch(1, start, start + triples)
            columns = [
                queries.take(drawn.queries),
                documents.take(drawn.positives),
                documents.take(drawn.negatives[:, 0]),
            ]
            features = [batch_to_device(model.preprocess(one), model.device) for one in columns]
            with autocast(precision):
                value = loss(features, None)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
        context.device.synchronize()

    return take


def batches_of(setup: Setup, triples: int, steps: int) -> list[Batch]:
    """The first batches of a run."""
    return [setup.batches.make(at * triples, (at + 1) * triples) for at in range(steps)]
