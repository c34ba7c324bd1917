"""What a run is charged: the bills of what it read and did, and the labels it has used up."""

from __future__ import annotations

from typing import Any

from bench.context import Context
from bench.encoding.flops import training_flops
from bench.storage.ledger import Bill, PhaseTimer, due_part
from bench.teachers.base import Teacher
from bench.training.setup import Setup
from bench.training.specification import RunSpecification
from bench.training.state import State
from bench.triples.labels import count_labels, drawn_labels, labels_of
from bench.triples.stream import DrawPlan


def bills(
    specification: RunSpecification, setup: Setup, state: State, clocks: PhaseTimer, device: str
) -> list[Bill]:
    """What the run's artifacts cost, what reading them cost, and the phases of the run itself.

    Args:
        device: its label.
    """
    charged = [due_part(bill, state.examples) for bill in setup.bills]
    charged += [
        Bill("read", str(artifact.name), artifact.read_seconds) for artifact in setup.artifacts
    ]
    amounts: dict[str, Any] = {
        "train": {
            "examples": state.examples,
            "texts": state.texts,
            "tokens": sum(state.tokens),
            "flops": sum(map(training_flops, setup.towers.encoders, state.tokens)),
        }
    }
    for phase, seconds in clocks.all().items():
        what = ", ".join(specification.tests) if phase == "test" else "run"
        if phase != "test" or specification.tests:
            charged.append(Bill(phase, what, seconds, device=device, **amounts.get(phase, {})))
    return charged


def used_labels(
    specification: RunSpecification, setup: Setup, examples: int, context: Context
) -> dict[str, int]:
    """Train queries and labels that this training took, and its teachers' fine-tuning."""
    used = labels_of(setup.bills, context.artifacts.root)
    arm = specification.arm
    if arm.sampler.labelled:
        plan = DrawPlan(setup.stream, specification.seed, arm.training.batch_size, examples)
        used.append(drawn_labels(plan))
    return count_labels(used)


def unpriced(*teachers: Teacher | None) -> str | None:
    """The costs of making these teachers that are on no bill, in words."""
    costs = [teacher.unpriced() for teacher in teachers if teacher]
    return "; ".join(dict.fromkeys(cost for cost in costs if cost)) or None
