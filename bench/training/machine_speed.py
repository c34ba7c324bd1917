"""How fast the machine is just now: whether it did nothing else while a run was timed."""

from __future__ import annotations

import time
from statistics import median

import torch

from bench.encoding.device import Device

SIDE = {"cpu": 256, "cuda": 2048}
"""Of the matrices that are multiplied."""

FLOATS = {"cpu": 1 << 20, "cuda": 1 << 24}
"""How many are read and written: more than a core's own caches hold."""

PRODUCTS, WARMING, REPEATS = 8, 2, 21


def machine_speed(device: Device) -> float:
    """Seconds of a fixed small piece of work, the median of `REPEATS` times.

    Matrix products, as a transformer's, and a pass over memory, by as many threads as training
    has. Not the fastest time, as `bench.evaluation.footprint` takes: what else the machine does
    shall be seen here. Nothing is drawn, so that no random stream is moved on.
    """
    place = device.torch
    side, floats = SIDE[place.type], FLOATS[place.type]
    left = torch.linspace(-1, 1, side * side, device=place).view(side, side)
    right, product = left.T.contiguous(), torch.empty_like(left)
    read = torch.linspace(-1, 1, floats, device=place)
    written = torch.empty_like(read)

    def step() -> float:
        device.synchronize()
        since = time.perf_counter()
        for _ in range(PRODUCTS):
            torch.mm(left, right, out=product)
        torch.add(read, 1.0, out=written)
        device.synchronize()
        return time.perf_counter() - since

    for _ in range(WARMING):
        step()
    return median(step() for _ in range(REPEATS))
