"""What a run may consume. Everything that depends on a budget's unit is here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, cast

from pydantic import Field, model_validator

from bench.identity import Since
from bench.study._model import Positive, Table

Unit = Literal["examples", "steps", "seconds", "flops"]
Amount = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Consumed:
    """What a run has consumed so far, in every unit that a budget may have.

    Attributes:
        examples: triples trained on.
        steps: of the optimizer.
        seconds: of training.
        flops: of training, estimated (`bench.encoding.flops`).
    """

    examples: float
    steps: float
    seconds: float
    flops: float

    def after_step(self, examples: int) -> Consumed:
        """After one more step, as far as that is known before the step is taken."""
        return replace(self, examples=self.examples + examples, steps=self.steps + 1)


NOTHING = Consumed(0, 0, 0, 0)


class Budget(Table):
    """What a run may consume, in exactly one of these units."""

    examples: Annotated[Positive | None, Since("0.1", before=None)] = None
    steps: Annotated[Positive | None, Since("0.1", before=None)] = None
    seconds: Annotated[Amount | None, Since("0.1", before=None)] = None
    flops: Annotated[Amount | None, Since("0.1", before=None)] = None

    @model_validator(mode="after")
    def _one_binds(self) -> Budget:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"exactly one of {names} must be given, not {given or 'none'}")
        return self

    @property
    def unit(self) -> Unit:
        return cast(Unit, next(name for name, value in self if value is not None))

    @property
    def amount(self) -> float:
        return getattr(self, self.unit)

    def __str__(self) -> str:
        return f"{self.amount:,.10g} {self.unit}"

    def used(self, consumed: Consumed) -> float:
        """The share of it that is used."""
        return getattr(consumed, self.unit) / self.amount

    def progress(self, consumed: Consumed) -> str:
        """``1,200 of 4,000 examples``."""
        return f"{getattr(consumed, self.unit):,.0f} of {self.amount:,.0f} {self.unit}"

    def planned_examples(self, batch_size: int) -> int | None:
        """Examples of a run that uses all of it; `None` where only the run itself will tell."""
        return self.examples if self.steps is None else self.steps * batch_size

    def expected_examples(self, of_an_example: Consumed) -> float:
        """The same from what an example consumes; 0 where that is nothing."""
        rate = getattr(of_an_example, self.unit)
        return self.amount / rate if rate else 0.0

    def least_step(self, batch_size: int) -> float:
        """What a step surely uses of it."""
        return getattr(NOTHING.after_step(batch_size), self.unit)

    def smallest(self, steps: int, batch_size: int) -> Budget:
        """One of the same unit for so many steps at most, or for about a step."""
        wanted = steps * self.least_step(batch_size) or 1.0
        return Budget.model_validate({self.unit: min(wanted, self.amount)})
