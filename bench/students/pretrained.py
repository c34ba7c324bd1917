"""A whole pretrained encoder."""

from __future__ import annotations

from dataclasses import dataclass

from bench import students
from bench.students.base import FromModel


@students.register("pretrained", version=1)
@dataclass(frozen=True)
class Pretrained(FromModel):
    """A pretrained encoder as it is, shared by queries and documents."""
