"""What tuning tried, parameter by parameter, and which of them mattered by Optuna's measure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.lazy import Library
from bench.spaces import Choice, Float, Space
from reports.analysis.base import Analysis, cached
from reports.analysis.selectors import RUN, best_on_select, option_columns, tuned_arms

if TYPE_CHECKING:
    import optuna
else:
    optuna = Library("optuna")

FEWEST = 20
"""Finished trials that an importance takes. Optuna's default looks at the best tenth: with ten or
fewer that is one trial, and the shares come out equal whatever matters."""

SHUFFLES = 39
"""Enough for a 95th percentile: two of 39 shares are above it."""

_TRIED = [*RUN, "loss", "status", "value", "parameter", "tried", "low", "high", "log"]
_IMPORTANCE = ["arm", "trials", "parameter", "importance", "shuffled"]


@cached
def trials_table(results: Analysis) -> pd.DataFrame:
    """A row a parameter of each tuning trial and final run of the arms that were tuned.

    Columns: arm, role, trial, seed, loss, status; value, its best on dev-select (one pruned or
    failed has none); parameter, of those that the arm's trials differ in; tried, its value; low,
    high and log of its space (a choice from a list has no ends).
    """
    summary = results.summary
    runs = summary[summary["arm"].isin(tuned_arms(results))]
    runs = runs.merge(best_on_select(results), "left", on=RUN)
    labels = [*RUN, "loss", "status", "value"]
    tried = runs.melt(labels, option_columns(summary), "parameter", "tried")
    parts = []
    for (arm, parameter), own in tried.dropna(subset="tried").groupby(
        ["arm", "parameter"], sort=False
    ):
        values = own.loc[own["role"] == "tuning", "tried"]
        if values.nunique() > 1:
            space = space_of(results, arm, parameter, list(values))
            ends = {name: getattr(space, name, np.nan) for name in ("low", "high")}
            parts.append(own.assign(**ends, log=getattr(space, "log", False)))
    return pd.concat(parts, ignore_index=True)[_TRIED] if parts else pd.DataFrame(columns=_TRIED)


@cached
def importance_table(results: Analysis) -> pd.DataFrame:
    """A row a parameter of each arm with `FEWEST` finished trials or more that differ in two.

    Columns: arm; trials (finished ones); parameter; importance, the parameter's share by Optuna's
    default evaluator (PED-ANOVA, arXiv 2304.10255: how far the best tenth of the trials differs
    from all of them); shuffled, what 95 % of the shares stay below where the trials' values are
    shuffled, that is where no parameter matters.
    """
    table = trials_table(results)
    done = table[table["role"] == "tuning"].dropna(subset="value")
    rows = []
    for arm, own in done.groupby("arm", sort=False):
        tried = own.pivot(index="trial", columns="parameter", values="tried").dropna()
        values = own.groupby("trial")["value"].first().reindex(tried.index).to_numpy()
        names = list(own["parameter"].unique())
        if len(names) < 2 or len(values) < FEWEST or np.ptp(values) == 0:
            continue
        spaces = {name: space_of(results, arm, name, list(tried[name])) for name in names}
        rng = np.random.default_rng(0)
        shuffled = [rng.permutation(values) for _ in range(SHUFFLES)]
        shares = importances(tried[names].to_dict("records"), [values, *shuffled], spaces)
        chance = np.percentile(shares[1:], 95, axis=0)
        for each in zip(names, shares[0], chance, strict=True):
            rows.append((arm, len(values), *each))
    return pd.DataFrame(rows, columns=_IMPORTANCE)


def space_of(results: Analysis, arm: str, parameter: str, tried: Sequence[Any]) -> Space:
    """The parameter's space by the study file, or else by Optuna's record; what was tried spans it
    where neither has one that holds all of that."""
    study = results.study
    owner, _, option = parameter.partition(".")
    written: Mapping[Any, Space] = study.tuning.space
    if owner == "loss":
        own = [entry.space for entry in study.arms if arm in (entry.name, entry.loss)]
        written = next(filter(None, own), {})
    recorded = results.tuned_spaces.get(arm, {}).get(parameter)
    space = written.get(option, recorded)
    if space is not None and _holds(space, tried):
        return space
    return Float(min(tried), max(tried)) if _numbers(tried) else Choice(tuple(dict.fromkeys(tried)))


def _numbers(tried: Sequence[Any]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in tried)


def _holds(space: Space, tried: Sequence[Any]) -> bool:
    if isinstance(space, Float):
        if not _numbers(tried) or min(tried) < space.low or max(tried) > space.high:
            return False
        steps = (np.array(tried) - space.low) / (space.step or np.inf)
        return np.allclose(steps, steps.round())
    return all(value in space.values for value in tried)


def importances(
    trials: Sequence[Mapping[str, Any]], values: Sequence[np.ndarray], spaces: Mapping[str, Space]
) -> np.ndarray:
    """Optuna's importances: (ways to value the trials, parameters), each row adds up to 1."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: space.distribution() for name, space in spaces.items()}
    study = optuna.create_study()  # in memory
    study.add_trials(
        optuna.create_trial(params=dict(params), distributions=distributions, value=0.0)
        for params in trials
    )
    found = []
    with warnings.catch_warnings():  # that the least is the best
        warnings.simplefilter("ignore", UserWarning)
        for each in values:
            shares = optuna.importance.get_param_importances(
                study, params=list(spaces), target=lambda trial, each=each: -each[trial.number]
            )
            found.append([shares[name] for name in spaces])
    return np.array(found)
