"""Some layers of an encoder: which, and the smaller encoder made of them."""

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

Which = Literal["first", "last", "spaced"]
"""Which layers of a deeper encoder a smaller one keeps."""


def keep_layers(transformer: PreTrainedModel, layers: int, which: Which) -> PreTrainedModel:
    """An encoder of ``layers`` of this one's layers.

    It is built anew from a configuration that is cut likewise, so that it is what its own saved
    files give: layers differ by their place in some architectures (ModernBERT's first has no norm
    before its attention, T5's first holds the biases of all).

    Raises:
        InputError: it does not have that many, or its layers cannot be told.
    """
    kept = choose_layers(transformer.config.num_hidden_layers, layers, which)
    stack = _stack(transformer)
    with torch.random.fork_rng(devices=[]):  # what is drawn here is overwritten
        smaller = type(transformer)(_cut(transformer.config, kept))
    if getattr(transformer, "pooler", None) is None and hasattr(smaller, "pooler"):
        smaller.pooler = None
    smaller.load_state_dict(_weights_of(transformer, smaller, stack, kept))
    return smaller.train(transformer.training)


def choose_layers(total: int, layers: int, which: Which) -> list[int]:
    """Which of ``total`` layers are kept, in their order.

    ``spaced`` are at equal distances, the first and the last among them.

    Raises:
        InputError: more layers than there are.
    """
    if layers > total:
        raise InputError(f"layers: {layers} of an encoder that has {total}")
    if which == "spaced" and layers > 1:
        return [round(at * (total - 1) / (layers - 1)) for at in range(layers)]
    return list(range(total))[-layers:] if which == "last" else list(range(layers))


def _stack(transformer: PreTrainedModel) -> str:
    """The name of the list that the layers are in."""
    total = transformer.config.num_hidden_layers
    found = [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == total
    ]
    # Lists inside of a layer may be as long (T5's blocks hold two or three parts each).
    outer = [name for name in found if not any(name.startswith(f"{one}.") for one in found)]
    if len(outer) != 1:
        raise InputError(f"cannot tell which layers of {type(transformer).__name__} to keep")
    return outer[0]


def _cut(config: PreTrainedConfig, kept: list[int]) -> PreTrainedConfig:
    """The configuration with so many layers, and its lists of an entry a layer cut alike."""
    total = config.num_hidden_layers
    cut = deepcopy(config)
    for name, value in config.to_dict().items():
        if isinstance(value, list) and len(value) == total and not name.endswith(NO_LAYERS):
            setattr(cut, name, [value[at] for at in kept])
    cut.num_hidden_layers = len(kept)
    return cut


NO_LAYERS = ("architectures", "_id", "_ids")
"""How the names of lists end that hold no entry a layer, however long they are."""


def _weights_of(
    whole: PreTrainedModel, smaller: PreTrainedModel, stack: str, kept: list[int]
) -> dict[str, Tensor]:
    """The weights that the smaller one has a place for, from the layers that it keeps."""
    theirs = whole.state_dict()
    found = {}
    for name in smaller.state_dict():
        source = name
        if name.startswith(f"{stack}."):
            at, _, rest = name.removeprefix(f"{stack}.").partition(".")
            source = f"{stack}.{kept[int(at)]}.{rest}"
        # What only a first layer has is shared by all that follow: it stays the first one's.
        found[name] = theirs[source] if source in theirs else theirs[name]
    return found
