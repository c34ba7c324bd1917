"""Scoring pairs of a query and a document with a cross-encoder, tokenizing included."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bench import teachers
from bench.context import Context
from bench.encoding.models import locate
from bench.encoding.tokens import tokenize
from bench.storage.artifacts import Artifacts
from tests.performance.setting import MODEL, Action, autocast, kept_artifacts, run_of, their_context

CHUNK = 4096
"""Pairs that a teacher reads at a time."""


def ours(collection: str, layers: int, length: int, pairs: int, precision: str) -> Action:
    _, context = run_of(collection, layers, length, triples=32, precision=precision)
    model = classifier(layers)
    name = f"cross-encoder(model='{model}', max_length={length}, fine_tune=false)"
    scorer = context.device.place(teachers.create(name).scorer()).eval()
    asked, found = _drawn(context, pairs)

    @torch.inference_mode()
    def act() -> None:
        with TemporaryDirectory() as folder:
            artifacts = Artifacts(Path(folder))
            texts = context.collection.part("train").queries, context.collection.documents
            queries, documents = (tokenize(side, str(model), length, artifacts) for side in texts)
            for start in range(0, pairs, CHUNK):
                stop = start + CHUNK
                rows = queries.rows(asked[start:stop]), documents.rows(found[start:stop])
                scorer.scores(*rows, context.device)

    return act


def theirs(collection: str, layers: int, length: int, pairs: int, precision: str) -> Action:
    from sentence_transformers import CrossEncoder

    context = their_context(collection)
    # A pair of ours has two texts of at most so many tokens.
    model = CrossEncoder(str(classifier(layers)), max_length=2 * length, device="cpu")
    asked, found = _drawn(context, pairs)
    queries = context.collection.part("train").queries.take(asked)
    documents = context.collection.documents.take(found)
    given = [*zip(queries, documents, strict=True)]

    def act() -> None:
        with autocast(precision):
            model.predict(given, batch_size=32)

    return act


def classifier(layers: int) -> Path:
    """The folder of a classifier with one output, made of an encoder's first layers."""
    folder = kept_artifacts().root / f"classifier-{layers}"
    if not folder.exists():
        torch.manual_seed(0)
        source = str(locate(MODEL))
        model = AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=1, num_hidden_layers=layers
        )
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def _drawn(context: Context, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    sides = context.collection.part("train").queries, context.collection.documents
    asked, found = (draw.integers(len(side), size=pairs) for side in sides)
    return asked, found
