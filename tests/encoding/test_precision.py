"""bf16 on a CPU that has no units for it is refused by name."""

from dataclasses import replace

import pytest
import torch

from bench.encoding.device import check_precision, choose
from bench.errors import InputError

WITHOUT = {"architecture": "x86_64", "cpu_name": "Some CPU", "avx2": True, "avx512_bf16": False}


@pytest.fixture
def half():
    return replace(choose("float32"), torch=torch.device("cpu"), precision="bf16")


@pytest.mark.parametrize(
    "has",
    [
        WITHOUT | {"avx512_bf16": True},
        WITHOUT | {"amx_bf16": True},
        {"architecture": "aarch64"},
        {},  # a torch that does not say
    ],
)
def test_where_it_is_computed_or_nobody_knows(has, half, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    check_precision(half)


def test_where_it_is_not(half, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: WITHOUT, raising=False)
    with pytest.raises(InputError, match="bf16.*Some CPU.*AVX512-BF16 nor AMX.*float32"):
        check_precision(half)
    check_precision(replace(half, precision="float32"))
    check_precision(replace(half, torch=torch.device("cuda")))
