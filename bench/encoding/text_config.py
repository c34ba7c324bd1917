"""How the texts of one side are read."""

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
    """How the texts of one side are read.

    Attributes:
        model: whose tokenizer.
        max_length: most tokens of a text, special tokens and prompt included.
        prompt: what is written before every text.
    """

    model: str
    max_length: int
    prompt: str

    def tokens(self, texts: Texts, artifacts: Artifacts) -> Tokens:
        """These texts as token ids, made or found."""

        return encoding.tokenize(texts, self.model, self.max_length, artifacts, self.prompt)
