"""Fine-tuning a teacher on the collection's train part: an artifact with a bill.

The objective is softmax cross-entropy of the positive among itself and K negatives from BM25's
ranking (localized contrastive estimation, arXiv 2101.08751). Points along the way are measured on
dev-select by re-ranking BM25's first documents; the best is kept, ties to the earliest.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.context import Context
from bench.encoding.flops import forward_flops, training_flops
from bench.evaluation.bm25 import BM25
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking
from bench.optimization.optimizer import load_moments, make_optimizer, save_moments
from bench.optimization.schedule import factor
from bench.optimization.seeds import derive_seed
from bench.optimization.warming import seconds_for_nothing
from bench.progress import narrate
from bench.storage.artifacts import Artifact, BuildReport, shard
from bench.storage.files import atomic, atomic_folder, save_array
from bench.teachers._tokenized_texts import TokenizedTexts
from bench.triples.labels import LABELS, TUNED, drawn_labels
from bench.triples.ranked import bm25, mined_stream
from bench.triples.stream import DrawPlan, TripleStream

if TYPE_CHECKING:
    from bench.teachers._neural import NeuralTeacher

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
        self._scorer = self.context.device.place(self.teacher.scorer())
        self._optimizer = make_optimizer([self._scorer], weight_decay=0.01)
        self._at = 0
        warming = self._warm_up()
        found = [
            shard(folder, f"point-{number}", partial(self._point, folder, number))
            for number in range(len(POINTS))
        ]
        values = [float(value[0]) for value in found]
        best = int(np.argmax(values))
        chosen = folder / "model.safetensors"
        if not chosen.exists():  # else a kill came while what follows deleted the states
            with atomic(chosen) as aside:
                shutil.copy(folder / f"state-{best}" / "model.safetensors", aside)
        save_array(folder / LABELS, drawn_labels(self._plan))
        trained, measured = self._tokens()
        for path in [*folder.glob("state-*"), *folder.glob("point-*.npy")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return BuildReport(
            texts=self.teacher.examples * (2 + self.teacher.negatives),
            tokens=trained,
            flops=training_flops(self._scorer, trained) + forward_flops(self._scorer, measured),
            device=self.context.device.label,
            about={"measure": f"dev-select {MEASURE}", "points": values, "best_point": best},
            warming=warming,
        )

    def _warm_up(self) -> float:
        """Seconds of computing the first step for nothing."""
        first = partial(self._scores, 0, min(self.teacher.batch_size, self.teacher.examples))
        return seconds_for_nothing(first, [self._scorer.train()], self.context.device)

    def _point(self, folder: Path, number: int) -> np.ndarray:
        """Train up to a point, measure it, keep its state."""
        goal = round(POINTS[number] * self.teacher.examples)
        before = folder / f"state-{number - 1}"
        if number and self._at == 0 and before.exists():
            self._scorer.restore(before / "model.safetensors")
            load_moments(self._optimizer, before / "optimizer.safetensors")
            self._at = round(POINTS[number - 1] * self.teacher.examples)
        self._train(goal)
        value = self._measure()
        with atomic_folder(folder / f"state-{number}") as aside:
            self._scorer.save(aside / "model.safetensors")
            save_moments(self._optimizer, aside / "optimizer.safetensors")
        (before / "optimizer.safetensors").unlink(missing_ok=True)
        return np.array([value])

    def _train(self, goal: int) -> None:
        teacher, scorer = self.teacher, self._scorer
        scorer.train()
        while self._at < goal:
            stop = min(self._at + teacher.batch_size, goal)
            narrate(f"fine-tuning {teacher.name}: {self._at:,} of {teacher.examples:,} examples")
            torch.manual_seed(derive_seed(teacher.seed, "teacher dropout", self._at))
            for group in self._optimizer.param_groups:
                share = stop / teacher.examples
                group["lr"] = teacher.learning_rate * factor(share, 0.1, "linear")
            scores = self._scores(self._at, stop) / scorer.temperature
            (scores.logsumexp(1) - scores[:, 0]).mean().backward()
            torch.nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            self._at = stop

    def _scores(self, start: int, stop: int) -> Tensor:
        """Of the drawn examples ``start`` … ``stop - 1``, the positive's first: [n, 1 + K]."""
        triples = self._stream.batch(self.teacher.seed, start, stop)
        queries = self.tokenized.queries.rows(triples.queries)
        documents = self.tokenized.documents.rows(triples.documents.ravel())
        return self._scorer.scores(queries, documents, self.context.device)

    @cached_property
    def _candidates(self) -> tuple[np.ndarray, np.ndarray]:
        """dev-select queries [n]; the first documents of each [n, CANDIDATES], -1 for none."""
        collection = self.context.collection
        queries = collection.dev_halves()["dev-select"][:QUERIES]
        ranking = BM25(collection).rank(collection.part("dev").queries, CANDIDATES)
        return queries, ranking.documents[queries]

    def _measure(self) -> float:
        """The scorer's mean value on dev-select."""
        queries, candidates = self._candidates
        dev = self.context.collection.part("dev")
        ranked = self.tokenized.of(dev.queries).rerank(self._scorer, queries, candidates)
        documents = np.full((len(dev.queries), candidates.shape[1]), -1, dtype=np.int64)
        documents[queries] = ranked
        ranking = Ranking(documents, np.zeros(documents.shape, dtype=np.float32))
        return float(per_query(dev, ranking, [MEASURE], queries)[MEASURE].mean())

    def _tokens(self) -> tuple[int, int]:
        """Tokens trained on, and tokens read to measure."""
        trained = 0
        for triples in self._plan.batches():
            trained += self._scorer.tokens(
                self.tokenized.queries.rows(triples.queries),
                self.tokenized.documents.rows(triples.documents.ravel()),
            )
        queries, candidates = self._candidates
        asked = self.tokenized.of(self.context.collection.part("dev").queries).queries
        measured = 0
        for at, row in enumerate(candidates):
            if len(documents := self.tokenized.documents.rows(row[row >= 0])):
                measured += self._scorer.tokens(asked.rows(queries[at : at + 1]), documents)
        return trained, len(POINTS) * measured
