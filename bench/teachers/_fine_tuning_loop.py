"""The steps of a teacher's fine-tuning: localized contrastive estimation (arXiv 2101.08751)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from bench.encoding.device import Device
from bench.optimization.loop import Diagnostics, Loop, Progress
from bench.optimization.optimizer import make_optimizer
from bench.optimization.schedule import Schedule
from bench.optimization.seeds import derive_seed
from bench.triples.stream import Triples

if TYPE_CHECKING:
    from bench.teachers._neural import NeuralTeacher
    from bench.teachers._scorers import Scorer
    from bench.teachers._tokenized_texts import TokenizedTexts

WARMUP, CLIP, WEIGHT_DECAY = 0.1, 1.0, 0.01


class FineTuningLoop(Loop[Triples]):
    """Softmax cross-entropy of the positive among itself and its K negatives.

    Attributes:
        scorer: what trains.
        optimizer: its state is saved beside the scorer's.
        progress: how many examples are done.
    """

    def __init__(
        self, teacher: NeuralTeacher, scorer: Scorer, tokenized: TokenizedTexts, device: Device
    ) -> None:
        super().__init__(
            f"fine-tuning {teacher}",
            [scorer],
            make_optimizer([scorer], WEIGHT_DECAY),
            Schedule(teacher.learning_rate, WARMUP, "linear"),
            CLIP,
            Progress(),
            device,
        )
        self._teacher = teacher
        self.scorer = scorer
        self._tokenized = tokenized

    def used(self, more: int = 0) -> float:
        return (self.progress.examples + more) / self._teacher.examples

    def dropout_seed(self) -> int:
        return derive_seed(self._teacher.seed, "teacher dropout", self.progress.examples)

    def loss(self, batch: Triples) -> tuple[Tensor, Diagnostics]:
        queries = self._tokenized.queries.rows(batch.queries)
        documents = self._tokenized.documents.rows(batch.documents.ravel())
        scores = self.scorer.scores(queries, documents, self._device) / self.scorer.temperature
        return (scores.logsumexp(1) - scores[:, 0]).mean(), dict
