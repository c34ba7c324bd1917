"""The base class of teachers that are a model: which one, its text lengths, its fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt

from bench import encoding, teachers
from bench.encoding.declaration import Declaration, check_encoder, declaration
from bench.miniature import AtMost
from bench.teachers._loaded_teacher import LoadedTeacher
from bench.teachers.base import Teacher

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.context import Context
    from bench.teachers._scorers import Scorer


@dataclass(frozen=True)
class NeuralTeacher(Teacher):
    """A teacher that is a model, used as it is or fine-tuned on the collection's train part.

    Attributes:
        model: the bundled encoder's name, a folder, or a hub id.
        max_length: most tokens of a document, special tokens included.
        query_length: most tokens of a query; 0 means as for documents.
        fine_tune: train it first (`bench.teachers._fine_tuning`), at a cost that is charged;
            otherwise it is used as it is, and no bill covers its own training.
        examples, negatives, batch_size, learning_rate, seed: of the fine-tuning.
    """

    model: str = "all-MiniLM-L6-v2"
    max_length: Annotated[int, Ge(8)] = 256
    query_length: Annotated[int, Ge(0)] = 0
    fine_tune: bool = False
    examples: Annotated[int, Ge(1), AtMost(16)] = 2000
    negatives: Annotated[int, Ge(1)] = 3
    batch_size: Annotated[int, Ge(1), AtMost(4)] = 8
    learning_rate: Annotated[float, Gt(0)] = 1e-4
    seed: int = 0

    ranks = True

    def scorer(self) -> Scorer:
        """The model before fine-tuning."""
        raise NotImplementedError

    def weights(self) -> str:
        return encoding.weights_digest(self.model)

    def models(self) -> list[str]:
        return [self.model]

    @property
    def declares(self) -> Declaration:
        """What its model's folder says of itself."""
        return declaration(self.model)

    def check(self) -> None:
        check_encoder(self)

    def check_weights(self) -> None:
        self.scorer()

    def unpriced(self) -> str:
        return f"the {'pretraining' if self.fine_tune else 'training'} of {self.model}"

    def tokenize(self, queries: Texts, context: Context) -> teachers.TokenizedTexts:
        """These queries and the collection's documents as the model reads them."""
        return teachers.TokenizedTexts(
            self.declares.body, self.max_length, self.query_length, queries, context
        )

    def load(self, queries: Texts, context: Context) -> LoadedTeacher:
        """The teacher's model for these queries and the collection's documents, fine-tuned if
        ``fine_tune`` is set."""
        tokenized = self.tokenize(queries, context)
        tuned = None
        if self.fine_tune:
            train = tokenized.of(context.collection.part("train").queries)
            tuned = teachers.FineTuning(self, context, train).artifact()
        return LoadedTeacher(self, tokenized, tuned)

    def reference(self, context: Context) -> LoadedTeacher:
        return self.load(context.collection.part("train").queries, context)
