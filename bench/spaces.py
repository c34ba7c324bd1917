"""Search spaces: the options of an arm that Optuna may vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from bench.errors import InputError
from bench.files import canonical

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Float:
    """A real number from ``low`` to ``high``, both included; ``step`` makes it a grid."""

    low: float
    high: float
    step: Annotated[float, Field(gt=0)] | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic space needs low > 0")
        if self.log and self.step is not None:
            raise ValueError("step and log exclude each other")

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def grid(self) -> list[float]:
        """Every value, where there is a step.

        Raises:
            InputError: the space is continuous.
        """
        if self.step is None:
            raise InputError(f"a grid needs a step or a list of values, not {self.low}…{self.high}")
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [canonical(self.low + index * self.step) for index in range(count)]

    def at(self, share: float) -> float:
        """The value that so much of the space lies below, 0 ≤ share < 1."""
        if self.step is not None:
            return _at(self.grid(), share)
        if self.log:
            return canonical(self.low * (self.high / self.low) ** share)
        return canonical(self.low + share * (self.high - self.low))


@dataclass(frozen=True, config=_STRICT)
class Choice:
    """One of a list of values."""

    values: Annotated[tuple[float | int | bool | str, ...], Field(min_length=1)]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def grid(self) -> list[Any]:
        return list(self.values)

    def at(self, share: float) -> Any:
        """The value that so much of the list lies before, 0 ≤ share < 1."""
        return _at(self.values, share)


def _at(values: Sequence[Any], share: float) -> Any:
    return values[min(int(share * len(values)), len(values) - 1)]


def _from_list(value: Any) -> Any:
    """A study file writes a choice as a plain list."""
    return {"values": value} if isinstance(value, list) else value


Space = Annotated[Float | Choice, BeforeValidator(_from_list)]
