"""Adds a linear layer after an encoder's pooling, and computes its initial weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.context import Context
from bench.encoding.encoder import Encoder, encode
from bench.encoding.flops import forward_flops
from bench.encoding.text_config import TextConfig
from bench.encoding.tokens import Tokens
from bench.errors import InputError
from bench.storage.artifacts import Artifact, BuildReport
from bench.students.base import ProjectionStart
from bench.teachers import EmbeddingTable, LoadedTeacher, store_documents, store_queries

SAMPLE = {"queries": 10_000, "documents": 2_000}
"""Most texts of each side that initial weights are computed from (documents encode slower)."""

RIDGE = 1e-3
"""Ridge of least squares: the share of the diagonal's mean that is added to the diagonal."""


@contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restore torch's random state afterwards.

    Making an artifact draws random numbers and finding it does not. Without this, one seed would
    give different students depending on whether a teacher had to be prepared first.
    """
    with torch.random.fork_rng(devices=[]):  # of the CPU alone, where weights are drawn
        yield


@dataclass(frozen=True)
class Projection:
    """Adds a linear layer to an encoder that has none.

    Attributes:
        width: of the layer's output.
        start: how the initial weights are chosen.
        sides: ``queries``, ``documents`` or both: the texts that the encoder reads, and how.
        teacher: whose embeddings ``procrustes`` and ``least-squares`` approximate; else `None`.
    """

    encoder: Encoder
    width: int
    start: ProjectionStart
    sides: Mapping[str, TextConfig]
    teacher: LoadedTeacher | None
    context: Context

    def attach(self) -> Encoder:
        """The encoder with the layer as its head.

        Raises:
            InputError: it has a head already, or ``start`` cannot give this width.
        """
        encoder = self.encoder
        if encoder.head:
            raise InputError(
                'a projection behind a projection; leave one out, by projection="none" or by '
                "queries that are not projected"
            )
        if self.start == "pca" and self.width > encoder.width:
            raise InputError(f"pca: no {self.width} directions in vectors {encoder.width} wide")
        head = nn.Linear(encoder.width, self.width)
        nn.init.zeros_(head.bias)
        if self.start == "orthogonal":
            nn.init.orthogonal_(head.weight)
        elif self.start != "random":
            with preserve_rng_state():
                artifact = self._artifact()
            weight = load_file(artifact.folder / "projection.safetensors")["weight"]
            if len(weight) != self.width:
                raise InputError(
                    f"{self.start}: the teacher gives {len(weight)} columns, not {self.width}"
                )
            head.load_state_dict({"weight": weight, "bias": head.bias.detach()})
            encoder.artifacts = (*encoder.artifacts, artifact)
        encoder.head = head
        return encoder

    def _artifact(self) -> Artifact:
        tokens = {side: self._tokens(side) for side in self.sides}
        stored = {side: self._stored(side) for side in self.sides} if self.teacher else {}
        positions = {side: self._positions(side) for side in self.sides}

        def make(folder: Path) -> BuildReport:
            self.context.device.place(self.encoder)
            ours = torch.cat([self._encode(tokens[side], positions[side]) for side in tokens])
            if stored:
                theirs = np.concatenate([stored[side].at(positions[side]) for side in stored])
                fit = procrustes if self.start == "procrustes" else least_squares
                weight = fit(ours, torch.from_numpy(theirs))
            else:
                weight = principal(ours, self.width)
            save_file({"weight": weight.contiguous()}, folder / "projection.safetensors")
            count = sum(int(tokens[side].lengths(positions[side]).sum()) for side in tokens)
            return BuildReport(
                texts=len(ours),
                tokens=count,
                flops=forward_flops(self.encoder, count),
                device=self.context.device.label,
            )

        specification = {
            "encoder": _digest(self.encoder),
            "pooling": getattr(self.encoder, "pooling", "mean"),
            "similarity": self.encoder.similarity,
            "start": self.start,
            "width": self.width if self.start == "pca" else None,
            "tokens": {side: tokens[side].artifact.digest for side in tokens},
            "teacher": {side: stored[side].artifact.digest for side in stored},
            "collection": self.context.collection.fingerprint,
            "precision": self.context.device.precision,
        }
        needs = [
            *(one.artifact for one in tokens.values()),
            *(one.artifact for one in stored.values()),
        ]
        return self.context.artifacts.get("projection", specification, make, needs)

    def _tokens(self, side: str) -> Tokens:
        collection = self.context.collection
        texts = collection.part("train").queries if side == "queries" else collection.documents
        return self.sides[side].tokens(texts, self.context.artifacts)

    def _stored(self, side: str) -> EmbeddingTable:
        assert self.teacher
        return store_queries(self.teacher) if side == "queries" else store_documents(self.teacher)

    def _positions(self, side: str) -> np.ndarray:
        collection = self.context.collection
        if side == "queries":
            everything = np.arange(len(collection.part("train").queries))
        else:
            everything = collection.drawable()
        return np.sort(np.random.default_rng(0).permutation(everything)[: SAMPLE[side]])

    def _encode(self, tokens: Tokens, positions: np.ndarray) -> Tensor:
        return encode(self.encoder, tokens, positions, self.context.device, "a projection").cpu()


def principal(vectors: Tensor, width: int) -> Tensor:
    """[n, d] → [width, d]: the first right singular vectors, which best keep dot products."""
    _, _, directions = torch.linalg.svd(vectors.double(), full_matrices=False)
    if len(directions) < width:
        raise InputError(f"pca: {len(vectors)} texts have no {width} directions")
    return directions[:width].float()


def procrustes(ours: Tensor, theirs: Tensor) -> Tensor:
    """[n, d] and [n, d'] → [d', d]: the scaled (semi-)orthogonal map of least squared error."""
    left, values, right = torch.linalg.svd(theirs.double().T @ ours.double(), full_matrices=False)
    rotation = left @ right
    scale = values.sum() / (ours.double() @ rotation.T).square().sum().clamp_min(1e-12)
    return (scale * rotation).float()


def least_squares(ours: Tensor, theirs: Tensor) -> Tensor:
    """[n, d] and [n, d'] → [d', d]: the linear map of least squared error, with a small ridge."""
    ours, theirs = ours.double(), theirs.double()
    products = ours.T @ ours
    ridge = RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=torch.double)
    return torch.linalg.solve(products + ridge, ours.T @ theirs).T.float()


def _digest(encoder: Encoder) -> str:
    """16 hex digits over the encoder's weights as they are, random ones included."""
    sha = hashlib.sha256()
    for name, value in encoder.state_dict().items():
        sha.update(name.encode())
        sha.update(value.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]
