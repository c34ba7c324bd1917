"""Optuna's part: which values to try next, kept in its own storage.

The k-th proposal of an arm depends on the arm, the study's seed, k and the finished trials before
it, and on nothing else: the sampler is made anew for each ask, so a restart changes nothing. Run
records are the truth; a trial left open by a killed process is closed from its record, or taken up
again with the values it has. A failed trial stays one; where its run is tried again, another trial
has its number and its values.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from scipy.stats import qmc

from bench.identity import identity
from bench.storage.databases import sqlite_url, wait_while_locked
from bench.storage.files import canonical, damaged, digest
from bench.study.arms import Arm, grid
from bench.study.schema import Study

STORAGE = "optuna.db"
"""Optuna's storage in a study's folder."""

optuna.logging.set_verbosity(optuna.logging.WARNING)

_PRUNERS = {
    "none": NopPruner,
    "median": MedianPruner,
    "successive-halving": SuccessiveHalvingPruner,
}

# User attributes of a trial: k, which proposal of the arm it is; why it failed.
NUMBER, ERROR = "number", "error"


class Proposals:
    """The proposals of one arm: an Optuna study of its own in the storage of the study folder.

    Args:
        storage: an Optuna storage URL.
        context: what defines the arm's trials besides its space (collection, budget, …); a study
            changed in any of it never meets the old trials.
    """

    def __init__(self, storage: str, study: Study, arm: Arm, context: Mapping[str, Any]) -> None:
        self.database = storage
        self._arm = arm
        self._tuning = study.tuning
        tuning = identity(study.tuning)
        del tuning["trials"]  # more of them go on where fewer ended
        space = identity(arm.space)
        key = digest({"arm": _without_choices(arm), **context, "space": space, "tuning": tuning})
        self._seed = int(hashlib.sha256(f"{key} {study.tuning.seed}".encode()).hexdigest()[:8], 16)
        self.name = f"{arm.name} [{key}]"
        self._open_study(study)

    @wait_while_locked
    def _open_study(self, study: Study) -> None:
        self.optuna_study = optuna.create_study(
            storage=self.database,
            study_name=self.name,
            direction="maximize",
            pruner=_PRUNERS[study.tuning.pruner](),
            load_if_exists=True,
        )
        with warnings.catch_warnings():  # experimental for three years; it only names an axis
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.optuna_study.set_metric_names([f"dev-select {study.primary}"])
        known = self.optuna_study.user_attrs
        for name, value in _about(study, self._arm).items():
            if name not in known:
                self.optuna_study.set_user_attr(name, value)

    @wait_while_locked
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

    @wait_while_locked
    def describe(self, number: int, **attributes: Any) -> None:
        """Say of an open trial what leads to its run, for who looks with Optuna's own tools."""
        found = self._find(number)
        if found is None or found.state.is_finished():
            return
        for name, value in attributes.items():
            if name not in found.user_attrs:
                self._handle(found).set_user_attr(name, value)

    @wait_while_locked
    def should_prune(self, number: int, curve: Sequence[tuple[int, float]]) -> bool:
        """Whether the study's pruner gives this trial up, after (examples, value) of its points.

        The pruner is led along the curve in memory, beside the finished trials: what it had noted
        in the storage, and the points reported there, before a kill would change its answer.
        """
        found = self._open(number)
        aside = optuna.create_study(
            direction="maximize", pruner=_PRUNERS[self._tuning.pruner](), sampler=RandomSampler()
        )
        done = (TrialState.COMPLETE, TrialState.PRUNED)
        aside.add_trials(trial for trial in self.optuna_study.trials if trial.state in done)
        trial, kept = aside.ask(), self._handle(found)
        answer = False
        for examples, value in curve:
            trial.report(value, examples)
            answer = trial.should_prune()
            if examples not in found.intermediate_values:
                kept.report(value, examples)
        storage = self.optuna_study._storage  # where the pruner would have noted it
        for key, note in aside.trials[-1].system_attrs.items():
            storage.set_trial_system_attr(found._trial_id, key, note)
        return answer

    @wait_while_locked
    def tell(
        self, number: int, value: float | None, pruned: bool = False, error: str | None = None
    ) -> None:
        """Close a proposal with its value, as pruned, or as failed; again changes nothing."""
        found = self._find(number)
        failed = value is None and not pruned
        if found is None or (found.state.is_finished() and (failed or not _failed(found))):
            return
        found = self._open(number)
        if failed:
            self._fail(found, error or "it has no value")
        elif pruned:
            self.optuna_study.tell(found.number, state=TrialState.PRUNED)
        else:
            self.optuna_study.tell(found.number, value)

    @wait_while_locked
    def record_fixed(self, value: float | None, **attributes: Any) -> None:
        """The single trial of an arm in which nothing is varied."""
        if self._find(0) is None:
            self._close_unfinished()
            self.optuna_study.enqueue_trial({})
            self.optuna_study.ask().set_user_attr(NUMBER, 0)
        self.describe(0, **attributes)
        self.tell(0, value, error="a final run has no value")

    def _find(self, number: int) -> FrozenTrial | None:
        """The trial of this number; the newest, where earlier ones have failed."""
        for trial in reversed(self.optuna_study.get_trials(deepcopy=False)):
            if trial.user_attrs.get(NUMBER) == number:
                return trial
        return None

    def _open(self, number: int) -> FrozenTrial:
        """The trial of this number; another one of its values where it has failed."""
        found = self._find(number)
        assert found is not None
        if not _failed(found):
            return found
        kept = {name: value for name, value in found.user_attrs.items() if name != ERROR}
        # Whole or not at all, its number included: a kill leaves no third kind.
        self.optuna_study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=found.params,
                distributions=found.distributions,
                user_attrs=kept,
            )
        )
        return self._open(number)

    def _handle(self, trial: FrozenTrial) -> Trial:
        return Trial(self.optuna_study, trial._trial_id)

    def _fail(self, trial: FrozenTrial, error: str) -> None:
        self._handle(trial).set_user_attr(ERROR, error)
        self.optuna_study.tell(trial.number, state=TrialState.FAIL)

    def _close_unfinished(self) -> None:
        """A trial asked for or enqueued by a killed process, and never given its number."""
        for trial in self.optuna_study.get_trials(deepcopy=False):
            if NUMBER in trial.user_attrs or trial.state.is_finished():
                continue
            if trial.state == TrialState.WAITING:
                self.optuna_study.ask()  # takes it out of the queue
            self._fail(trial, "left behind by a process that was stopped")

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


def _failed(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL


def _about(study: Study, arm: Arm) -> dict[str, Any]:
    """User attributes of an arm's study: its name says no more than the arm's."""
    return {
        "study": study.name,
        **{axis: str(getattr(arm, axis)) for axis in ("loss", "teacher", "student", "sampler")},
        "collection": study.collection,
        "budget": f"{study.budget.amount:,.10g} {study.budget.unit}",
    }


def check_storage(out: Path) -> None:
    """That Optuna's storage of a study folder, where there is one, can be read.

    Raises:
        InputError: it is damaged.
    """
    path = out / STORAGE
    if not path.exists():
        return
    mend = "delete it, and `bench run` makes it again from the records of the runs"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.OperationalError:
        return  # locked, say: whoever opens it next will say so
    except sqlite3.DatabaseError as error:
        raise damaged(path, error, mend) from None
    if said != "ok":
        raise damaged(path, said, mend)
    if tables and not {"studies", "trials"} <= tables:
        raise damaged(path, "a database of something else", mend)


def storage_url(out: Path) -> str:
    """Optuna's storage of a study folder."""
    return sqlite_url((out / STORAGE).resolve())
