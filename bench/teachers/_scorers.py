"""The models inside teachers, which score documents for queries.

Each takes the token rows (special tokens included) of B queries and of n documents per query, and
returns [B, n] scores, with gradients while it is trained.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import pad

from bench.encoding.device import Device
from bench.encoding.encoder import Encoder
from bench.encoding.joint import DOCUMENT, QUERY, JointForm
from bench.encoding.lengths import most_tokens
from bench.encoding.packed import pack_padded
from bench.errors import InputError
from bench.losses.signals import unit

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Rows = Sequence[np.ndarray]


class Scorer(nn.Module):
    """A model that scores; its weights can be saved as one safetensors file.

    Attributes:
        temperature: divides its scores to make logits of them (in fine-tuning).
    """

    temperature = 1.0

    def scores(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        """[B] queries and [B·n] documents, each query's n consecutive → [B, n]."""
        raise NotImplementedError

    def tokens(self, queries: Rows, documents: Rows) -> int:
        """How many tokens `scores` encodes for these."""
        return sum(map(len, queries)) + sum(map(len, documents))

    def save(self, path: Path) -> None:
        state = {name: value.cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(state, path)

    def restore(self, path: Path) -> None:
        self.load_state_dict(load_file(path))


class JointScorer(Scorer):
    """A model that reads query and document in one sequence."""

    def __init__(self, transformer: PreTrainedModel, form: JointForm) -> None:
        super().__init__()
        self.transformer = transformer
        self.form = form
        # Models with a single token type (RoBERTa) take no token types.
        self._types = getattr(transformer.config, "type_vocab_size", 0) > 1

    def tokens(self, queries: Rows, documents: Rows) -> int:
        count = len(documents) // len(queries)
        return count * sum(map(len, queries)) + sum(map(len, documents))

    def each(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        """The output of `read` for each of n pairs, given [n] queries and [n] documents: [n, …].

        Raises:
            InputError: a pair is longer than the model can read.
        """
        parts, order = [], []
        limit = getattr(self.transformer.config, "max_position_embeddings", 0) or sys.maxsize
        most = min(limit, most_tokens(self.transformer))
        for batch in self.form.batches(list(queries), list(documents), device, most):
            if batch.ids.shape[1] > most:
                raise InputError(
                    f"a query and a document together have {batch.ids.shape[1]} tokens, and the "
                    f"teacher reads {most}; give it a smaller max_length or query_length"
                )
            inputs: dict[str, Any] = {
                "input_ids": device.put(batch.ids),
                "attention_mask": device.put(batch.mask),
            }
            if self._types:
                inputs["token_type_ids"] = device.put(batch.types)
            with device.autocast():
                output = self.read(inputs, device.put(batch.owners)).float()
            parts.append(output[: len(batch.pairs)])
            order.append(batch.pairs)
        inverse_order = np.argsort(np.concatenate(order), kind="stable")
        return torch.cat(parts).index_select(0, device.put(inverse_order))

    def read(self, inputs: dict[str, Any], owners: Tensor) -> Tensor:
        """The model's output for a batch of pairs: [n, …].

        Args:
            inputs: of the transformer.
            owners: [n, length] which text each token belongs to (`bench.encoding.joint`).
        """
        raise NotImplementedError


class CrossScorer(JointScorer):
    """A sequence classifier with one output, whose logit is the score."""

    def read(self, inputs: dict[str, Any], owners: Tensor) -> Tensor:
        return self.transformer(**inputs).logits.squeeze(-1)

    def scores(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        count = len(documents) // len(queries)
        repeated = [query for query in queries for _ in range(count)]
        return self.each(repeated, documents, device).view(len(queries), count)


class DualPooledScorer(JointScorer):
    """The score is the cosine of two vectors from one joint pass: the mean of the query's token
    states and the mean of the document's."""

    temperature = 0.05

    def read(self, inputs: dict[str, Any], owners: Tensor) -> Tensor:
        """[n, 2, d]: the query's vector and the document's, at length 1."""
        states = self.transformer(**inputs).last_hidden_state
        pooled = [_mean(states, owners == owner) for owner in (QUERY, DOCUMENT)]
        return unit(torch.stack(pooled, dim=1).float())

    def vectors(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        """[B] queries and [B·n] documents → [B, n, 2, d]."""
        count = len(documents) // len(queries)
        repeated = [query for query in queries for _ in range(count)]
        return self.each(repeated, documents, device).view(len(queries), count, 2, -1)

    def scores(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        vectors = self.vectors(queries, documents, device)
        return (vectors[:, :, 0] * vectors[:, :, 1]).sum(-1)


class BiScorer(Scorer):
    """A bi-encoder: the score is the similarity of the query's and the document's vector."""

    def __init__(self, encoder: Encoder, padding: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.padding = padding
        self.temperature = 0.05 if encoder.similarity == "cosine" else 1.0

    def scores(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        rows = [*queries, *documents]
        packed = self.encoder.pack(rows, self.padding, device)
        vectors = self.encoder.normalised(self.encoder.embed(packed, device))
        of_queries, of_documents = vectors.split([len(queries), len(documents)])
        of_documents = of_documents.view(len(queries), -1, vectors.shape[1])
        return (of_queries.unsqueeze(1) * of_documents).sum(-1)


def _mean(states: Tensor, kept: Tensor) -> Tensor:
    """[n, length, d] states and the mask [n, length] of tokens to average → [n, d]."""
    weights = kept.unsqueeze(-1)
    return (states * weights).sum(1) / weights.sum(1).clamp_min(1)


class LateScorer(Scorer):
    """Late interaction: one vector per token, scored by `max_sim`."""

    def __init__(self, transformer: PreTrainedModel, padding: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.padding = padding

    def vectors(self, rows: Rows, device: Device) -> tuple[Tensor, Tensor]:
        """Token rows of n texts → (unit vectors [n, longest, d], zero for padding; the mask)."""
        most = most_tokens(self.transformer)
        packed = pack_padded(list(rows), self.padding, device, most=most)
        longest = max(group.ids.shape[1] for group in packed.groups)
        vectors, masks = [], []
        for group in packed.groups:
            texts = group.on(device)
            ids, mask = texts.ids, texts.mask
            with device.autocast():
                states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
            padding = (0, longest - ids.shape[1])
            normalised = unit(states.float()) * mask.unsqueeze(-1)
            vectors.append(pad(normalised, (0, 0, *padding))[: texts.size])
            masks.append(pad(mask, padding)[: texts.size])
        inverse_order = device.put(packed.inverse_order)
        return (
            torch.cat(vectors).index_select(0, inverse_order),
            torch.cat(masks).index_select(0, inverse_order).bool(),
        )

    def scores(self, queries: Rows, documents: Rows, device: Device) -> Tensor:
        query_vectors, query_mask = self.vectors(queries, device)
        document_vectors, document_mask = self.vectors(documents, device)
        count = len(documents) // len(queries)
        return torch.cat(
            [
                max_sim(
                    query_vectors[row : row + 1],
                    query_mask[row : row + 1],
                    document_vectors[row * count : (row + 1) * count],
                    document_mask[row * count : (row + 1) * count],
                )
                for row in range(len(queries))
            ]
        )


def max_sim(queries: Tensor, query_mask: Tensor, documents: Tensor, mask: Tensor) -> Tensor:
    """Σ over query tokens of the largest dot product with a document token.

    Args:
        queries: [B, Lq, d] and documents: [M, Ld, d], with their masks.

    Returns:
        [B, M].
    """
    products = torch.einsum("bqd,mld->bmql", queries, documents)
    best = products.masked_fill(~mask[None, :, None, :], -torch.inf).amax(-1)
    return (best * query_mask[:, None, :]).sum(-1)
