"""Reference rows: measured on the same queries as every arm, and not trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from bench import students
from bench.context import Context
from bench.encoding.device import environment
from bench.encoding.towers import Towers
from bench.evaluation.bm25 import BM25
from bench.evaluation.footprint import Footprint, count
from bench.evaluation.measured import keep_rankings
from bench.evaluation.ranking import Ranking, to_frame
from bench.storage.artifacts import Artifact, unique_bills
from bench.storage.ledger import Bill, PhaseTimer
from bench.storage.records import RunFolder
from bench.students.base import FromModel, Student
from bench.teachers import BiScorer, LoadedTeacher, Teacher
from bench.training.evaluator import Evaluator, pool
from bench.training.run import Report
from bench.training.specification import ReferenceSpecification
from bench.triples.labels import count_labels, labels_of

RERANKED = 20
"""How many of BM25's first documents a teacher that cannot search re-ranks."""


@dataclass
class Reference:
    """Measures something without training it, and leaves its record.

    Attributes:
        what: BM25 (`None`), an untrained student, or a teacher (fine-tuned where it is).
    """

    specification: ReferenceSpecification
    what: Student | Teacher | None
    folder: RunFolder
    context: Context
    report: Report

    def execute(self) -> None:
        clocks = PhaseTimer()
        with clocks("start"):
            ranker = self._ranker()
        self.report("measuring dev")
        with clocks("evaluate"):
            dev = to_frame(ranker.dev(), 0)
        self.report("measuring test")
        with clocks("test"):
            for tested in self.context.tests(self.specification.tests):
                rankings = ranker.tests(tested.context, list(tested.parts.values()))
                keep_rankings(self.folder, tested, rankings)
        self.folder.write_table("rankings", dev)
        curve = {"point": 0, "examples": 0, "steps": 0, "train_seconds": 0.0}
        self.folder.write_table("curve", pd.DataFrame([curve]))
        bills = list(unique_bills(bill for artifact in ranker.artifacts for bill in artifact.bills))
        self.folder.write_bills(
            [
                *bills,
                *(
                    Bill(phase, "reference", seconds, device=self.context.device.label)
                    for phase, seconds in clocks.all().items()
                ),
            ]
        )
        self.folder.finish(
            {
                "status": "done",
                "specification": self.specification.record,
                "examples": 0,
                "steps": 0,
                **count_labels(labels_of(bills, self.context.artifacts.root)),
                "best_point": 0,
                "select": None,
                **asdict(ranker.footprint()),
                "unpriced": self._unpriced(),
                "collection": self.context.describe_collection(),
                "notes": self.what.notes() if self.what else [],
                "environment": environment(self.context.device, self.context.workers),
            }
        )

    def _unpriced(self) -> str | None:
        teacher = self.what.document_teacher() if isinstance(self.what, Student) else self.what
        return teacher.unpriced() if teacher else None

    def _ranker(self) -> Ranker:
        if self.what is None:
            return BM25Ranker(self)
        if isinstance(self.what, Student):
            student = self.what
            torch.manual_seed(0)  # for one that is drawn; a run's own point 0 is drawn by its seed
            towers = student.build(self.context)
            return EncoderRanker(self, student, towers, towers.artifacts, untrained=True)
        loaded = self.what.reference(self.context)
        scorer = loaded.scorer
        if not isinstance(scorer, BiScorer):
            return Reranker(self, loaded)
        names = (field.name for field in fields(FromModel))
        options = {key: loaded.teacher.options[key] for key in names}
        student = students.create("pretrained", **options)
        towers = Towers(scorer.encoder)
        return EncoderRanker(self, student, towers, loaded.artifacts, untrained=False)


class Ranker(Protocol):
    """Ranks the queries of dev, and of the test parts of any collection."""

    artifacts: tuple[Artifact, ...]

    def dev(self) -> Ranking: ...

    def tests(self, context: Context, parts: Sequence[str]) -> dict[str, Ranking]: ...

    def footprint(self) -> Footprint: ...


class BM25Ranker:
    """BM25 over the same documents as everybody else, the dev pool included."""

    artifacts: tuple[Artifact, ...] = ()

    def __init__(self, reference: Reference) -> None:
        self._collection = reference.context.collection
        self._evaluation = reference.specification.evaluation

    def dev(self) -> Ranking:
        positions = None
        if self._evaluation.pool:
            positions = pool(self._collection, self._evaluation.pool)
        index = BM25(self._collection, positions)
        return index.rank(self._collection.part("dev").queries, self._evaluation.depth)

    def tests(self, context: Context, parts: Sequence[str]) -> dict[str, Ranking]:
        index = BM25(context.collection)
        return {
            part: index.rank(context.collection.part(part).queries, self._evaluation.depth)
            for part in parts
        }

    def footprint(self) -> Footprint:
        return Footprint(parameters=0)


class EncoderRanker:
    """A student, or a teacher that is a bi-encoder."""

    def __init__(
        self,
        reference: Reference,
        student: Student,
        towers: Towers,
        artifacts: tuple[Artifact, ...],
        untrained: bool,
    ) -> None:
        self._context = context = reference.context
        self._student = student
        self._evaluation = reference.specification.evaluation
        self._evaluator = Evaluator(context, student, self._evaluation)
        self._towers = context.device.place(towers)
        self._known = untrained and not student.randomly_initialised
        self.artifacts = artifacts

    def dev(self) -> Ranking:
        if self._known:
            return self._evaluator.untrained("dev")
        return self._evaluator.rank(self._towers, "dev")

    def tests(self, context: Context, parts: Sequence[str]) -> dict[str, Ranking]:
        return Evaluator(context, self._student, self._evaluation).rank_parts(self._towers, parts)

    def footprint(self) -> Footprint:
        return self._evaluator.footprint(self._towers, trained=False)


class Reranker:
    """A teacher that scores pairs: it re-ranks BM25's first documents."""

    def __init__(self, reference: Reference, loaded: LoadedTeacher) -> None:
        self._bm25 = BM25Ranker(reference)
        self._context = reference.context
        self._loaded = loaded
        self.artifacts = loaded.artifacts

    def dev(self) -> Ranking:
        return self._rerank(self._context, "dev", self._bm25.dev())

    def tests(self, context: Context, parts: Sequence[str]) -> dict[str, Ranking]:
        found = self._bm25.tests(context, parts)
        return {part: self._rerank(context, part, found[part]) for part in parts}

    def _rerank(self, context: Context, part: str, found: Ranking) -> Ranking:
        queries = context.collection.part(part).queries
        first = replace(self._loaded.tokenized, context=context, texts=queries).rerank(
            self._loaded.scorer,
            np.arange(len(queries)),
            found.documents[:, :RERANKED],
        )
        documents = np.concatenate([first, found.documents[:, RERANKED:]], axis=1)
        scores = np.arange(documents.shape[1], 0, -1, dtype=np.float32)
        return Ranking(documents, np.tile(scores, (len(documents), 1)))

    def footprint(self) -> Footprint:
        return Footprint(parameters=count([self._loaded.scorer]))
