"""The device that computes, with its precision and its way of forming batches."""

from __future__ import annotations

import os
import platform
import resource
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from bench import encoding
from bench.encoding.allocation import keep_memory
from bench.encoding.dropout import replace_dropout
from bench.encoding.joining import Joining
from bench.encoding.packing import ClosePacking, Ladder, Packing
from bench.encoding.products import replace_linear
from bench.errors import InputError

CACHED = 4096
"""Tokens whose states a CPU's caches hold, roughly."""

Precision = Literal["auto", "float32", "bf16"]

Module = TypeVar("Module", bound=torch.nn.Module)


@dataclass(frozen=True)
class Device:
    """Where tensors live, in which precision encoders run, and how texts form forward passes.

    Weights stay float32.

    Attributes:
        packing: how texts are padded.
        joining: how texts are concatenated, for encoders that can read them so; `None` where
            padding is better.
    """

    torch: torch.device
    precision: Literal["float32", "bf16"]
    packing: Packing = field(default_factory=ClosePacking)
    joining: Joining | None = None

    @property
    def label(self) -> str:
        """The device's name in bills; seconds of different labels are never compared."""
        if self.torch.type == "cuda":
            return torch.cuda.get_device_name(self.torch)
        return f"cpu × {torch.get_num_threads()}"

    def autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(self.torch.type, dtype=torch.bfloat16)
        return nullcontext()

    def synchronize(self) -> None:
        """Wait for queued kernels, so that a clock read now includes them."""
        if self.torch.type == "cuda":
            torch.cuda.synchronize(self.torch)

    def place(self, module: Module) -> Module:
        """Move the module to the device; give it attention, dropout and products that suit it."""
        as_gpu = isinstance(self.packing, Ladder)
        encoding.settle(module, looking=not as_gpu)
        if not as_gpu:
            replace_dropout(module)
            replace_linear(module)
        return module.to(self.torch)

    def stage(self, array: np.ndarray | Tensor) -> Tensor:
        """The array as a tensor ready for upload: in pinned memory if the device is CUDA."""
        tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
        return tensor.pin_memory() if self.torch.type == "cuda" else tensor

    def put(self, array: np.ndarray | Tensor) -> Tensor:
        """Copy to the device (asynchronously on CUDA); arrays are staged first."""
        staged = array if isinstance(array, Tensor) else self.stage(array)
        return staged.to(self.torch, non_blocking=True)


def choose(precision: Precision = "auto") -> Device:
    """CUDA where there is one, else the CPU with deterministic kernels.

    ``auto`` is bf16 on CUDA and float32 on a CPU.
    """
    if torch.cuda.is_available():
        # cuDNN plans every new shape, and the run that meets it first would be charged.
        torch.backends.cuda.enable_cudnn_sdp(False)
        exact: Literal["float32", "bf16"] = "float32" if precision == "float32" else "bf16"
        joining = Joining() if exact == "bf16" else None  # FlashAttention has no float32
        return Device(torch.device("cuda"), exact, Ladder(), joining)
    # Bit-identical results are promised on CPUs alone: on a GPU, deterministic kernels would
    # change the timings.
    # Not by `use_deterministic_algorithms`, which loads a compiler for seconds.
    torch.set_deterministic_debug_mode("error")
    # Nothing reads memory before it is written; to fill it all the same is a fifth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    keep_memory()
    exact = "bf16" if precision == "bf16" else "float32"
    return Device(torch.device("cpu"), exact, joining=Joining(tokens=CACHED, laddered=False))


BF16_UNITS = ("avx512_bf16", "amx_bf16")
"""What computes bf16 on x86 CPUs, as torch names it."""


def check_precision(device: Device) -> None:
    """Refuse bf16 on a CPU that has no units for it.

    Raises:
        InputError: it has none, so that bf16 would be far slower than float32.
    """
    if device.torch.type != "cpu" or device.precision != "bf16":
        return
    # Older versions of torch do not say.
    has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if has.get("architecture") == "x86_64" and not any(has.get(unit) for unit in BF16_UNITS):
        raise InputError(
            f'training.precision = "bf16": this CPU ({has.get("cpu_name", "x86_64")}) has neither '
            "AVX512-BF16 nor AMX, and would take about eight times as long as in float32; "
            '"auto" means float32 here'
        )


def environment(device: Device, workers: int = 1) -> dict[str, Any]:
    """Machine, device, threads and versions: timings are compared only where these agree.

    Args:
        workers: how many processes train on this machine at once.
    """
    names = ("torch", "transformers", "numpy", "ir_measures", "optuna")
    return {
        "device": device.label,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        **({"workers": workers} if workers > 1 else {}),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
        **(_kernels() if device.torch.type == "cuda" else {}),
    }


def _kernels() -> dict[str, Any]:
    """The GPU's settings that affect timings."""
    return {
        "cuda": torch.version.cuda,
        "float32 products": torch.get_float32_matmul_precision(),
        "attention": "FlashAttention over joined texts where the model can, else SDPA with masks",
    }


def forget_peak(device: Device) -> None:
    """Restart `peak_memory` from now on (CUDA only)."""
    if device.torch.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device.torch)


def peak_memory(device: Device) -> int:
    """Most bytes used so far: by tensors on a GPU; by the whole process on a CPU."""
    if device.torch.type == "cuda":
        return torch.cuda.max_memory_allocated(device.torch)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def is_out_of_memory(error: Exception) -> bool:
    """Whether an allocation of a tensor failed, on a GPU or a CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def describe_error(error: Exception, device: Device) -> str:
    """An error's text; for out-of-memory errors, advice."""
    if not is_out_of_memory(error):
        return str(error)
    return (
        f"{device.label} has too little memory; a smaller model or max_length may help, and so "
        "may a look at what else uses it"
    )
