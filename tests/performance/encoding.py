"""Encoding a collection's documents."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.encoding.encoder import encode
from bench.encoding.tokens import tokenize
from bench.storage.artifacts import Artifacts
from tests.performance.setting import Action, autocast, run_of, their_context, their_model


def ours(collection: str, layers: int, length: int, precision: str) -> Action:
    """From texts."""
    specification, context = run_of(collection, layers, length, triples=32, precision=precision)
    student, texts = specification.arm.student, context.collection.documents
    encoder = context.device.place(student.encoder(context))

    def act() -> None:
        with TemporaryDirectory() as folder:  # tokens that are kept would cost nothing
            documents = tokenize(texts, student.model, length, Artifacts(Path(folder)))
            encode(encoder, documents, np.arange(len(documents)), context.device, "documents")

    return act


def from_tokens(collection: str, layers: int, length: int, precision: str) -> Action:
    specification, context = run_of(collection, layers, length, triples=32, precision=precision)
    student, texts = specification.arm.student, context.collection.documents
    encoder = context.device.place(student.encoder(context))
    documents = tokenize(texts, student.model, length, context.artifacts)
    everything = np.arange(len(documents))
    return lambda: encode(encoder, documents, everything, context.device, "documents")


def theirs(collection: str, layers: int, length: int, precision: str) -> Action:
    context = their_context(collection)
    texts = context.collection.documents.texts.to_pylist()
    model = their_model(context, layers, length)

    def act() -> None:
        with autocast(precision):
            model.encode(texts, batch_size=64)

    return act
