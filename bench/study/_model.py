"""What the tables of a study file share: strictness, and the kinds of numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST = 10**15
"""The largest count allowed; products of two still fit into 64 bits."""


def _whole(value: Any) -> Any:
    """Read ``4e5``, a float in TOML, as the integer it means."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, Field(ge=0, le=MOST), BeforeValidator(_whole)]
Positive = Annotated[int, Field(gt=0, le=MOST), BeforeValidator(_whole)]
Fraction = Annotated[float, Field(gt=0, le=1)]


class Table(BaseModel):
    """A table of a study file."""

    # Strict: true is not 1, and "1" is not 1.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
