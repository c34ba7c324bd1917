"""Reference rows: measured on the same queries as every arm, and not trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bench.encoding.device import environment
from bench.evaluation.bm25 import BM25
from bench.evaluation.evaluator import Evaluator, pool
from bench.evaluation.ranking import Ranking, to_frame, write_trec
from bench.ledger import Bill, Clocks
from bench.records import RunFolder
from bench.specification import ReferenceSpecification
from bench.students.base import Student
from bench.training.run import Lab, Report


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
            rank, parameters = self._ranker()
        collection = self.lab.collection
        self.report("measuring dev")
        with clocks("evaluate"):
            dev = to_frame(rank("dev"), 0)
        with clocks("test"):
            for part in self.specification.tests:
                self.report(f"measuring {part}")
                trec = self.folder.trec(part)
                write_trec(trec, rank(part), collection, part, self.specification.id)
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
                "parameters": parameters,
                "unpriced": None,
                "collection": self.lab.describe_collection(),
                "environment": environment(self.lab.device),
            }
        )

    def _ranker(self) -> tuple[Callable[[str], Ranking], int]:
        """What ranks a part's queries, and its number of parameters."""
        lab, evaluation = self.lab, self.specification.evaluation
        if self.student is None:
            indexes = {"": BM25(lab.collection)}
            if evaluation.pool:
                indexes["dev"] = BM25(lab.collection, pool(lab.collection, evaluation.pool))

            def rank(part: str) -> Ranking:
                queries = lab.collection.part(part).queries
                return indexes.get(part, indexes[""]).rank(queries, evaluation.depth)

            return rank, 0
        evaluator = Evaluator(lab.collection, self.student, evaluation, lab.artifacts, lab.device)
        encoder = self.student.build()
        return evaluator.untrained, sum(value.numel() for value in encoder.parameters())
