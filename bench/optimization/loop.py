"""The training loop of students and of fine-tuned teachers: steps of one optimizer on a budget."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from bench.encoding.device import Device
from bench.errors import TrainingError
from bench.optimization.schedule import Schedule
from bench.optimization.warming import STEPS, traceless

CHECK_EVERY = 20
"""Steps between two checks that the loss is finite (each makes a GPU wait)."""

PAUSE_SECONDS = 2.0
"""Seconds between two pauses, for progress, heartbeat and checkpoints."""

ROUNDING = 1e-9
"""By how much a share of a budget may be off."""

Batch = TypeVar("Batch", bound=Sized)

Diagnostics = Callable[[], Mapping[str, Tensor]]
"""Scalars to watch beside the loss, computed when it is called."""


@dataclass
class Progress:
    """How far a loop has come.

    Attributes:
        examples: trained on.
        steps: taken.
        sums: running sums of what is watched, and the number of ``steps`` they are over: numbers,
            or scalars on the device that nobody has waited for yet.
    """

    examples: int = 0
    steps: int = 0
    sums: dict[str, Any] = field(default_factory=dict)


class Loop(ABC, Generic[Batch]):
    """Takes the steps of one optimizer.

    What is trained, on which budget and by which loss, a subclass says.

    Args:
        label: what trains, as errors name it.
        modules: everything that trains.
        optimizer: of their parameters.
        schedule: of the learning rate.
        clip: the largest norm of the gradient; 0 for any.
        progress: of the steps before; what the loop does is added to it.
    """

    def __init__(
        self,
        label: str,
        modules: Sequence[nn.Module],
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        clip: float,
        progress: Progress,
        device: Device,
    ) -> None:
        self._label = label
        self._modules = modules
        self.optimizer = optimizer
        self._schedule = schedule
        self._clip = clip or math.inf
        self.progress = progress
        self._device = device

    @abstractmethod
    def used(self, more: int = 0) -> float:
        """Share of the budget used so far, or after a step of ``more`` examples."""

    @abstractmethod
    def dropout_seed(self) -> int:
        """Seed of the next step's dropout: by position alone, so that a resumed run draws the same
        masks."""

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[Tensor, Diagnostics]:
        """The loss of a batch, a scalar with a gradient, and what else is watched of it."""

    def count(self, batch: Batch) -> None:
        """Note that a step was taken."""
        self.progress.steps += 1
        self.progress.examples += len(batch)

    def reached(self, share: float) -> bool:
        """Whether this share of the budget is used."""
        return self.used() >= share - ROUNDING

    def rehearse(self, batches: Iterable[Batch]) -> None:
        """Compute the first of these batches without taking a step: whoever comes first would pay
        for kernels and memory that all the later ones use."""
        with traceless(self._modules, self._device):
            for batch in islice(batches, STEPS[self._device.torch.type]):
                value, diagnostics = self.loss(batch)
                value.backward()
                diagnostics()

    def advance(self, batches: Iterator[Batch], share: float) -> None:
        """Take steps until a share of the budget is used, a pause is due, or the batches end.

        Raises:
            TrainingError: the loss is no longer finite.
        """
        until = time.monotonic() + PAUSE_SECONDS
        while not self.reached(share) and time.monotonic() < until:
            batch = next(batches, None)
            if batch is None:
                return
            self.step(batch)
            if self.progress.steps % CHECK_EVERY == 0:
                self.check_loss()

    def step(self, batch: Batch) -> None:
        """Take one step."""
        torch.manual_seed(self.dropout_seed())
        rate = self._schedule.rate(min(1.0, max(self.used(len(batch)), 1e-6)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        value, diagnostics = self.loss(batch)
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters(), self._clip)
        # Before the step, which changes a loss's own parameters too.
        self._watch(value, norm, diagnostics)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.count(batch)

    def check_loss(self) -> None:
        """Turn the sums into plain numbers, and stop where the loss is no longer finite.

        Raises:
            TrainingError: it, or the norm of its gradient, is not.
        """
        sums = self.progress.sums
        waiting = {name: value for name, value in sums.items() if isinstance(value, Tensor)}
        if waiting:  # in one copy from the device: each makes a GPU wait
            sums.update(zip(waiting, torch.stack([*waiting.values()]).tolist(), strict=True))
        for name, words in {"loss": "loss is", "grad_norm": "norm of the gradient is"}.items():
            if not math.isfinite(sums.get(name, 0.0)):
                raise self._not_finite(words)

    def check_weights(self) -> None:
        """Stop where the last step, of a finite loss, has ruined the weights.

        Raises:
            TrainingError: it has.
        """
        if not all(value.isfinite().all() for value in self._parameters()):
            raise self._not_finite("weights are")

    def _parameters(self) -> list[Tensor]:
        return [value for group in self.optimizer.param_groups for value in group["params"]]

    def _watch(self, value: Tensor, norm: Tensor, diagnostics: Diagnostics) -> None:
        with torch.no_grad():
            watched = {"loss": value, "grad_norm": norm, **diagnostics()}
        sums = self.progress.sums
        sums["steps"] = sums.get("steps", 0) + 1
        for name, scalar in watched.items():
            # Doubles, and no .item(): exact when resumed, and a GPU is not made to wait.
            sums[name] = scalar.detach().double() + sums.get(name, 0.0)

    def _not_finite(self, what: str) -> TrainingError:
        return TrainingError(
            f"{self._label}: the {what} not finite at step {self.progress.steps} "
            f"(learning rate {self._schedule.learning_rate:g}); "
            "a smaller learning rate or a longer warm-up may help"
        )
