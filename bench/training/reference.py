"""Reference rows: measured on the same queries as every arm, and not trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from bench import students
from bench.artifacts import Artifact, once
from bench.encoding.device import environment
from bench.encoding.towers import Towers
from bench.evaluation.bm25 import BM25
from bench.evaluation.evaluator import Evaluator, pool
from bench.evaluation.footprint import Footprint, count, footprint
from bench.evaluation.measured import keep_rankings
from bench.evaluation.ranking import Ranking, to_frame
from bench.lab import Lab
from bench.ledger import Bill, Clocks
from bench.records import RunFolder
from bench.specification import ReferenceSpecification
from bench.students.base import FromModel, Student
from bench.teachers.base import Teacher
from bench.teaching.labels import count_labels, labels_of
from bench.teaching.scorers import BiScorer
from bench.teaching.tunable import Ready
from bench.training.run import Report

RERANKED = 20
"""How many of BM25's first documents a teacher that cannot search puts into its own order."""


@dataclass
class Reference:
    """Measures something as it is, and leaves its record.

    Attributes:
        what: BM25 (`None`), an untrained student, or a teacher (fine-tuned where it is).
    """

    specification: ReferenceSpecification
    what: Student | Teacher | None
    folder: RunFolder
    lab: Lab
    report: Report

    def execute(self) -> None:
        clocks = Clocks()
        with clocks("start"):
            ranker = self._ranker()
        self.report("measuring dev")
        with clocks("evaluate"):
            dev = to_frame(ranker.dev(), 0)
        self.report("measuring test")
        with clocks("test"):
            for there in self.lab.tests(self.specification.tests):
                rankings = ranker.tests(there.lab, list(there.parts.values()))
                keep_rankings(self.folder, there, rankings)
        self.folder.write_table("rankings", dev)
        curve = {"point": 0, "examples": 0, "steps": 0, "train_seconds": 0.0}
        self.folder.write_table("curve", pd.DataFrame([curve]))
        bills = list(once(bill for artifact in ranker.artifacts for bill in artifact.bills))
        self.folder.write_bills(
            [
                *bills,
                *(
                    Bill(phase, "reference", seconds, device=self.lab.device.label)
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
                **count_labels(labels_of(bills, self.lab.artifacts.root)),
                "best_point": 0,
                "select": None,
                **asdict(ranker.footprint()),
                "unpriced": self._unpriced(),
                "collection": self.lab.describe_collection(),
                "notes": self.what.notes() if self.what else [],
                "environment": environment(self.lab.device),
            }
        )

    def _unpriced(self) -> str | None:
        teacher = self.what.inherits() if isinstance(self.what, Student) else self.what
        return teacher.unpriced() if teacher else None

    def _ranker(self) -> Ranker:
        if self.what is None:
            return BM25Ranker(self)
        if isinstance(self.what, Student):
            student = self.what
            torch.manual_seed(0)  # for one that is drawn; a run's own point 0 is drawn by its seed
            towers = student.build(self.lab)
            return EncoderRanker(self, student, towers, towers.artifacts, untrained=True)
        ready = self.what.reference(self.lab)
        scorer = ready.scorer
        if not isinstance(scorer, BiScorer):
            return Reranker(self, ready)
        names = (field.name for field in fields(FromModel))
        options = {key: ready.teacher.options[key] for key in names}
        student = students.create("pretrained", **options)
        towers = Towers(scorer.encoder)
        return EncoderRanker(self, student, towers, ready.artifacts, untrained=False)


class Ranker(Protocol):
    """Ranks the queries of dev, and of the test parts of any lab's collection."""

    artifacts: tuple[Artifact, ...]

    def dev(self) -> Ranking: ...

    def tests(self, lab: Lab, parts: Sequence[str]) -> dict[str, Ranking]: ...

    def footprint(self) -> Footprint: ...


class BM25Ranker:
    """BM25 over the same documents as everybody else, the dev pool included."""

    artifacts: tuple[Artifact, ...] = ()

    def __init__(self, reference: Reference) -> None:
        self._collection = reference.lab.collection
        self._evaluation = reference.specification.evaluation

    def dev(self) -> Ranking:
        positions = None
        if self._evaluation.pool:
            positions = pool(self._collection, self._evaluation.pool)
        index = BM25(self._collection, positions)
        return index.rank(self._collection.part("dev").queries, self._evaluation.depth)

    def tests(self, lab: Lab, parts: Sequence[str]) -> dict[str, Ranking]:
        index = BM25(lab.collection)
        return {
            part: index.rank(lab.collection.part(part).queries, self._evaluation.depth)
            for part in parts
        }

    def footprint(self) -> Footprint:
        return Footprint(parameters=0)


class EncoderRanker:
    """A student, or a teacher that is one, as it is."""

    def __init__(
        self,
        reference: Reference,
        student: Student,
        towers: Towers,
        artifacts: tuple[Artifact, ...],
        untrained: bool,
    ) -> None:
        self._lab = lab = reference.lab
        self._student = student
        self._evaluation = reference.specification.evaluation
        self._evaluator = Evaluator(lab, student, self._evaluation)
        self._towers = lab.device.put(towers)
        self._known = untrained and not student.drawn
        self.artifacts = artifacts

    def dev(self) -> Ranking:
        if self._known:
            return self._evaluator.untrained("dev")
        return self._evaluator.rank(self._towers, "dev")

    def tests(self, lab: Lab, parts: Sequence[str]) -> dict[str, Ranking]:
        return Evaluator(lab, self._student, self._evaluation).rank_parts(self._towers, parts)

    def footprint(self) -> Footprint:
        return footprint(self._towers, self._student, self._evaluator, self._lab, trained=False)


class Reranker:
    """A teacher that scores pairs: BM25's first documents in its order."""

    def __init__(self, reference: Reference, ready: Ready) -> None:
        self._bm25 = BM25Ranker(reference)
        self._lab = reference.lab
        self._ready = ready
        self.artifacts = ready.artifacts

    def dev(self) -> Ranking:
        return self._rerank(self._lab, "dev", self._bm25.dev())

    def tests(self, lab: Lab, parts: Sequence[str]) -> dict[str, Ranking]:
        found = self._bm25.tests(lab, parts)
        return {part: self._rerank(lab, part, found[part]) for part in parts}

    def _rerank(self, lab: Lab, part: str, found: Ranking) -> Ranking:
        queries = lab.collection.part(part).queries
        first = replace(self._ready.reading, lab=lab, texts=queries).rerank(
            self._ready.scorer,
            np.arange(len(queries)),
            found.documents[:, :RERANKED],
        )
        documents = np.concatenate([first, found.documents[:, RERANKED:]], axis=1)
        scores = np.arange(documents.shape[1], 0, -1, dtype=np.float32)
        return Ranking(documents, np.tile(scores, (len(documents), 1)))

    def footprint(self) -> Footprint:
        return Footprint(parameters=count([self._ready.scorer]))
