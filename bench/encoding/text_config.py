"""How the texts of one side, queries or documents, are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import encoding

if TYPE_CHECKING:
    from bench.collections.base import Texts
    from bench.encoding.tokens import Tokens
    from bench.storage.artifacts import Artifacts


@dataclass(frozen=True)
class TextConfig:
    """How the texts of one side, queries or documents, are read.

    Attributes:
        model: name or folder of the model whose tokenizer is used.
        max_length: most tokens of a text, special tokens and prompt included.
        prompt: text put before every text.
    """

    model: str
    max_length: int
    prompt: str

    def tokens(self, texts: Texts, artifacts: Artifacts) -> Tokens:
        """The token ids of these texts, from the artifacts if they are there, else made."""
        return encoding.tokenize(texts, self.model, self.max_length, artifacts, self.prompt)
