"""Numbers of the GPU beside those of the CPU, and of half precision beside the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bench import losses
from bench.losses.signals import Embeddings, Signals
from tests.gpu.setting import LENGTH, Setting


def loss_curves(setting: Setting) -> dict[str, float]:
    """Of every loss without a teacher, value and gradients: the largest relative difference from
    the CPU's, in float32."""
    found = {}
    draw = torch.Generator().manual_seed(1)
    sides = [torch.randn(shape, generator=draw) for shape in ((32, 64), (32, 64), (32, 1, 64))]
    for name in losses.registry.names():
        if name == "sum":
            continue  # of others
        loss = losses.create(name)
        if loss.needs():
            continue
        values = []
        for place in (torch.device("cpu"), setting.device.torch):
            torch.manual_seed(1)
            own = [side.to(place).detach().requires_grad_() for side in sides]
            objective = loss.build(64, 0)
            if isinstance(objective, torch.nn.Module):
                objective.to(place)
            value = objective(Embeddings(*own), Signals())
            value.backward()
            values.append([value.detach().cpu(), *(side.grad.cpu() for side in own)])
        found[name] = max(
            float((one - other).abs().max() / one.abs().max().clamp_min(1e-6))
            for one, other in zip(*values, strict=True)
        )
    return found


def precision(setting: Setting) -> dict[str, float]:
    """The smallest cosine of a text's vector in half precision, joined or padded, with that in
    float32."""
    half = setting.device
    exact = replace(half, precision="float32", joining=None)
    encoder = half.put(setting.student(setting.model).encoder(setting.context)).eval()
    _, tokens = setting.tokens(setting.model, LENGTH)
    rows = tokens.rows(np.arange(min(300, len(tokens))))
    with torch.inference_mode():
        wanted, joined, padded = (
            encoder.embed(encoder.pack(rows, tokens.padding, device), device)
            for device in (exact, half, replace(half, joining=None))
        )
    cosine = torch.nn.functional.cosine_similarity
    return {
        "joined": float(cosine(wanted, joined).min()),
        "padded": float(cosine(wanted, padded).min()),
    }
