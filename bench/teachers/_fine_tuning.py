"""Fine-tuning a teacher on the collection's train part: an artifact with a bill.

Negatives come from BM25's ranking. Points along the way are measured on dev-select by re-ranking
BM25's first documents; the best is kept, ties to the earliest.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.context import Context
from bench.encoding.flops import forward_flops, training_flops
from bench.evaluation.bm25 import BM25
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking
from bench.optimization.optimizer import load_moments, save_moments
from bench.optimization.seeds import derive_seed
from bench.optimization.warming import warm_optimizer
from bench.progress import narrate
from bench.storage.artifacts import Artifact, BuildReport, shard
from bench.storage.files import atomic, atomic_folder, save_array
from bench.teachers._fine_tuning_loop import FineTuningLoop
from bench.teachers._tokenized_texts import TokenizedTexts
from bench.triples.labels import LABELS, TUNED, drawn_labels
from bench.triples.ranked import bm25, mined_stream
from bench.triples.stream import DrawPlan, TripleStream

if TYPE_CHECKING:
    from bench.teachers._neural import NeuralTeacher
    from bench.teachers._scorers import Scorer

POINTS = (0.0, 0.5, 1.0)
"""Shares of the examples after which the teacher is measured."""

MEASURE, CANDIDATES, QUERIES = "nDCG@10", 10, 100
"""What chooses, over so many of BM25's first documents, for at most so many dev-select queries."""


VERSION = 2
"""Of the artifact's files; raised where older ones must be made anew (1 had no labels)."""


@dataclass
class FineTuning:
    """One teacher's training."""

    teacher: NeuralTeacher
    context: Context
    tokenized: TokenizedTexts

    def artifact(self) -> Artifact:
        """The fine-tuned weights, made or found: ``model.safetensors``.

        Beside them the (query, document) positions that were taken for labels: ``labels.npy``.
        """
        specification = {
            "version": VERSION,
            "teacher": self.teacher.specification,
            "weights": self.teacher.weights(),
            "collection": self.context.collection.fingerprint,
            "precision": self.context.device.precision,
        }
        needs = (*self._stream.artifacts, *self.tokenized.artifacts)
        return self.context.artifacts.get(TUNED, specification, self._make, needs)

    @cached_property
    def _stream(self) -> TripleStream:
        return mined_stream(self.context, bm25(self.context), self.teacher.negatives)

    @property
    def _plan(self) -> DrawPlan:
        teacher = self.teacher
        return DrawPlan(self._stream, teacher.seed, teacher.batch_size, teacher.examples)

    def _make(self, folder: Path) -> BuildReport:
        torch.manual_seed(derive_seed(self.teacher.seed, "teacher"))
        device = self.context.device
        scorer = device.place(self.teacher.scorer())
        loop = FineTuningLoop(self.teacher, scorer, self.tokenized, device)
        warming = self._warm_up(loop)
        points = [
            shard(folder, f"point-{number}", partial(self._point, loop, folder, number))
            for number in range(len(POINTS))
        ]
        values = [float(value[0]) for value in points]
        best = int(np.argmax(values))
        chosen = folder / "model.safetensors"
        if not chosen.exists():  # else a kill came while what follows deleted the states
            with atomic(chosen) as aside:
                shutil.copy(folder / f"state-{best}" / "model.safetensors", aside)
        save_array(folder / LABELS, drawn_labels(self._plan))
        trained, measured = self._tokens(scorer)
        for path in [*folder.glob("state-*"), *folder.glob("point-*.npy")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return BuildReport(
            texts=self.teacher.examples * (2 + self.teacher.negatives),
            tokens=trained,
            flops=training_flops(scorer, trained) + forward_flops(scorer, measured),
            device=device.label,
            about={"measure": f"dev-select {MEASURE}", "points": values, "best_point": best},
            warming=warming,
        )

    def _warm_up(self, loop: FineTuningLoop) -> float:
        """Compute the first step without taking it; seconds of that."""
        since = time.perf_counter()
        warm_optimizer(self.context.device)
        loop.scorer.train()
        loop.rehearse(repeat(next(self._plan.batches())))
        return time.perf_counter() - since

    def _point(self, loop: FineTuningLoop, folder: Path, number: int) -> np.ndarray:
        """Train up to a point, measure it, keep its state."""
        before = folder / f"state-{number - 1}"
        # Only now is the point before recorded, so that nobody goes on from an earlier one.
        (folder / f"state-{number - 2}" / "optimizer.safetensors").unlink(missing_ok=True)
        if number and not loop.progress.examples and before.exists():
            loop.scorer.restore(before / "model.safetensors")
            load_moments(loop.optimizer, before / "optimizer.safetensors")
            loop.progress.examples = self._goal(number - 1)
        self._train(loop, self._goal(number))
        value = self._measure(loop)
        with atomic_folder(folder / f"state-{number}") as aside:
            loop.scorer.save(aside / "model.safetensors")
            save_moments(loop.optimizer, aside / "optimizer.safetensors")
        return np.array([value])

    def _goal(self, number: int) -> int:
        """Examples trained on at a point."""
        return round(POINTS[number] * self.teacher.examples)

    def _train(self, loop: FineTuningLoop, goal: int) -> None:
        teacher = self.teacher
        batches = self._plan.batches(loop.progress.examples, goal)
        loop.scorer.train()
        while (done := loop.progress.examples) < goal:
            narrate(f"fine-tuning {teacher.name}: {done:,} of {teacher.examples:,} examples")
            loop.advance(batches, goal / teacher.examples)
            loop.check_loss()
        loop.check_weights()

    @cached_property
    def _candidates(self) -> tuple[np.ndarray, np.ndarray]:
        """dev-select queries [n]; the first documents of each [n, CANDIDATES], -1 for none."""
        collection = self.context.collection
        queries = collection.dev_halves()["dev-select"][:QUERIES]
        ranking = BM25(collection).rank(collection.part("dev").queries, CANDIDATES)
        return queries, ranking.documents[queries]

    def _measure(self, loop: FineTuningLoop) -> float:
        """The scorer's mean value on dev-select."""
        queries, candidates = self._candidates
        dev = self.context.collection.part("dev")
        ranked = self.tokenized.of(dev.queries).rerank(loop.scorer, queries, candidates)
        documents = np.full((len(dev.queries), candidates.shape[1]), -1, dtype=np.int64)
        documents[queries] = ranked
        ranking = Ranking(documents, np.zeros(documents.shape, dtype=np.float32))
        return float(per_query(dev, ranking, [MEASURE], queries)[MEASURE].mean())

    def _tokens(self, scorer: Scorer) -> tuple[int, int]:
        """Tokens trained on, and tokens read to measure."""
        trained = 0
        for triples in self._plan.batches():
            trained += scorer.tokens(
                self.tokenized.queries.rows(triples.queries),
                self.tokenized.documents.rows(triples.documents.ravel()),
            )
        queries, candidates = self._candidates
        asked = self.tokenized.of(self.context.collection.part("dev").queries).queries
        measured = 0
        for at, row in enumerate(candidates):
            if len(documents := self.tokenized.documents.rows(row[row >= 0])):
                measured += scorer.tokens(asked.rows(queries[at : at + 1]), documents)
        return trained, len(POINTS) * measured
