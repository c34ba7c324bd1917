"""The precisions that this machine computes in."""

import pytest
import torch

from bench.encoding.device import Device, check_precision
from bench.errors import InputError


def _has_bf16() -> bool:
    try:
        check_precision(Device(torch.device("cpu"), "bf16"))
    except InputError:
        return False
    return True


BF16 = pytest.param(
    "bf16", marks=pytest.mark.skipif(not _has_bf16(), reason="this CPU has no units for bf16")
)

each_precision = pytest.mark.parametrize("precision", ["float32", BF16])
