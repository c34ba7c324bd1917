"""Makes a smaller encoder from some layers of a larger one."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Literal

from bench.errors import InputError
from bench.lazy import Library

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel
else:
    torch = Library("torch")

LayerChoice = Literal["first", "last", "spaced"]
"""Which layers of a deeper encoder a smaller one keeps."""


def keep_layers(transformer: PreTrainedModel, layers: int, which: LayerChoice) -> PreTrainedModel:
    """An encoder made of ``layers`` of the transformer's layers.

    It is built anew from a configuration with as many layers, so that saving and loading it gives
    the same encoder: in some architectures layers differ by their place (ModernBERT's first has no
    norm before its attention, T5's first holds the position biases of all).

    Raises:
        InputError: the transformer has fewer layers, or its list of layers is not recognised.
    """
    kept = choose_layers(transformer.config.num_hidden_layers, layers, which)
    stack = _stack(transformer)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten below
        smaller = type(transformer)(_cut(transformer.config, kept))
    if getattr(transformer, "pooler", None) is None and hasattr(smaller, "pooler"):
        smaller.pooler = None
    smaller.load_state_dict(_weights_of(transformer, smaller, stack, kept))
    return smaller.train(transformer.training)


def choose_layers(total: int, layers: int, which: LayerChoice) -> list[int]:
    """Indices of the ``layers`` layers to keep of ``total``, ascending.

    ``spaced`` takes layers at equal distances, the first and the last among them.

    Raises:
        InputError: ``layers`` exceeds ``total``.
    """
    if layers > total:
        raise InputError(f"layers: {layers} of an encoder that has {total}")
    if which == "spaced" and layers > 1:
        return [round(at * (total - 1) / (layers - 1)) for at in range(layers)]
    return list(range(total))[-layers:] if which == "last" else list(range(layers))


def _stack(transformer: PreTrainedModel) -> str:
    """The name of the module list that holds the layers."""
    total = transformer.config.num_hidden_layers
    lists = [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == total
    ]
    # Lists inside a layer may have the same length (T5's blocks hold two or three parts each).
    outer = [name for name in lists if not any(name.startswith(f"{one}.") for one in lists)]
    if len(outer) != 1:
        raise InputError(f"cannot tell which layers of {type(transformer).__name__} to keep")
    return outer[0]


def _cut(config: PreTrainedConfig, kept: list[int]) -> PreTrainedConfig:
    """The configuration for the kept layers; its lists with one value per layer are cut too."""
    total = config.num_hidden_layers
    cut = deepcopy(config)
    for name, value in config.to_dict().items():
        if isinstance(value, list) and len(value) == total and not name.endswith(NO_LAYERS):
            setattr(cut, name, [value[at] for at in kept])
    cut.num_hidden_layers = len(kept)
    return cut


NO_LAYERS = ("architectures", "_id", "_ids")
"""Endings of the names of configuration lists that never hold one value per layer."""


def _weights_of(
    large: PreTrainedModel, smaller: PreTrainedModel, stack: str, kept: list[int]
) -> dict[str, Tensor]:
    """The smaller model's state dict, with weights of the larger one's kept layers."""
    theirs = large.state_dict()
    weights = {}
    for name in smaller.state_dict():
        source = name
        if name.startswith(f"{stack}."):
            at, _, rest = name.removeprefix(f"{stack}.").partition(".")
            source = f"{stack}.{kept[int(at)]}.{rest}"
        # A weight that only the first layer has is shared by all layers, so it is kept.
        weights[name] = theirs[source] if source in theirs else theirs[name]
    return weights
