"""Proposals of options for tuning, by Optuna and in its storage.

The k-th proposal of an arm depends only on the arm, the study's seed, k and the earlier finished
trials. The sampler is created anew for each proposal, so a restart changes nothing. Optuna's
storage follows the run records: a trial that a killed process left open is closed from its run's
record, or continued with its values. A failed trial stays failed; if its run is tried again, a new
trial gets its number and values.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bench.execution.optuna_storage import OptunaStorage
from bench.execution.pruning import Pruning, create_pruner
from bench.identity import identity
from bench.lazy import Library
from bench.storage.files import canonical, digest
from bench.study.arms import Arm, grid
from bench.study.schema import Study

if TYPE_CHECKING:
    import optuna
    import scipy
    from optuna.trial import FrozenTrial
else:
    optuna = Library("optuna")
    scipy = Library("scipy")

T = TypeVar("T")

# User attributes of a trial: k, the number of the arm's proposal; the error if it failed.
NUMBER, ERROR = "number", "error"


def _repeated(method: Callable[..., T]) -> Callable[..., T]:
    """A method that is repeated while the storage is locked or away."""

    @functools.wraps(method)
    def called(self: Proposals, *arguments: Any, **options: Any) -> T:
        return self._storage.attempt(lambda: method(self, *arguments, **options))

    return called


class Proposals:
    """The proposals of one arm: its own Optuna study in the storage of the study folder.

    Only the process that runs the study writes to it.

    Args:
        context: what trials depend on besides the arm and its space (collection, budget, …); if
            any of it changes, another Optuna study is used.
    """

    def __init__(
        self, storage: OptunaStorage, study: Study, arm: Arm, context: Mapping[str, Any]
    ) -> None:
        self._storage = storage
        self._arm = arm
        self._study = study
        self._tuning = study.tuning
        tuning = identity(study.tuning)
        del tuning["trials"]  # with more trials, the same Optuna study continues
        space = identity(arm.space)
        key = digest({"arm": _without_choices(arm), **context, "space": space, "tuning": tuning})
        self._seed = int(hashlib.sha256(f"{key} {study.tuning.seed}".encode()).hexdigest()[:8], 16)
        self.name = f"{arm.name} [{key}]"
        self._known: dict[int, FrozenTrial] | None = None

    @_repeated
    def look_up(self, number: int) -> dict[str, Any] | None:
        """The values of proposal ``number`` if it is stored; nothing is written."""
        if self._known is None:
            stored = self._storage.trials(self.name)
            if stored is None:
                return None
            self._known = _by_number(stored)
        known = self._known.get(number)
        return None if known is None else canonical(known.params)

    @_repeated
    def get(self, number: int) -> dict[str, Any]:
        """The values of proposal ``number``, which are stored before this returns."""
        known = self._find(number)
        if known is not None:
            return canonical(known.params)
        self._close_unfinished()
        optuna_study = self.optuna_study
        optuna_study.sampler = self._sampler(number)
        if self._tuning.sampler == "grid":
            optuna_study.enqueue_trial(self._grid_point(number))
        elif self._tuning.sampler == "quasi-random":
            optuna_study.enqueue_trial(self._quasi_random_point(number))
        self._known = None
        trial = optuna_study.ask(
            {key: space.distribution() for key, space in self._arm.space.items()}
        )
        trial.set_user_attr(NUMBER, number)
        return canonical(trial.params)

    @_repeated
    def describe(self, number: int, **attributes: Any) -> None:
        """Attach attributes that identify the run to an open trial, for Optuna's own tools."""
        trial = self._find(number)
        if trial is None or trial.state.is_finished():
            return
        for name, value in attributes.items():
            if name not in trial.user_attrs:
                self._known = None
                self._handle(trial).set_user_attr(name, value)

    @_repeated
    def pruning(self) -> Pruning | None:
        """What decides whether a trial is pruned; `None` if none ever is."""
        if self._tuning.pruner == "none":
            return None
        done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        trials = self.optuna_study.get_trials(deepcopy=False, states=done)
        return Pruning(self._tuning.pruner, tuple(trials))

    @_repeated
    def tell(
        self,
        number: int,
        value: float | None,
        pruned: bool = False,
        error: str | None = None,
        curve: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Close a proposal with its value, as pruned, or as failed; repeating it has no effect.

        Args:
            curve: (examples, value on dev-select) at each evaluation point.
        """
        trial = self._find(number)
        failed = value is None and not pruned
        if trial is None or (trial.state.is_finished() and (failed or not _failed(trial))):
            return
        trial = self._open(number)
        self._known = None
        self._describe_curve(trial, curve)
        if failed:
            self._fail(trial, error or "it has no value")
        elif pruned:
            self.optuna_study.tell(trial.number, state=optuna.trial.TrialState.PRUNED)
        else:
            self.optuna_study.tell(trial.number, value)

    @_repeated
    def record_fixed(self, value: float | None, **attributes: Any) -> None:
        """Record the single trial of an arm that varies nothing."""
        if self._find(0) is None:
            self._close_unfinished()
            self.optuna_study.enqueue_trial({})
            self._known = None
            self.optuna_study.ask().set_user_attr(NUMBER, 0)
        self.describe(0, **attributes)
        self.tell(0, value, error="a final run has no value")

    @cached_property
    def optuna_study(self) -> optuna.Study:
        optuna_study = optuna.create_study(
            storage=self._storage.backend,
            study_name=self.name,
            direction="maximize",
            pruner=create_pruner(self._tuning.pruner),
            load_if_exists=True,
        )
        metric = f"dev-select {self._study.primary}"
        if optuna_study.metric_names != [metric]:
            with warnings.catch_warnings():  # marked experimental; it names an axis
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                optuna_study.set_metric_names([metric])
        known = optuna_study.user_attrs
        for name, value in _about(self._study, self._arm).items():
            if name not in known:
                optuna_study.set_user_attr(name, value)
        return optuna_study

    def _find(self, number: int) -> FrozenTrial | None:
        """The newest trial with this number, if there is one."""
        if self._known is None:
            self._known = _by_number(self.optuna_study.get_trials(deepcopy=False))
        return self._known.get(number)

    def _open(self, number: int) -> FrozenTrial:
        """The trial with this number; if it has failed, a new trial with the same values."""
        trial = self._find(number)
        assert trial is not None
        if not _failed(trial):
            return trial
        kept = {name: value for name, value in trial.user_attrs.items() if name != ERROR}
        # One call with all attributes, so that a kill leaves no trial without its number.
        self.optuna_study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=kept,
            )
        )
        self._known = None
        return self._open(number)

    def _describe_curve(self, trial: FrozenTrial, curve: Sequence[tuple[int, float]]) -> None:
        """Store a trial's points, and what the pruner remembers of it."""
        handle, pruning = self._handle(trial), self.pruning()
        self._known = None
        for examples, value in curve:
            if examples not in trial.intermediate_values:
                handle.report(value, examples)
        notes = pruning.notes(curve) if pruning else {}
        for key, note in notes.items():
            self._storage.backend.set_trial_system_attr(trial._trial_id, key, note)

    def _handle(self, trial: FrozenTrial) -> optuna.trial.Trial:
        return optuna.trial.Trial(self.optuna_study, trial._trial_id)

    def _fail(self, trial: FrozenTrial, error: str) -> None:
        self._handle(trial).set_user_attr(ERROR, error)
        self.optuna_study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def _close_unfinished(self) -> None:
        """Fail trials that a killed process asked for or enqueued, but gave no number."""
        for trial in self.optuna_study.get_trials(deepcopy=False):
            if NUMBER in trial.user_attrs or trial.state.is_finished():
                continue
            if trial.state == optuna.trial.TrialState.WAITING:
                self.optuna_study.ask()  # takes it out of the queue
            self._fail(trial, "left behind by a process that was stopped")

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        seed = (self._seed + number) % 2**32
        if self._tuning.sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        return optuna.samplers.RandomSampler(seed=seed)

    def _grid_point(self, number: int) -> dict[str, Any]:
        points = grid(self._arm)
        return points[np.random.default_rng(self._seed).permutation(len(points))[number]]

    def _quasi_random_point(self, number: int) -> dict[str, Any]:
        """Point ``number`` of a scrambled Sobol' sequence.

        Optuna's own sampler would skip a point for every trial that a kill left unfinished.
        """
        space = self._arm.space
        with warnings.catch_warnings():  # about balance, which needs 2ⁿ points
            warnings.simplefilter("ignore", UserWarning)
            shares = scipy.stats.qmc.Sobol(len(space), rng=self._seed).random(number + 1)[-1]
        return {key: one.at(share) for (key, one), share in zip(space.items(), shares, strict=True)}


def _without_choices(arm: Arm) -> dict[str, Any]:
    """The arm's identity without the values that its trials vary."""
    loss = arm.loss.specification
    options = {
        key: value for key, value in loss["options"].items() if f"loss.{key}" not in arm.space
    }
    training = {
        key: value
        for key, value in identity(arm.training).items()
        if f"training.{key}" not in arm.space
    }
    return {
        "loss": {**loss, "options": options},
        "teacher": arm.teacher.specification,
        "student": arm.student.specification,
        "sampler": arm.sampler.specification,
        "training": training,
    }


def _by_number(trials: Sequence[FrozenTrial]) -> dict[int, FrozenTrial]:
    """The newest trial of each number."""
    return {trial.user_attrs[NUMBER]: trial for trial in trials if NUMBER in trial.user_attrs}


def _failed(trial: FrozenTrial) -> bool:
    return trial.state == optuna.trial.TrialState.FAIL


def _about(study: Study, arm: Arm) -> dict[str, Any]:
    """User attributes that describe an arm's Optuna study."""
    return {
        "study": study.name,
        **{axis: str(getattr(arm, axis)) for axis in ("loss", "teacher", "student", "sampler")},
        "collection": study.collection,
        "budget": str(study.budget),
    }
