"""Reference rows: measured on the same queries as every arm, and not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from bench.encoding.device import environment
from bench.evaluation.bm25 import BM25
from bench.evaluation.evaluator import Evaluator, pool
from bench.evaluation.ranking import Ranking, to_frame, write_trec
from bench.lab import Lab
from bench.ledger import Bill, Clocks
from bench.records import RunFolder
from bench.specification import ReferenceSpecification
from bench.students.base import Student
from bench.training.run import Report


@dataclass
class Reference:
    """Measures BM25 (``student`` is `None`) or an encoder as it is, and leaves its record."""

    specification: ReferenceSpecification
    student: Student | None
    folder: RunFolder
    lab: Lab
    report: Report

    def execute(self) -> None:
        clocks = Clocks()
        with clocks("start"):
            ranker: Ranker = BM25Ranker(self) if self.student is None else EncoderRanker(self)
        self.report("measuring dev")
        with clocks("evaluate"):
            dev = to_frame(ranker.dev(), 0)
        self.report("measuring test")
        with clocks("test"):
            for part, ranking in ranker.tests().items():
                trec = self.folder.trec(part)
                write_trec(trec, ranking, self.lab.collection, part, self.specification.id)
        self.folder.write_table("rankings", dev)
        curve = {"point": 0, "examples": 0, "steps": 0, "train_seconds": 0.0}
        self.folder.write_table("curve", pd.DataFrame([curve]))
        self.folder.write_bills(
            [
                Bill(phase, "reference", seconds, device=self.lab.device.label)
                for phase, seconds in clocks.all().items()
            ]
        )
        self.folder.finish(
            {
                "status": "done",
                "specification": self.specification.record,
                "examples": 0,
                "steps": 0,
                "best_point": 0,
                "select": None,
                "parameters": ranker.parameters,
                "unpriced": None,
                "collection": self.lab.describe_collection(),
                "environment": environment(self.lab.device),
            }
        )


class Ranker(Protocol):
    """Ranks the queries of dev and of the test parts."""

    parameters: int

    def dev(self) -> Ranking: ...

    def tests(self) -> dict[str, Ranking]: ...


class BM25Ranker:
    """BM25 over the same documents as everybody else, the dev pool included."""

    parameters = 0

    def __init__(self, reference: Reference) -> None:
        self._collection = reference.lab.collection
        self._evaluation = reference.specification.evaluation
        self._tests = reference.specification.tests

    def dev(self) -> Ranking:
        positions = None
        if self._evaluation.pool:
            positions = pool(self._collection, self._evaluation.pool)
        index = BM25(self._collection, positions)
        return index.rank(self._collection.part("dev").queries, self._evaluation.depth)

    def tests(self) -> dict[str, Ranking]:
        index = BM25(self._collection)
        return {
            part: index.rank(self._collection.part(part).queries, self._evaluation.depth)
            for part in self._tests
        }


class EncoderRanker:
    """An encoder as it is."""

    def __init__(self, reference: Reference) -> None:
        lab, student = reference.lab, reference.student
        assert student is not None
        self._evaluator = Evaluator(
            lab.collection, student, reference.specification.evaluation, lab.artifacts, lab.device
        )
        self._encoder = student.build().to(lab.device.place)
        self._tests = reference.specification.tests
        self.parameters = sum(value.numel() for value in self._encoder.parameters())

    def dev(self) -> Ranking:
        return self._evaluator.untrained("dev")

    def tests(self) -> dict[str, Ranking]:
        return self._evaluator.rank_parts(self._encoder, self._tests)
