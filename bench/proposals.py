"""Optuna's part: which values to try next, kept in its own storage.

The k-th proposal of an arm depends on the arm, the study's seed, k and the finished trials before
it, and on nothing else: the sampler is made anew for each ask, so a restart changes nothing. Run
records are the truth; a trial left open by a killed process is closed from its record, or taken up
again with the values it has.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState
from scipy.stats import qmc

from bench.arms import Arm, grid
from bench.files import canonical, digest
from bench.study import Study

optuna.logging.set_verbosity(optuna.logging.WARNING)

_PRUNERS = {
    "none": NopPruner,
    "median": MedianPruner,
    "successive-halving": SuccessiveHalvingPruner,
}

NUMBER = "number"  # user attribute: k, which proposal of the arm a trial is


class Proposals:
    """The proposals of one arm: an Optuna study of its own in the storage of the study folder.

    Args:
        storage: an Optuna storage URL.
        identity: what defines the arm's trials besides its space (collection, budget, …); a study
            changed in any of it never meets the old trials.
    """

    def __init__(self, storage: str, study: Study, arm: Arm, identity: Mapping[str, Any]) -> None:
        self._arm = arm
        self._tuning = study.tuning
        space = {key: asdict(value) for key, value in arm.space.items()}
        defined = {
            **identity,
            "space": space,
            "tuning": study.tuning.model_dump(exclude={"trials"}),
        }
        key = digest({"arm": _without_choices(arm), **defined})
        self._seed = int(hashlib.sha256(f"{key} {study.tuning.seed}".encode()).hexdigest()[:8], 16)
        self.optuna_study = optuna.create_study(
            storage=storage,
            study_name=f"{arm.name} [{key}]",
            direction="maximize",
            pruner=_PRUNERS[study.tuning.pruner](),
            load_if_exists=True,
        )
        with warnings.catch_warnings():  # experimental for three years; it only names an axis
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.optuna_study.set_metric_names([f"dev-select {study.primary}"])

    def get(self, number: int) -> dict[str, Any]:
        """The values of proposal ``number``, in the storage before this returns."""
        found = self._find(number)
        if found is not None:
            return canonical(found.params)
        self._close_unfinished()
        self.optuna_study.sampler = self._sampler(number)
        if self._tuning.sampler == "grid":
            self.optuna_study.enqueue_trial(self._grid_point(number))
        elif self._tuning.sampler == "quasi-random":
            self.optuna_study.enqueue_trial(self._quasi_random_point(number))
        trial = self.optuna_study.ask(
            {key: space.distribution() for key, space in self._arm.space.items()}
        )
        trial.set_user_attr(NUMBER, number)
        return canonical(trial.params)

    def hopeless(self, number: int, curve: Sequence[tuple[int, float]]) -> bool:
        """Whether the study's pruner gives this trial up, after (examples, value) of its points."""
        if self._tuning.pruner == "none" or not curve:
            return False
        found = self._find(number)
        assert found is not None
        trial = Trial(self.optuna_study, found._trial_id)
        for examples, value in curve:
            if examples not in found.intermediate_values:
                trial.report(value, examples)
        return trial.should_prune()

    def tell(self, number: int, value: float | None, pruned: bool = False) -> None:
        """Close a proposal with its value, as failed or pruned; again changes nothing."""
        trial = self._find(number)
        if trial is None or trial.state.is_finished():
            return
        if value is None:
            state = TrialState.PRUNED if pruned else TrialState.FAIL
            self.optuna_study.tell(trial.number, state=state)
        else:
            self.optuna_study.tell(trial.number, value)

    def record_fixed(self, value: float | None) -> None:
        """The single trial of an arm in which nothing is varied."""
        if self._find(0) is None:
            self._close_unfinished()
            self.optuna_study.enqueue_trial({})
            self.optuna_study.ask().set_user_attr(NUMBER, 0)
        self.tell(0, value)

    def _find(self, number: int) -> FrozenTrial | None:
        for trial in self.optuna_study.get_trials(deepcopy=False):
            if trial.user_attrs.get(NUMBER) == number:
                return trial
        return None

    def _close_unfinished(self) -> None:
        """A trial asked for or enqueued by a killed process, and never given its number."""
        for trial in self.optuna_study.get_trials(deepcopy=False):
            if NUMBER in trial.user_attrs or trial.state.is_finished():
                continue
            if trial.state == TrialState.WAITING:
                self.optuna_study.ask()  # takes it out of the queue
            self.optuna_study.tell(trial.number, state=TrialState.FAIL)

    def _sampler(self, number: int) -> BaseSampler:
        seed = (self._seed + number) % 2**32
        if self._tuning.sampler == "tpe":
            return TPESampler(seed=seed)
        return RandomSampler(seed=seed)

    def _grid_point(self, number: int) -> dict[str, Any]:
        points = grid(self._arm)
        return points[np.random.default_rng(self._seed).permutation(len(points))[number]]

    def _quasi_random_point(self, number: int) -> dict[str, Any]:
        """Point ``number`` of a scrambled Sobol' sequence: Optuna's own would skip one for every
        trial that a kill has left unfinished."""
        space = self._arm.space
        with warnings.catch_warnings():  # balance needs 2ⁿ points at once; these come one by one
            warnings.simplefilter("ignore", UserWarning)
            shares = qmc.Sobol(len(space), rng=self._seed).random(number + 1)[-1]
        return {key: one.at(share) for (key, one), share in zip(space.items(), shares, strict=True)}


def _without_choices(arm: Arm) -> dict[str, Any]:
    """The arm with the values it varies left out: they are the trials', not the arm's."""
    loss = arm.loss.specification
    options = {
        key: value for key, value in loss["options"].items() if f"loss.{key}" not in arm.space
    }
    training = {
        key: value
        for key, value in arm.training.model_dump(exclude={"checkpoint_seconds"}).items()
        if f"training.{key}" not in arm.space
    }
    return {
        "loss": {**loss, "options": options},
        "teacher": arm.teacher.specification,
        "student": arm.student.specification,
        "sampler": arm.sampler.specification,
        "training": training,
    }


def storage_url(out: Path) -> str:
    """Optuna's storage of a study folder."""
    return f"sqlite:///{(out / 'optuna.db').resolve()}"
