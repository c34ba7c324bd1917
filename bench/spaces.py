"""Search spaces: the options of an arm that Optuna may vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Strict, Tag
from pydantic.dataclasses import dataclass

from bench.errors import InputError
from bench.lazy import Library
from bench.storage.files import canonical

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
else:
    optuna = Library("optuna")


# Strictness is set per field, because a strict dataclass would not accept a table.
_CHECKED = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
_Real = Annotated[float, Strict()]


@dataclass(frozen=True, config=_CHECKED)
class Float:
    """A real number from ``low`` to ``high``, both included; ``step`` makes it a grid."""

    low: _Real
    high: _Real
    step: Annotated[_Real, Field(gt=0)] | None = None
    log: Annotated[bool, Strict()] = False

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic space needs low > 0")
        if self.log and self.step is not None:
            raise ValueError("step and log exclude each other")

    def distribution(self) -> BaseDistribution:
        return optuna.distributions.FloatDistribution(
            self.low, self.high, log=self.log, step=self.step
        )

    def grid(self) -> list[float]:
        """All values of a space with a step.

        Raises:
            InputError: the space is continuous.
        """
        if self.step is None:
            raise InputError(f"a grid needs a step or a list of values, not {self.low}…{self.high}")
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [canonical(self.low + index * self.step) for index in range(count)]

    def at(self, share: float) -> float:
        """The value below which this share of the space lies, 0 ≤ share < 1."""
        if self.step is not None:
            return _at(self.grid(), share)
        if self.log:
            return canonical(self.low * (self.high / self.low) ** share)
        return canonical(self.low + share * (self.high - self.low))


def _choices(values: Any) -> tuple[Any, ...]:
    """Check that these are values that Optuna can choose from: plain ones, each once."""
    if not isinstance(values, list | tuple) or not values:
        raise ValueError("choices are a list of one value or more")
    seen = set()
    for value in values:
        if not isinstance(value, float | int | bool | str):
            raise ValueError(f"a choice is a number, text or true/false, not {value!r}")
        key = (isinstance(value, bool), canonical(value))  # true is not 1, and 1.0 is
        if key in seen:
            raise ValueError(f"every choice once; {value!r} is there again")
        seen.add(key)
    return tuple(values)


@dataclass(frozen=True, config=_CHECKED)
class Choice:
    """One of a list of values."""

    values: Annotated[tuple[float | int | bool | str, ...], BeforeValidator(_choices)]

    def distribution(self) -> BaseDistribution:
        return optuna.distributions.CategoricalDistribution(self.values)

    def grid(self) -> list[Any]:
        return list(self.values)

    def at(self, share: float) -> Any:
        """The value before which this share of the list lies, 0 ≤ share < 1."""
        return _at(self.values, share)


def _at(values: Sequence[Any], share: float) -> Any:
    return values[min(int(share * len(values)), len(values) - 1)]


def _from_list(value: Any) -> Any:
    """Accept a choice as a plain list, as study files write it."""
    if isinstance(value, list):
        return {"values": value}
    if not isinstance(value, dict | Float | Choice):
        raise ValueError("a space is a list of values, or a table of low and high")
    return value


def _kind(value: Any) -> str:
    chosen = "values" in value if isinstance(value, dict) else isinstance(value, Choice)
    return "choice" if chosen else "range"


Space = Annotated[
    Annotated[Float, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(_kind),
    BeforeValidator(_from_list),
]
