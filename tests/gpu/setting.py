"""What the parts are measured with: a model, a collection, the GPU."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import torch

from bench import samplers, students
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.encoding.tokens import tokenize
from bench.storage.artifacts import Artifacts

LENGTH = 256
"""Most tokens of a text."""


class Setting:
    """The collection, the lab and the model's folder."""

    def __init__(self, model: str, collection: str, out: Path) -> None:
        self.model, self.collection, self.out = model, collection, out
        self.device = choose()
        artifacts = Artifacts(out / "artifacts")
        self.context = Context(open_collection(collection, artifacts), artifacts, self.device)
        self.stream = samplers.create("uniform").prepare(self.context)

    def student(self, model: str, **options: Any) -> Any:
        return students.create("pretrained", model=model, max_length=LENGTH, **options)

    def tokens(self, model: str, length: int) -> tuple[Any, Any]:
        texts = (self.stream.queries, self.context.collection.documents)
        return tuple(tokenize(part, model, length, self.context.artifacts) for part in texts)


def free() -> None:
    gc.collect()
    torch.cuda.empty_cache()
