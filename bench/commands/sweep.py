"""``bench sweep``: a study with one arm for each combination of values of a loss's options."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench import losses
from bench.collections.open import resolve
from bench.commands._compose import SharedOptions, compose
from bench.commands.run import carry_out, results_folder
from bench.errors import InputError
from bench.losses import Loss
from bench.losses.sum import Sum
from bench.registry import first_problem, format_entry, parse_entry, toml_value
from bench.spaces import Float
from bench.storage.files import check_target
from bench.study.file import read_value
from bench.study.schema import Study

LIMIT = 200
"""The most arms a sweep may have."""


def sweep_options(
    loss: str,
    options: Sequence[str],
    others: Sequence[str],
    seeds: str,
    baseline: str | None,
    shared: SharedOptions,
    save: Path | None,
    out: Path | None,
    artifacts: Path,
    mlflow: bool,
) -> None:
    """Run the study of the loss at every combination of its options' values.

    Args:
        save: a new file for the study.

    Raises:
        InputError: an argument is wrong, or the file exists.
        BenchError: a run failed, while everything else was done.
    """
    study = design(loss, options, others, seeds, baseline, shared)
    if save:
        results_folder(study, out)  # fails before the study is saved
        _save(study, save)
    carry_out(study, out, artifacts, mlflow)


def design(
    loss: str,
    options: Sequence[str],
    others: Sequence[str],
    seeds: str,
    baseline: str | None,
    shared: SharedOptions,
) -> Study:
    """The study: one arm per combination, the first option varying slowest, then the other losses.

    Args:
        options: as for `_read_option`.
        others: losses that become one arm each, unchanged.
        seeds: separated by commas.
        baseline: an arm's name; by default the first arm's.

    Raises:
        InputError: an argument is wrong.
    """
    losses.registry.get(parse_entry(loss)[0])
    axes = _read_options(options)
    _limit(math.prod(len(values) for values in axes.values()) + len(others))
    varied = [option for option, values in axes.items() if len(values) > 1] or list(axes)
    arms = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        name = ", ".join(f"{option}={_format(chosen[option])}" for option in varied)
        try:
            arms.append(shared.arm(name, *_create(loss, chosen)))
        except InputError as error:
            raise InputError(f"arm {name!r}: {error}") from None
    for other in others:
        created = losses.create(other)
        arms.append(shared.arm(str(created), created, other))
    for arm in arms:
        arm["space"] = {}  # tuning must not change the options that arms are named after
    subject = "-".join([loss, *axes])
    title = f"How sensitive is {loss} to {' and '.join(varied)}?"
    return compose(
        "sweep", subject, title, arms, _read_seeds(seeds), baseline or arms[0]["name"], shared
    )


def _create(text: str, chosen: Mapping[str, Any]) -> tuple[Loss, str]:
    """(the loss with these options, its text for a study file, where defaults are written too)."""
    own = {option: value for option, value in chosen.items() if "." not in option}
    of_parts = {option: value for option, value in chosen.items() if "." in option}
    loss = losses.create(text, **own)
    if of_parts:
        loss = loss.vary(of_parts)
        return loss, _write_parts(loss, of_parts) if isinstance(loss, Sum) else str(loss)
    name, given = parse_entry(text)
    return loss, format_entry(name, {**given, **own})


def _write_parts(loss: Sum, chosen: Mapping[str, Any]) -> str:
    parts = list(loss.parts)
    for key, value in chosen.items():
        part, _, option = key.partition(".")
        if option != "weight":
            number = list(loss.members).index(part)
            _, parts[number] = _create(parts[number], {option: value})
    return format_entry(loss.name, {**loss.options, "parts": parts})


def _read_options(options: Sequence[str]) -> dict[str, list[Any]]:
    axes: dict[str, list[Any]] = {}
    for text in options:
        name, values = _read_option(text)
        if name in axes:
            raise InputError(f"--option {text!r}: {name} is given twice")
        axes[name] = values
    return axes


def _read_option(text: str) -> tuple[str, list[Any]]:
    """(name, values) of ``name=low:high:step`` (both ends included), ``name=v1,v2`` or ``name=v``.

    Raises:
        InputError: the text is none of these.
    """
    name, _, value_text = (part.strip() for part in text.partition("="))
    if not name or not value_text:
        raise InputError(
            f"--option {text!r}: must be name=low:high:step, name=value,value,… or name=value"
        )
    numbers = [read_value(part) for part in value_text.split(":")]
    if len(numbers) > 1 and _is_number(numbers[0]):
        return name, _read_grid(text, numbers)
    values = read_value(f"[{value_text}]")
    if not isinstance(values, list):  # plain words
        values = [read_value(part) for part in value_text.split(",")]
    for number, value in enumerate(values):
        if not (isinstance(value, bool | str | list) or _is_number(value)) or value == "":
            raise InputError(f"--option {text!r}: {str(value)!r} is not an option's value")
        if value in values[:number]:
            raise InputError(f"--option {text!r}: {_format(value)} is given twice")
    return name, values


def _read_grid(text: str, numbers: Sequence[Any]) -> list[Any]:
    """All numbers of a grid; integers if low, high and step are."""
    if len(numbers) != 3 or not all(_is_number(number) for number in numbers):
        raise InputError(f"--option {text!r}: a grid is low:high:step, three numbers")
    low, high, step = numbers
    try:
        grid = Float(low, high, step=step)
    except ValidationError as error:
        raise InputError(f"--option {text!r}: {first_problem(error)}") from None
    _limit(int(min((high - low) / step, 1e18) + 1e-9) + 1)  # before any list is made
    whole = all(isinstance(number, int) for number in numbers)
    return [int(value) if whole else value for value in grid.grid()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _limit(arms: int) -> None:
    if arms > LIMIT:
        raise InputError(f"sweep: {arms:,} arms; at most {LIMIT} are run")


def _format(value: Any) -> str:
    return value if isinstance(value, str) else toml_value(value)


def _read_seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise InputError(f"--seeds {text!r}: must be whole numbers, as 1,2,3") from None


def _save(study: Study, path: Path) -> None:
    """Write the study to a new file, after checking its collection."""
    if path.exists():
        raise InputError(
            f"--save-study {path}: there is something already; name a new file, or go on with "
            f"`bench run {path}` and the same --out"
        )
    check_target("--save-study", path)
    resolve(study.collection)
    study.write(path)
