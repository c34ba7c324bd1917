"""The base classes of student architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from bench import encoding
from bench.deprecation import Renamed, adopt_old_names, renamed
from bench.encoding.declaration import (
    Declaration,
    check_encoder,
    declaration,
    departures,
    model_default,
)
from bench.encoding.modules import Pooling
from bench.encoding.text_config import TextConfig
from bench.losses.signals import Similarity
from bench.registry import Entry
from bench.storage.files import digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.context import Context
    from bench.encoding.encoder import Encoder
    from bench.encoding.towers import Towers
    from bench.teachers.base import Teacher
    from bench.teachers.bi_encoder import BiEncoder


ProjectionStart = Literal["random", "orthogonal", "pca", "procrustes", "least-squares"]
"""How the initial weights of a linear layer are chosen; ``projected`` explains each."""


@dataclass(frozen=True)
class Student(Entry):
    """A description of the bi-encoder to train, which builds its towers."""

    drawn = Renamed("randomly_initialised")
    inherits = Renamed("document_teacher")
    query_side = Renamed("query_config")
    document_side = Renamed("document_config")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        adopt_old_names(cls)

    @property
    def similarity(self) -> Similarity:
        """How two vectors are compared; passed to losses."""
        raise NotImplementedError

    @property
    def query_config(self) -> TextConfig:
        """How queries are read."""
        raise NotImplementedError

    @property
    def document_config(self) -> TextConfig:
        """How documents are read."""
        raise NotImplementedError

    @property
    def randomly_initialised(self) -> bool:
        """Whether building it draws some weights at random."""
        return False

    def models(self) -> list[str]:
        """The names of all models it is made of, so that missing ones are found early."""
        raise NotImplementedError

    def parts(self) -> Sequence[FromModel | BiEncoder]:
        """The entries it is made of that have one model each."""
        return []

    def check(self) -> None:
        """Check its models and options without loading weights.

        Raises:
            InputError: a model cannot be used, or an option does not fit a model.
        """
        for part in self.parts():
            part.check()

    def check_weights(self) -> None:
        """Check that the files of its models hold all their weights.

        Raises:
            InputError: they do not.
        """
        for part in self.parts():
            part.check_weights()

    def notes(self) -> list[str]:
        """How its options differ from what its models say of themselves, one line each."""
        return [note for part in self.parts() for note in part.notes()]

    def weights(self) -> str:
        """A digest of the weights it starts from, which is part of a run's id."""
        digests = [encoding.weights_digest(model) for model in self.models()]
        return digests[0] if len(digests) == 1 else digest(digests)

    def document_teacher(self) -> Teacher | None:
        """The teacher whose stored document vectors it uses; `None` for most students."""
        return None

    def build(self, context: Context) -> Towers:
        """The untrained student; random weights are drawn from torch's global generator."""
        raise NotImplementedError


@dataclass(frozen=True)
class OneEncoder(Student):
    """A student whose one encoder reads queries and documents."""

    @property
    def projects(self) -> bool:
        """Whether its encoder has a linear layer after the pooling."""
        return False

    def encoder(self, context: Context, start: PreTrainedModel | None = None) -> Encoder:
        """The untrained encoder.

        Args:
            start: the transformer to make it from, which may be changed in place; by default the
                student's model is loaded.
        """
        raise NotImplementedError

    def build(self, context: Context) -> encoding.Towers:
        return encoding.Towers(self.encoder(context))


@dataclass(frozen=True)
class FromModel(OneEncoder):
    """A student made from one pretrained encoder.

    Options that are left out are read from the model's folder if it is one of
    sentence-transformers; else they are mean pooling, cosine, 256 tokens and no prompt.

    Attributes:
        model: the encoder it starts from: the bundled one's name, a folder, or a hub id.
        pooling: how token states become one vector.
        similarity: how two vectors are compared; passed to losses.
        max_length: most tokens of a document, special tokens included.
        query_length: most tokens of a query; 0 means as for documents.
        query_prompt, document_prompt: text put before every query or document.
    """

    model: str = "all-MiniLM-L6-v2"
    pooling: Pooling = model_default()
    similarity: Similarity = model_default()
    max_length: Annotated[int, Ge(4)] = model_default()
    query_length: Annotated[int, Ge(0)] = 0
    query_prompt: str = model_default()
    document_prompt: str = model_default()

    @property
    def declares(self) -> Declaration:
        """What its model's folder says of itself."""
        return declaration(self.model)

    @property
    def query_config(self) -> TextConfig:
        return TextConfig(
            self.declares.body, self.query_length or self.max_length, self.query_prompt
        )

    @property
    def document_config(self) -> TextConfig:
        return TextConfig(self.declares.body, self.max_length, self.document_prompt)

    @property
    def projects(self) -> bool:
        modules = self.declares.modules
        return modules is not None and modules.dense is not None

    def models(self) -> list[str]:
        return [self.model]

    def parts(self) -> list[FromModel]:
        return [self]

    def check(self) -> None:
        check_encoder(self)

    def check_weights(self) -> None:
        encoding.load_tokenizer(self.declares.body)
        self.transformer()

    def notes(self) -> list[str]:
        return departures(self)

    def transformer(self, start: PreTrainedModel | None = None) -> PreTrainedModel:
        """The transformer of its encoder: ``start``, or the model's with its weights loaded.

        Raises:
            InputError: the model's files lack weights.
        """
        return start or encoding.load_transformer(self.declares.body)

    def encoder(self, context: Context, start: PreTrainedModel | None = None) -> Encoder:
        modules = self.declares.modules
        encoder = encoding.TransformerEncoder(
            self.transformer(start), self.pooling, self.similarity
        )
        return modules.add_head(encoder) if modules else encoder


__getattr__ = renamed(__name__, {"Side": TextConfig})
