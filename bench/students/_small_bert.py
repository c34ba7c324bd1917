"""A BERT with a factorised embedding table: its size, and initial weights from a larger model."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import ElectraConfig, ElectraModel, PreTrainedModel

from bench.encoding.layers import choose_layers
from bench.errors import InputError

HEAD = 32
"""Width of an attention head, as in MiniLM."""


def count(vocabulary: int, positions: int, embedding: int, width: int, layers: int) -> int:
    """How many parameters such a BERT has.

    Counted are: the tables of words, positions and two token types, and their norm; the linear
    layer after them, if ``embedding`` is not ``width``; and in each layer four maps of attention,
    two of the feed-forward part (four times as wide), and two norms.
    """
    tables = (vocabulary + positions + 2) * embedding + 2 * embedding
    projection = 0 if embedding == width else embedding * width + width
    attention = 4 * (width * width + width)
    forward = 2 * 4 * width * width + 4 * width + width
    return tables + projection + layers * (attention + forward + 2 * 2 * width)


def small_bert(
    large: PreTrainedModel, parameters: int, layers: int, embedding: int
) -> PreTrainedModel:
    """The widest such BERT of at most ``parameters``, drawn at random, with ``large``'s vocabulary.

    Raises:
        InputError: even the narrowest has more parameters.
    """
    vocabulary = large.get_input_embeddings().weight.shape[0]
    positions = large.config.max_position_embeddings
    width = HEAD
    if count(vocabulary, positions, embedding, width, layers) > parameters:
        least = count(vocabulary, positions, embedding, width, layers)
        raise InputError(
            f"narrow: {layers} layers and an embedding of {embedding} take at least {least:,} "
            f"parameters, not {parameters:,}"
        )
    while count(vocabulary, positions, embedding, width + HEAD, layers) <= parameters:
        width += HEAD
    config = ElectraConfig(
        vocab_size=vocabulary,
        embedding_size=embedding,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // HEAD,
        intermediate_size=4 * width,
        max_position_embeddings=positions,
        pad_token_id=large.config.pad_token_id,
    )
    return ElectraModel(config)


@torch.no_grad()
def start_from(large: PreTrainedModel, small: PreTrainedModel) -> None:
    """Set the small model's weights from the large one's where shapes allow, in place."""
    tables = small.embeddings
    words = large.get_input_embeddings().weight
    kept = _principal(words, min(tables.word_embeddings.embedding_dim, words.shape[1]))
    centre = words.mean(0)
    columns = kept.shape[1]  # of a table wider than the large one's, the rest stays random
    tables.word_embeddings.weight[:, :columns] = (words - centre) @ kept
    positions = getattr(getattr(large, "embeddings", None), "position_embeddings", None)
    if positions is not None and large.config.model_type in ("bert", "electra"):
        tables.position_embeddings.weight[:, :columns] = positions.weight @ kept
    _fit_projection(large, small)
    _copy_layers(large, small)


def _fit_projection(large: PreTrainedModel, small: PreTrainedModel) -> None:
    """Set the layer after the tables to the least-squares map to the large model's embeddings.

    The map is fitted on the embeddings of every word at the first position. If the small model is
    narrower, the targets are principal components.
    """
    projection = getattr(small, "embeddings_project", None)
    if projection is None or not hasattr(large, "embeddings"):
        return
    every = torch.arange(small.config.vocab_size).unsqueeze(1)
    ours = small.embeddings.eval()(every)[:, 0]
    theirs = large.embeddings.eval()(every)[:, 0]
    small.embeddings.train()
    width = projection.out_features
    if width < theirs.shape[1]:
        theirs = theirs @ _principal(theirs, width)
    ones = torch.ones(len(ours), 1)
    inputs = torch.cat([ours, ones], 1).double()
    # After the norm every row sums to zero up to rounding errors, so one direction is noise. The
    # cutoff `rcond` removes it.
    map_ = torch.linalg.lstsq(inputs, theirs.double(), rcond=1e-6, driver="gelsd").solution
    projection.weight[: theirs.shape[1]] = map_[:-1].T.float()
    projection.bias[: theirs.shape[1]] = map_[-1].float()


def _copy_layers(large: PreTrainedModel, small: PreTrainedModel) -> None:
    """Copy the large model's layers at equal distances where names and shapes of weights agree."""
    layers, total = small.config.num_hidden_layers, large.config.num_hidden_layers
    if layers > total:
        return
    theirs = large.state_dict()
    for at, source in enumerate(choose_layers(total, layers, "spaced")):
        for name, value in small.encoder.layer[at].state_dict().items():
            other = theirs.get(f"encoder.layer.{source}.{name}")
            if other is not None and other.shape == value.shape:
                value.copy_(other)


def _principal(values: Tensor, width: int) -> Tensor:
    """[n, d] → [d, width]: the directions of most variance."""
    centred = (values - values.mean(0)).double()
    _, directions = torch.linalg.eigh(centred.T @ centred)
    return directions.flip(1)[:, :width].float()
