"""The training loop of a student."""

from __future__ import annotations

from operator import mul

import torch
from torch import Tensor

from bench.encoding.device import Device
from bench.encoding.flops import training_flops
from bench.encoding.towers import Towers
from bench.losses.signals import Embeddings, unit
from bench.optimization.loop import Diagnostics, Loop
from bench.optimization.schedule import Schedule
from bench.optimization.seeds import derive_seed
from bench.storage.ledger import PhaseTimer
from bench.study.budget import Consumed
from bench.training.batches import Batch, each
from bench.training.setup import Setup
from bench.training.specification import RunSpecification
from bench.training.state import State

FIRST_STEPS = 5
"""Steps whose seconds are recorded one by one."""


class StudentLoop(Loop[Batch]):
    """The steps of one run.

    Args:
        clocks: where ``train`` runs while the loop does.
        state: what the loop does is added to it.
    """

    def __init__(
        self,
        specification: RunSpecification,
        setup: Setup,
        clocks: PhaseTimer,
        state: State,
        device: Device,
    ) -> None:
        training = specification.arm.training
        super().__init__(
            str(specification.arm.loss),
            [*setup.modules.values()],
            setup.optimizer,
            Schedule(training.learning_rate, training.warmup, training.schedule),
            training.clip,
            state,
            device,
        )
        self._budget = specification.budget
        self._seed = specification.seed
        self._recompute = bool(training.gradient_cache)
        self._setup = setup
        self._flops_of_a_token = [training_flops(one, 1) for one in setup.towers.encoders]
        self._clocks = clocks
        self._state = state

    def used(self, more: int = 0) -> float:
        consumed = self.consumed()
        return self._budget.used(consumed.after_step(more) if more else consumed)

    def consumed(self) -> Consumed:
        """What the run has consumed so far."""
        state = self._state
        return Consumed(
            examples=state.examples,
            steps=state.steps,
            seconds=self._clocks.read("train"),
            flops=sum(map(mul, state.tokens, self._flops_of_a_token)),
        )

    def dropout_seed(self) -> int:
        return derive_seed(self._seed, "dropout", self._state.steps)

    def loss(self, batch: Batch) -> tuple[Tensor, Diagnostics]:
        objective = self._setup.objective
        student = embeddings(self._setup.towers, batch, self._device, self._recompute)
        teacher = each(batch.signals, self._device.put)
        value = objective(student, teacher)
        return value, lambda: {
            "mean_cosine": mean_cosine(student),
            **objective.diagnostics(student, teacher),
        }

    def count(self, batch: Batch) -> None:
        super().count(batch)
        state = self._state
        state.texts += batch.texts
        state.tokens = [
            before + now for before, now in zip(state.tokens, batch.tokens, strict=True)
        ]
        self._note_pace()

    def _note_pace(self) -> None:
        """Seconds after each of the first steps, and after each tenth of the budget."""
        state = self._state
        tenths = int(10 * self.used() + 1e-6)
        if state.steps > FIRST_STEPS and tenths <= len(state.tenths):
            return
        self._device.synchronize()
        seconds = self._clocks.read("train")
        if state.steps <= FIRST_STEPS:
            state.first_steps.append(seconds)
        while len(state.tenths) < min(tenths, 10):
            state.tenths.append((state.steps, seconds))


def embeddings(towers: Towers, batch: Batch, device: Device, recompute: bool = False) -> Embeddings:
    """The student's embeddings of a batch; each distinct text is encoded once, or looked up."""
    encoded = zip(towers.encoders, batch.packed, strict=True)
    parts = [encoder.embed(packed, device, recompute) for encoder, packed in encoded]
    if batch.stored is not None:
        parts.append(device.put(batch.stored))
    vectors = torch.cat(parts)
    # index_select: a gather written x[rows] sums its gradient in no fixed order on a CPU.
    queries, positives, negatives = (
        vectors.index_select(0, device.put(rows))
        for rows in (batch.queries, batch.positives, batch.negatives)
    )
    negatives = negatives.view(len(queries), -1, vectors.shape[1])
    return Embeddings(queries, positives, negatives, towers.similarity)


def mean_cosine(student: Embeddings) -> Tensor:
    """Mean cosine of two different documents of the batch: 1 means the encoder has collapsed."""
    vectors = unit(torch.cat([student.positives, student.negatives.flatten(0, 1)]))
    count = len(vectors)
    everything = vectors.sum(0).square().sum()
    return (everything - vectors.square().sum()) / (count * (count - 1))
