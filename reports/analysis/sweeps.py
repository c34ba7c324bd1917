"""Which arms of a study are a sweep: they differ in one numeric option of their loss alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from bench.errors import InputError
from bench.registry import format_entry, parse_entry, toml_value
from reports.analysis.base import Analysis, cached
from reports.analysis.selectors import arms, final_runs, option_columns

LEAST_VALUES = 3
"""Arms of two values are a comparison, no sweep."""

_AXES = ("teacher", "student", "sampler")
_ANY = "…"


@dataclass(frozen=True)
class Sweep:
    """Arms by their value, rising.

    Attributes:
        label: what they share, as much as tells it from other sweeps.
        shared: the same without the student.
    """

    label: str
    shared: str
    student: str
    option: str
    arms: Mapping[float, str]


@cached
def find_sweeps(results: Analysis) -> list[Sweep]:
    """The sweeps of a study that have enough values, in the order of its arms."""
    found: dict[_Key, dict[float, str]] = {}
    runs = final_runs(results).groupby("arm", sort=False)
    first = {run["arm"]: run for run in runs.head(1).to_dict("records")}
    for arm in arms(results):
        for key, value in _places(results, first[arm]) if arm in first else ():
            found.setdefault(key, {}).setdefault(value, arm)
    kept = [key for key, values in found.items() if len(values) >= LEAST_VALUES]
    return [
        Sweep(
            label=_label(results, key, kept, _AXES),
            shared=_label(results, key, kept, [axis for axis in _AXES if axis != "student"]),
            student=key.student,
            option=key.option,
            arms=dict(sorted(found[key].items())),
        )
        for key in kept
    ]


def told_apart(text: str, among: Iterable[str]) -> str:
    """Shortest label of a written entry that is unique, as `bench.registry.shortest_label`."""
    name, options = parsed(text)
    alike = [theirs for other, theirs in map(parsed, among) if other == name]
    own = {
        key: value
        for key, value in options.items()
        if any(theirs.get(key) != value for theirs in alike)
    }
    return format_entry(name, own)


class _Key(NamedTuple):
    """What the arms of a sweep share; `others` and `training` are options with their values."""

    loss: str
    option: str
    others: tuple[tuple[str, str], ...]
    teacher: str
    student: str
    sampler: str
    training: tuple[tuple[str, Any], ...]


def _places(results: Analysis, run: Mapping[str, Any]) -> Iterator[tuple[_Key, float]]:
    """The sweeps that an arm may be in: one for each numeric option of its loss."""
    name, written = parsed(run["loss"])
    columns = option_columns(results.summary)
    tuned = {key.removeprefix("loss.") for key in columns if _is_loss_option(key, run)}
    options = {**results.loss_defaults.get(name, {}), **written}
    texts = {key: "tuned" if key in tuned else toml_value(options[key]) for key in sorted(options)}
    training = _training(results, columns, run)
    axes = {axis: str(run[axis]) for axis in _AXES}
    for option, value in options.items():
        if option not in tuned and _is_number(value):
            others = tuple((key, text) for key, text in texts.items() if key != option)
            yield _Key(name, option, others, training=training, **axes), float(value)


def _is_loss_option(column: str, run: Mapping[str, Any]) -> bool:
    """Whether it is an option of the loss that tuning has chosen for the run."""
    return column.startswith("loss.") and not pd.isna(run[column])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _training(
    results: Analysis, columns: list[str], run: Mapping[str, Any]
) -> tuple[tuple[str, Any], ...]:
    """The arm's own options of training; those that were tuned are no part of what it is."""
    study = results.study
    tuned = set(study.tuning.space) if study.tuning.trials else set()
    keys = [key.removeprefix("training.") for key in columns if key.startswith("training.")]
    said = {key: run[f"training.{key}"] for key in keys if key not in tuned}
    return tuple(
        (key, getattr(study.training, key) if pd.isna(value) else value)
        for key, value in said.items()
    )


def parsed(text: object) -> tuple[str, dict[str, Any]]:
    """An entry's name and options; what is no entry is a name as a whole."""
    try:
        return parse_entry(str(text))
    except InputError:
        return str(text), {}


def _label(results: Analysis, key: _Key, among: Iterable[_Key], axes: Iterable[str]) -> str:
    """``static-margin(margin=…) + static``: the loss, and what sweeps of the study differ in."""
    usual = {
        name: toml_value(value) for name, value in results.loss_defaults.get(key.loss, {}).items()
    }
    others = [f"{name}={text}" for name, text in key.others if usual.get(name) != text]
    parts = [f"{key.loss}({', '.join([f'{key.option}={_ANY}', *others])})"]
    for axis in axes:
        texts = dict.fromkeys(getattr(other, axis) for other in among)
        if len(texts) > 1:
            parts.append(told_apart(getattr(key, axis), texts))
    differing = {pair for other in among for pair in set(key.training) ^ set(other.training)}
    parts += [f"{name}={value:g}" for name, value in key.training if (name, value) in differing]
    return " + ".join(parts)
