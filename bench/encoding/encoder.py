"""What an encoder is, how texts are packed for it, and encoding many of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bench.artifacts import Artifact
from bench.encoding.device import Device
from bench.encoding.tokens import Tokens, pad
from bench.errors import TrainingError
from bench.losses.signals import Similarity, unit
from bench.progress import narrate


@dataclass(frozen=True)
class Packed:
    """Texts as padded groups, ready for the device.

    Attributes:
        groups: (ids, mask), each [rows, length], of every group.
        sizes: how many texts each has; rows behind them are empty.
        back: where each text went: row of the concatenated groups, without the empty ones.
    """

    groups: list[tuple[Tensor, Tensor]]
    sizes: list[int]
    back: Tensor

    @classmethod
    def of(
        cls,
        rows: list[np.ndarray],
        padding: int,
        device: Device,
        group_tokens: int = 0,
        most: int = sys.maxsize,
    ) -> Packed:
        """Pack token ids as the device likes it.

        Args:
            group_tokens: most padded tokens of a group; 0 is what suits the device.
            most: tokens that the encoder can read.
        """
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        groups = device.packing.groups(lengths, group_tokens, most)
        padded = [
            pad([rows[at] for at in group.texts], padding, (group.rows, group.length))
            for group in groups
        ]
        order = np.concatenate([group.texts for group in groups])
        return cls(
            [(device.stage(ids), device.stage(mask)) for ids, mask in padded],
            [len(group.texts) for group in groups],
            device.stage(np.argsort(order, kind="stable")),
        )


class Encoder(nn.Module):
    """Token ids → one vector a text.

    Attributes:
        similarity: how two vectors are compared: ``cosine`` or ``dot``.
        head: a linear layer behind the pooling; `None` for none.
        artifacts: what its start was computed from.
        most: tokens it can read.
    """

    most: int = sys.maxsize

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity = similarity
        self.head: nn.Linear | None = None
        self.artifacts: tuple[Artifact, ...] = ()

    @property
    def pooled_width(self) -> int:
        """d of what `pooled` gives."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        return self.head.out_features if self.head else self.pooled_width

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[n, length] ids and mask → one vector a text, before the head."""
        raise NotImplementedError

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[n, length] ids and mask → [n, width] vectors, not normalised."""
        vectors = self.pooled(ids, mask)
        return self.head(vectors) if self.head else vectors

    def embed(self, packed: Packed, device: Device, recompute: bool = False) -> Tensor:
        """Vectors of packed texts [n, width], in the order they had before packing.

        Args:
            recompute: keep no activations; each group is encoded once more, with the same dropout,
                when gradients come back to it.
        """
        parts = []
        # One context, in which weights are cast to half precision once and not for every group.
        with device.autocast():
            for group, size in zip(packed.groups, packed.sizes, strict=True):
                ids, mask = map(device.upload, group)
                if recompute:
                    vectors = checkpoint(self, ids, mask, use_reentrant=False)
                else:
                    vectors = self(ids, mask)
                parts.append(vectors[:size])
        return torch.cat(parts).float().index_select(0, device.upload(packed.back))

    def comparable(self, vectors: Tensor) -> Tensor:
        """Vectors whose dot product is the similarity."""
        return unit(vectors) if self.similarity == "cosine" else vectors


def pool(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """[n, length, d] states → [n, d] by one mode, [n, m·d] by m of them joined by ``+``.

    Padding is on the right and never pooled; a text without tokens becomes zeros.
    """
    modes = pooling.split("+")
    if len(modes) > 1:
        return torch.cat([pool(states, mask, mode) for mode in modes], 1)
    kept = mask.unsqueeze(-1)
    lengths = kept.sum(1).clamp_min(1)
    if pooling == "cls":
        return states[:, 0] * kept[:, 0]
    if pooling == "lasttoken":
        last = (lengths - 1).unsqueeze(-1).expand(-1, 1, states.shape[-1])
        return (states * kept).gather(1, last).squeeze(1)
    if pooling == "max":
        most = states.masked_fill(kept == 0, -torch.inf).amax(1)
        return most.masked_fill(most == -torch.inf, 0)
    if pooling == "weightedmean":
        kept = kept * torch.arange(1, mask.shape[1] + 1, device=mask.device).view(1, -1, 1)
        return (states * kept).sum(1) / kept.sum(1).clamp_min(1)
    if pooling == "mean_sqrt_len_tokens":
        return (states * kept).sum(1) / lengths.sqrt()
    return (states * kept).sum(1) / lengths


@torch.inference_mode()
def encode(
    encoder: Encoder, tokens: Tokens, positions: np.ndarray, device: Device, label: str
) -> Tensor:
    """Vectors of many texts, ready for a dot product: [n, width] float32 on the device.

    Raises:
        TrainingError: some are not finite; no search could rank them.
    """
    training = encoder.training
    encoder.eval()
    chunk = 8192
    parts = []
    try:
        for start in range(0, len(positions), chunk):
            narrate(f"encoding {label}: {start:,} of {len(positions):,}")
            rows = tokens.rows(positions[start : start + chunk])
            packed = Packed.of(rows, tokens.padding, device, most=encoder.most)
            parts.append(encoder.comparable(encoder.embed(packed, device)))
    finally:
        encoder.train(training)
    vectors = torch.cat(parts)
    if ruined := int((~vectors.isfinite()).any(1).sum()):
        raise TrainingError(
            f"{ruined:,} of {len(vectors):,} vectors of {label} are not finite; "
            "where this was trained, a smaller learning rate or a longer warm-up may help"
        )
    return vectors
