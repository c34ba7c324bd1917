"""Everything that a run trains with, built from its specification."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.context import Context
from bench.encoding.tokens import Tokens
from bench.encoding.towers import Towers
from bench.encoding.trained_rows import decay_with, train_rows
from bench.losses.base import Objective
from bench.optimization.optimizer import make_optimizer
from bench.optimization.seeds import derive_seed
from bench.storage.artifacts import Artifact, unique_bills
from bench.storage.ledger import Bill
from bench.training.batches import BatchMaker
from bench.training.evaluator import Evaluator
from bench.training.specification import RunSpecification
from bench.triples.self_mined import SelfMinedStream
from bench.triples.stream import DrawPlan, TripleStream


@dataclass(frozen=True)
class Setup:
    """What a run trains with.

    Attributes:
        towers: the student.
        evaluator: ranks with it.
        stream: the triples.
        batches: made of them, with the teacher's signals.
        objective: the loss.
        modules: everything that trains, by the name that its file in a checkpoint gets.
        optimizer: of their parameters.
        artifacts: everything it reads that was prepared.
    """

    towers: Towers
    evaluator: Evaluator
    stream: TripleStream
    batches: BatchMaker
    objective: Objective
    modules: dict[str, torch.nn.Module]
    optimizer: torch.optim.Optimizer
    artifacts: tuple[Artifact, ...]

    @classmethod
    def of(cls, specification: RunSpecification, context: Context) -> Setup:
        """Build it, and prepare the artifacts that are not there yet."""
        arm, device = specification.arm, context.device
        torch.manual_seed(specification.seed)
        towers: Towers = device.place(arm.student.build(context))
        towers.train()
        evaluator = Evaluator(context, arm.student, specification.evaluation)
        stream = arm.sampler.prepare(context)
        signal_source = arm.teacher.prepare(
            arm.loss.needs(), _draw_plan(specification, stream), context
        )
        queries = evaluator.queries(stream.queries)
        documents = None if towers.stored else evaluator.documents
        for encoder, texts in zip(towers.encoders, _texts(towers, queries, documents), strict=True):
            train_rows(encoder, texts)
        # A loss's own parameters start from a random stream of their own.
        torch.manual_seed(derive_seed(specification.seed, "loss"))
        objective = arm.loss.build(towers.width, signal_source.width)
        modules: dict[str, torch.nn.Module] = {"student": towers}
        if isinstance(objective, torch.nn.Module):
            modules["loss"] = device.place(objective)
        optimizer = make_optimizer(modules.values(), arm.training.weight_decay)
        decay_with(optimizer, [towers])
        return cls(
            towers=towers,
            evaluator=evaluator,
            stream=stream,
            batches=BatchMaker(
                stream,
                towers,
                queries,
                documents,
                signal_source,
                device,
                specification.seed,
                arm.training.gradient_cache,
            ),
            objective=objective,
            modules=modules,
            optimizer=optimizer,
            artifacts=(
                *([documents.artifact] if documents else []),
                queries.artifact,
                *towers.artifacts,
                *stream.artifacts,
                *signal_source.artifacts,
            ),
        )

    @property
    def bills(self) -> tuple[Bill, ...]:
        """What its artifacts cost, each once."""
        return unique_bills(bill for artifact in self.artifacts for bill in artifact.bills)

    @property
    def self_mined(self) -> SelfMinedStream | None:
        """The stream, where the student mines its own negatives."""
        return self.stream if isinstance(self.stream, SelfMinedStream) else None


def _texts(towers: Towers, queries: Tokens, documents: Tokens | None) -> list[list[Tokens]]:
    """What each of the student's encoders reads in training."""
    sides = [side for side in (queries, documents) if side is not None]
    return [sides] if towers.shared else [[side] for side in sides]


def _draw_plan(specification: RunSpecification, stream: TripleStream) -> DrawPlan:
    """What the run will draw, as far as that is known before it trains."""
    size = specification.arm.training.batch_size
    examples = specification.budget.planned_examples(size)
    if isinstance(stream, SelfMinedStream):
        examples = None  # it depends on what the student will have learnt
    return DrawPlan(stream, specification.seed, size, examples)
