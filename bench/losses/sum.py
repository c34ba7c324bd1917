"""A weighted sum of losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, MinLen

from bench import losses
from bench.errors import InputError, did_you_mean
from bench.lazy import Library
from bench.losses.base import Loss, Objective
from bench.losses.signals import Embeddings, Signal, Signals, Similarity
from bench.registry import EntryText, parse_entry
from bench.spaces import Float, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")

Parts = Mapping[str, tuple[float, Objective]]
"""Weight and loss by name."""

WEIGHT = Float(0.1, 10.0, log=True)
"""Default search space of every weight but the first, which is fixed and sets the scale."""


@losses.register("sum", version=1)
@dataclass(frozen=True)
class Sum(Loss):
    """Σ weight · part: any losses, each written as anywhere else.

    ``sum(parts=["infonce", "list-kl(direction='reverse')"])``. Without ``weights`` all are 1, and
    tuning varies all but the first; given ``weights`` are not tuned. A search space names them
    ``<part>.weight``, and a part's own options ``<part>.<option>``, where <part> is the loss's name
    (``infonce-2`` for the second of that name). Each part is logged, unweighted, as
    ``loss.<part>``.

    Shapes, units and needs: those of the parts.
    Source: any work that adds objectives up; arXiv 2301.12005 (``embed-distill``) for one.
    """

    parts: Annotated[tuple[str, ...], MinLen(1), EntryText(losses.registry)]
    weights: tuple[Annotated[float, Ge(0)], ...] = ()

    family = "sums"

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.parts)} parts, but {len(self.weights)} weights")
        if self.weights and not any(self.weights):
            raise ValueError("every weight is 0: nothing would be trained")
        _ = self.members  # so that wrong parts are refused now

    @cached_property
    def members(self) -> dict[str, tuple[float, Loss]]:
        """Each part's weight and loss, by the name under which it is logged."""
        created = [losses.create(part) for part in self.parts]
        names: list[str] = []
        seen: Counter[str] = Counter()
        for part in created:
            seen[part.name] += 1
            names.append(part.name if seen[part.name] == 1 else f"{part.name}-{seen[part.name]}")
        weights = self.weights or (1.0,) * len(created)
        return dict(zip(names, zip(weights, created, strict=True), strict=True))

    def identifying_options(self) -> dict[str, Any]:
        options = super().identifying_options()
        del options["weights"]  # they are given with the parts below
        parts = [(weight, part.specification) for weight, part in self.members.values()]
        return {**options, "parts": parts}

    def needs(self) -> frozenset[Signal]:
        return frozenset().union(*(part.needs() for _, part in self.members.values()))

    def needs_labels(self) -> bool:
        return any(part.needs_labels() for _, part in self.members.values())

    def check_similarity(self, similarity: Similarity) -> None:
        for _, part in self.members.values():
            part.check_similarity(similarity)

    def contrasts_batch(self) -> bool:
        return any(part.contrasts_batch() for weight, part in self.members.values() if weight)

    def reach(self, similarity: Similarity) -> float:
        return min(part.reach(similarity) for weight, part in self.members.values() if weight)

    def space(self) -> dict[str, Space]:
        space: dict[str, Space] = {}
        for number, (name, (_, part)) in enumerate(self.members.items()):
            if number and not self.weights:
                space[f"{name}.weight"] = WEIGHT
            _, fixed = parse_entry(self.parts[number])
            own = {key: value for key, value in part.space().items() if key not in fixed}
            space |= {f"{name}.{option}": value for option, value in own.items()}
        return space

    def vary(self, values: Mapping[str, Any]) -> Loss:
        chosen: dict[str, dict[str, Any]] = {name: {} for name in self.members}
        for key, value in values.items():
            name, _, option = key.partition(".")
            if name not in chosen or not option:
                raise InputError(
                    f"{self.name}: {key!r} names no part's option{did_you_mean(name, chosen)}"
                )
            chosen[name][option] = value
        weights, parts = [], []
        for name, (weight, part) in self.members.items():
            weights.append(chosen[name].pop("weight", weight))
            parts.append(str(part.vary(chosen[name])))
        return losses.create(self, parts=parts, weights=weights)

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        return add(self.members, student, teacher)

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        return watch(self.members, student, teacher)

    def build(self, student_width: int, teacher_width: int) -> Objective:
        built = {
            name: (weight, part.build(student_width, teacher_width))
            for name, (weight, part) in self.members.items()
        }
        return losses.SumModule(built)


def add(parts: Parts, student: Embeddings, teacher: Signals) -> Tensor:
    """The weighted sum of the parts' losses of a batch."""
    values = [weight * part(student, teacher) for weight, part in parts.values()]
    return torch.stack(values).sum()


def watch(parts: Parts, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
    """Each part's loss, unweighted, and its own diagnostics."""
    watched: dict[str, Tensor] = {}
    for name, (_, part) in parts.items():
        watched[f"loss.{name}"] = part(student, teacher)
        own = part.diagnostics(student, teacher)
        watched |= {f"loss.{name}.{key}": value for key, value in own.items()}
    return watched
