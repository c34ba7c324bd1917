"""Which device computes, and how exactly."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch

Precision = Literal["auto", "float32", "bf16"]


@dataclass(frozen=True)
class Device:
    """Where tensors live and in which precision the encoder runs; weights stay float32."""

    place: torch.device
    precision: Literal["float32", "bf16"]

    @property
    def label(self) -> str:
        """The device as bills name it: seconds of different labels are never compared."""
        if self.place.type == "cuda":
            return torch.cuda.get_device_name(self.place)
        return f"cpu × {torch.get_num_threads()}"

    def autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(self.place.type, dtype=torch.bfloat16)
        return nullcontext()

    def synchronize(self) -> None:
        """Wait for queued kernels, so that a clock read now is true."""
        if self.place.type == "cuda":
            torch.cuda.synchronize(self.place)

    def upload(self, array: Any) -> torch.Tensor:
        """A numpy array as a tensor on the device; pinned and asynchronous on CUDA."""
        tensor = torch.from_numpy(array)
        if self.place.type == "cuda":
            return tensor.pin_memory().to(self.place, non_blocking=True)
        return tensor


def choose(precision: Precision = "auto") -> Device:
    """CUDA where there is one, else the CPU with deterministic kernels.

    ``auto`` is bf16 on CUDA and float32 on a CPU.
    """
    if torch.cuda.is_available():
        return Device(torch.device("cuda"), "float32" if precision == "float32" else "bf16")
    # Bit-identical repetition is promised on CPUs; on a GPU it would change what is timed.
    torch.use_deterministic_algorithms(True)
    return Device(torch.device("cpu"), "bf16" if precision == "bf16" else "float32")


def environment(device: Device) -> dict[str, Any]:
    """What a comparison must not mix: machine, device, threads, versions."""
    from importlib.metadata import version

    names = ("torch", "transformers", "numpy", "ir_measures", "optuna")
    return {
        "device": device.label,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }
