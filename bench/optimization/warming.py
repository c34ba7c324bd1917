"""Warm-up: everything is computed once before the clock starts.

Kernels are loaded and chosen, memory is taken, caches are filled. The first run would pay for all
of that, and which run is first has nothing to do with its method. Warming leaves no trace: weights,
optimizer and random streams are as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from bench.encoding.device import Device
from bench.encoding.encoder import Encoder
from bench.encoding.packed import Joined, Padded
from bench.optimization.optimizer import make_optimizer

STEPS = {"cpu": 1, "cuda": 2}
"""Real batches of a rehearsal. On a CPU the first step after one takes as long as any later one."""


@contextmanager
def traceless(modules: Sequence[nn.Module], device: Device) -> Iterator[None]:
    """Within, gradients may be computed and numbers drawn; none of that is left at the end."""
    places = [device.torch] if device.torch.type == "cuda" else []
    with torch.random.fork_rng(devices=places):
        yield
    for module in modules:
        module.zero_grad(set_to_none=True)
    device.synchronize()


def warm_shapes(encoder: Encoder, trials: Iterable[Padded | Joined], device: Device) -> None:
    """Encode texts of every shape that the encoder may be given, with gradients and without.

    A shape that does not fit into memory is left out: a step that really needs it says so.
    """
    training = encoder.training
    with traceless([encoder], device):
        for texts in trials:
            try:
                _both_ways(encoder, texts.on(device), device)
            except torch.OutOfMemoryError:
                encoder.zero_grad(set_to_none=True)
                torch.cuda.empty_cache()
    encoder.train(training)


def _both_ways(encoder: Encoder, texts: Padded | Joined, device: Device) -> None:
    encoder.train()
    with device.autocast():
        vectors = encoder(texts)
    vectors.float().sum().backward()
    encoder.eval()
    with torch.inference_mode(), device.autocast():
        encoder(texts)


def warm_optimizer(device: Device) -> None:
    """Take a step of an optimizer like a run's, with weights of its own."""
    with traceless([], device):
        layer = device.place(nn.Linear(8, 8))
        layer(torch.ones(1, 8, device=device.torch)).sum().backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        make_optimizer([layer], weight_decay=0.01).step()


def rehearsal_seconds(compute: Callable[[], object], device: Device) -> float:
    """Seconds of computing something as often as a rehearsal does, without a gradient."""
    since = time.perf_counter()
    with traceless([], device):
        for _ in range(STEPS[device.torch.type]):
            compute()
    return time.perf_counter() - since
