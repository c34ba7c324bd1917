"""Whether a trial is pruned: a function of its curve so far and of earlier finished trials.

It can be asked in any process: it needs neither Optuna's storage nor the process that proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.lazy import Library

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial
else:
    optuna = Library("optuna")

PRUNERS = {
    "none": "NopPruner",
    "median": "MedianPruner",
    "successive-halving": "SuccessiveHalvingPruner",
}
"""Optuna's pruners, by the names of study files."""


@dataclass(frozen=True)
class Pruning:
    """A study's pruner, and the finished trials of the arm that it compares with."""

    pruner: str
    trials: tuple[FrozenTrial, ...]

    def __call__(self, curve: Sequence[tuple[int, float]]) -> bool:
        """Whether a trial with this curve ends at its last point.

        Args:
            curve: (examples, value on dev-select) at each evaluation point so far.
        """
        return self._replay(curve)[0]

    def notes(self, curve: Sequence[tuple[int, float]]) -> dict[str, Any]:
        """What the pruner remembers of a trial with this curve, for the trials after it."""
        return self._replay(curve)[1]

    def _replay(self, curve: Sequence[tuple[int, float]]) -> tuple[bool, dict[str, Any]]:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            direction="maximize",
            pruner=create_pruner(self.pruner),
            sampler=optuna.samplers.RandomSampler(),
        )
        study.add_trials(self.trials)
        trial, answer = study.ask(), False
        for examples, value in curve:
            trial.report(value, examples)
            answer = trial.should_prune()
        return answer, study.trials[-1].system_attrs


def create_pruner(name: str) -> optuna.pruners.BasePruner:
    """The pruner with that name in study files."""
    return getattr(optuna.pruners, PRUNERS[name])()
