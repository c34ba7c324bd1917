"""What is trained and encoded with: ours and theirs, of the same encoder's first layers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import Device
from bench.encoding.models import locate
from bench.execution.opening import open_context
from bench.storage.artifacts import Artifacts
from bench.study.arms import resolve_arms
from bench.study.schema import parse_study
from bench.training.specification import RunSpecification

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Action = Callable[[], None]

MODEL = "all-MiniLM-L6-v2"
PLACE = "cuda" if torch.cuda.is_available() else "cpu"
DECAY, CLIP, RATE, TEMPERATURE = 0.01, 1.0, 1e-5, 0.05


def their_model(context: Context, layers: int, length: int) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer, models

    transformer = models.Transformer(str(locate(MODEL)), max_seq_length=length)
    stack = transformer.auto_model.encoder
    stack.layer = stack.layer[:layers]
    pooling = models.Pooling(transformer.get_embedding_dimension())
    device = context.device.torch.type
    return SentenceTransformer(modules=[transformer, pooling], device=device)


def their_context(collection: str) -> Context:
    """The collection on the device that ours uses, with none of our settings of torch or memory."""
    device = Device(torch.device(PLACE), "float32")
    artifacts = kept_artifacts()
    return Context(open_collection(collection, artifacts), artifacts, device)


def kept_artifacts() -> Artifacts:
    """Prepared once for all processes."""
    return Artifacts(Path(tempfile.gettempdir()) / f"bench-performance-{os.getuid()}")


def autocast(precision: str) -> torch.autocast:
    """In which theirs is computed in a precision."""
    return torch.autocast(PLACE, torch.bfloat16, enabled=precision == "bf16")


def run_of(
    collection: str,
    layers: int,
    length: int,
    triples: int,
    asymmetric: bool = False,
    precision: str = "float32",
) -> tuple[RunSpecification, Context]:
    """A run of a study of one arm, and the context it runs in.

    Args:
        asymmetric: whether the student only encodes queries, beside stored vectors.
    """
    student = f"truncated(layers={layers}, max_length={length})"
    if asymmetric:
        student = f"asymmetric(queries='{student}', teacher='bi-encoder(max_length={length})')"
    study = parse_study(
        {
            "name": "steps",
            "title": "Steps",
            "collection": collection,
            "seeds": [1],
            "baseline": "infonce",
            "budget": {"steps": 10**6},
            "training": {
                "batch_size": triples,
                "learning_rate": RATE,
                "weight_decay": DECAY,
                "clip": CLIP,
                "precision": precision,
            },
            "defaults": {"student": student},
            "arms": [{"name": "infonce", "loss": f"infonce(temperature={TEMPERATURE})"}],
        },
        "steps",
    )
    context = open_context(study, kept_artifacts())
    arm = resolve_arms(study)[0]
    return RunSpecification.of(study, arm, context, seed=1, tests=[]), context
