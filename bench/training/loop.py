"""The training loop: steps until the budget is used, evaluation points on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module

from bench.encoding.device import Device
from bench.encoding.towers import Towers
from bench.errors import TrainingError
from bench.losses.base import Objective
from bench.losses.signals import Embeddings, Signals, unit
from bench.optimization.schedule import factor
from bench.optimization.seeds import derive_seed
from bench.optimization.warming import STEPS as WARMING
from bench.optimization.warming import traceless
from bench.storage.ledger import Clocks
from bench.study.schema import Budget, Training
from bench.training.batches import Batch, Prefetcher, each
from bench.training.state import State

CHECK_EVERY = 20
"""Steps between two looks at whether the loss is finite (a look makes a GPU wait)."""

FIRST_STEPS = 5
"""Whose seconds are recorded one by one."""


@dataclass
class Loop:
    """One run's steps.

    Attributes:
        label: the loss as errors name it.
        pause: called between steps with the clock stopped; saves a checkpoint where one is due.
        evaluate: called at every evaluation point with its number, the clock stopped.
        enough: whether the last evaluation point has shown that there is no use in going on.
        refresh: mines the negatives anew where that is due, the clock stopped; whether it did.
        refresh_every: steps between; 0 for never.
    """

    towers: Towers
    optimizer: torch.optim.Optimizer
    objective: Objective
    label: str
    training: Training
    budget: Budget
    shares: list[float]
    seed: int
    device: Device
    clocks: Clocks
    state: State
    on_pause: Callable[[], None]
    evaluate: Callable[[int], None]
    should_stop: Callable[[], bool]
    refresh_negatives: Callable[[], bool]
    refresh_every: int = 0

    def run(self, ahead: Prefetcher) -> None:
        """Train until the budget is used.

        Raises:
            TrainingError: the loss or the weights are no longer finite.
        """
        if not self.state.curve:
            self.evaluate(0)
        self.refresh_negatives()
        with self.clocks("compile"):
            self._rehearse(ahead)
        batches = ahead.from_position(self.state.examples)
        should_stop = self.should_stop()
        while len(self.state.curve) <= len(self.shares) and not should_stop:
            share = self.shares[len(self.state.curve) - 1]
            with self.clocks("train"):
                self._advance(batches, share)
                self.device.synchronize()
            self._check_finite()
            if self._used() < 1 - 1e-9 and self.refresh_negatives():
                # What was made ahead was drawn from the old ranking.
                batches = ahead.from_position(self.state.examples)
            if self._used() >= share - 1e-9:
                self._check_weights()
                self.evaluate(len(self.state.curve))
                should_stop = self.should_stop()
            self.on_pause()

    def _rehearse(self, ahead: Prefetcher) -> None:
        """Compute the next steps without taking them."""
        trained = [self.towers, *([self.objective] if isinstance(self.objective, Module) else [])]
        batches = ahead.from_position(self.state.examples)
        with traceless(trained, self.device):
            for _, batch in zip(range(WARMING), batches, strict=False):
                value, student, teacher = self._loss(batch)
                value.backward()
                mean_cosine(student)
                self.objective.diagnostics(student, teacher)

    def _advance(self, batches: Iterator[Batch], share: float) -> None:
        """Steps until the next evaluation point, or until it is time for a pause."""
        until = time.monotonic() + PAUSE_SECONDS
        while self._used() < share - 1e-9 and time.monotonic() < until:
            self._step(next(batches))
            self._note_pace()
            if self.refresh_every and self.state.steps % self.refresh_every == 0:
                break
            if self.state.steps % CHECK_EVERY == 0:
                self._check_finite()

    def _note_pace(self) -> None:
        """Seconds after each of the first steps, and after each tenth of the budget."""
        state = self.state
        reached = int(10 * self._used() + 1e-6)
        if state.steps > FIRST_STEPS and reached <= len(state.tenths):
            return
        self.device.synchronize()
        seconds = self.clocks.read("train")
        if state.steps <= FIRST_STEPS:
            state.first_steps.append(seconds)
        while len(state.tenths) < min(reached, 10):
            state.tenths.append((state.steps, seconds))

    def _used(self, ahead: int = 0) -> float:
        """Share of the budget used so far, or after ``ahead`` more examples (one step)."""
        if self.budget.unit == "seconds":
            return self.clocks.read("train") / self.budget.amount
        if self.budget.unit == "steps":
            return (self.state.steps + bool(ahead)) / self.budget.amount
        return (self.state.examples + ahead) / self.budget.amount

    def _step(self, batch: Batch) -> None:
        size = len(batch.triples)
        # Dropout depends on seed and step alone, so that a resumed run draws the same masks.
        torch.manual_seed(derive_seed(self.seed, "dropout", self.state.steps))
        share = min(1.0, max(self._used(size), 1e-6))
        rate = self.training.learning_rate * factor(
            share, self.training.warmup, self.training.schedule
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        value, student, teacher = self._loss(batch)
        value.backward()
        largest = self.training.clip or math.inf
        trained = [value for group in self.optimizer.param_groups for value in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(trained, largest)
        # Before the step, which changes a loss's own parameters too.
        self._watch(value, norm, student, teacher)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state.steps += 1
        self.state.examples += size
        self.state.texts += batch.texts
        self.state.tokens = [
            before + now for before, now in zip(self.state.tokens, batch.tokens, strict=True)
        ]

    def _loss(self, batch: Batch) -> tuple[Tensor, Embeddings, Signals]:
        """The loss of a batch, and what it was computed from."""
        student = embeddings(self.towers, batch, self.device, bool(self.training.gradient_cache))
        teacher = each(batch.signals, self.device.put)
        return self.objective(student, teacher), student, teacher

    def _watch(self, value: Tensor, norm: Tensor, student: Embeddings, teacher: Signals) -> None:
        with torch.no_grad():
            watched = {
                "loss": value,
                "grad_norm": norm,
                "mean_cosine": mean_cosine(student),
                **self.objective.diagnostics(student, teacher),
            }
        sums = self.state.sums
        sums["steps"] = sums.get("steps", 0) + 1
        for name, scalar in watched.items():
            # Doubles, and no .item(): exact when resumed, and a GPU is not made to wait.
            sums[name] = scalar.detach().double() + sums.get(name, 0.0)

    def _check_finite(self) -> None:
        """Turn the sums into plain numbers and stop where the loss has left them."""
        sums = self.state.sums
        waiting = {name: value for name, value in sums.items() if isinstance(value, Tensor)}
        if waiting:  # in one copy from the device: each makes a GPU wait
            sums.update(zip(waiting, torch.stack([*waiting.values()]).tolist(), strict=True))
        for name, said in {"loss": "loss is", "grad_norm": "norm of the gradient is"}.items():
            if not math.isfinite(sums.get(name, 0.0)):
                raise self._not_finite(said)

    def _check_weights(self) -> None:
        """Stop where the last step, of a finite loss, has ruined the weights."""
        trained = [value for group in self.optimizer.param_groups for value in group["params"]]
        if not all(value.isfinite().all() for value in trained):
            raise self._not_finite("weights are")

    def _not_finite(self, what: str) -> TrainingError:
        return TrainingError(
            f"{self.label}: the {what} not finite at step {self.state.steps} "
            f"(learning rate {self.training.learning_rate:g}); "
            "a smaller learning rate or a longer warm-up may help"
        )


PAUSE_SECONDS = 2.0
"""The loop comes up for air this often: for progress, heartbeat and checkpoints."""


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
