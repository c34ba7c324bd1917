"""The base class of encoders, and `encode` for many texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bench.encoding.device import Device
from bench.encoding.packed import AnyPacked, Joined, Padded, pack_joined, pack_padded
from bench.encoding.tokens import Tokens
from bench.errors import TrainingError
from bench.losses.signals import Similarity, unit
from bench.progress import narrate
from bench.storage.artifacts import Artifact


class Encoder(nn.Module):
    """Token ids → one vector a text.

    Attributes:
        similarity: how two vectors are compared: ``cosine`` or ``dot``.
        head: a linear layer after the pooling; `None` for none.
        artifacts: those that its initial weights were computed from.
        most: the most tokens of a text that it can read.
        joins: whether it can read concatenated texts.
    """

    most: int = sys.maxsize
    joins: bool = False

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity = similarity
        self.head: nn.Linear | None = None
        self.artifacts: tuple[Artifact, ...] = ()

    @property
    def pooled_width(self) -> int:
        """Width of the vectors that `pooled` returns."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        return self.head.out_features if self.head else self.pooled_width

    @property
    def table(self) -> nn.Module:
        """Its token embeddings."""
        raise NotImplementedError

    def set_table(self, table: nn.Embedding) -> None:
        """Replace its token embeddings. (A module cannot be assigned to a property.)"""
        raise NotImplementedError

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[n, length] ids and mask → [n, pooled_width], before the head."""
        raise NotImplementedError

    def pooled_joined(self, texts: Joined) -> Tensor:
        """Concatenated texts → [n, pooled_width], before the head."""
        raise NotImplementedError

    def forward(self, texts: Padded | Joined) -> Tensor:
        """Texts → [n, width] vectors, not normalised; rows of padding come last."""
        if isinstance(texts, Joined):
            vectors = self.pooled_joined(texts)
        else:
            vectors = self.pooled(texts.ids, texts.mask)
        if self.head is None:
            return vectors
        # A text without tokens stays zero: the layer's bias alone would resemble some query.
        return self.head(vectors) * vectors.any(-1, keepdim=True)

    def pack(
        self, rows: list[np.ndarray], padding: int, device: Device, group_tokens: int = 0
    ) -> AnyPacked:
        """Token ids in groups that this encoder can read, in the form that suits the device.

        Args:
            padding: the id to pad with.
            group_tokens: most tokens of a pass; 0 means what suits the device.
        """
        if self.joins and device.joining:
            return pack_joined(rows, padding, device, device.joining, group_tokens)
        return pack_padded(rows, padding, device, group_tokens, self.most)

    def trials(
        self, texts: int, longest: int, device: Device, group_tokens: int = 0
    ) -> Iterator[Padded | Joined]:
        """A group of padding for every shape that packing can produce, for warming up.

        The largest comes first, so that memory is allocated once. Empty if shapes are not known
        beforehand (on a CPU).

        Args:
            texts: most texts that are packed at a time.
            longest: tokens of the longest text.
        """
        if self.joins and device.joining:
            for total in device.joining.totals(texts, longest, group_tokens):
                yield Joined.of([], 0, total, longest)
        else:
            for shape in device.packing.shapes(texts, longest, group_tokens, self.most):
                ids = torch.zeros(shape, dtype=torch.int64)
                yield Padded(ids, torch.ones_like(ids), len(ids))

    def embed(self, packed: AnyPacked, device: Device, recompute: bool = False) -> Tensor:
        """Vectors of packed texts, float32 [n, width], in the order from before packing.

        Args:
            recompute: keep no activations; the backward pass encodes each group once more, with
                the same dropout (gradient checkpointing).
        """
        parts = []
        # One context for all groups: it casts the weights to half precision once.
        with device.autocast():
            for group in packed.groups:
                texts = group.on(device)
                vectors = checkpoint(self, texts, use_reentrant=False) if recompute else self(texts)
                parts.append(vectors[: texts.size])
        return torch.cat(parts).float().index_select(0, device.put(packed.inverse_order))

    def normalised(self, vectors: Tensor) -> Tensor:
        """Vectors whose dot product is the similarity."""
        return unit(vectors) if self.similarity == "cosine" else vectors


@torch.inference_mode()
def encode(
    encoder: Encoder, tokens: Tokens, positions: np.ndarray, device: Device, label: str
) -> Tensor:
    """Vectors of many texts, ready for a dot product: [n, width] float32 on the device.

    Raises:
        TrainingError: some vectors are not finite, so that no search could rank them.
    """
    training = encoder.training
    encoder.eval()
    chunk = 8192
    parts = []
    try:
        for start in range(0, len(positions), chunk):
            narrate(f"encoding {label}: {start:,} of {len(positions):,}")
            rows = tokens.rows(positions[start : start + chunk])
            packed = encoder.pack(rows, tokens.padding, device)
            parts.append(encoder.normalised(encoder.embed(packed, device)))
    finally:
        encoder.train(training)
    vectors = torch.cat(parts)
    if ruined := int((~vectors.isfinite()).any(1).sum()):
        raise TrainingError(
            f"{ruined:,} of {len(vectors):,} vectors of {label} are not finite; "
            "where this was trained, a smaller learning rate or a longer warm-up may help"
        )
    return vectors
