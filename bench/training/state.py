"""A run in the middle: everything that continues it, and its checkpoints (safetensors and JSON)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.optimization.loop import Progress
from bench.optimization.optimizer import load_moments, save_moments
from bench.storage.files import atomic_folder, damaged, read_object, save_array, write_json
from bench.storage.records import RunFolder

FORMAT = 2
"""Of a checkpoint. One of another format is not taken up: the run begins again."""


@dataclass
class State(Progress):
    """Where a run stands; its ``sums`` are of the steps since the last evaluation point.

    Attributes:
        texts: how many were encoded.
        tokens: how many each of the student's encoders has encoded.
        curve: a row for each evaluation point.
        selects: the value on dev-select at each.
        rankings: the dev ranking of each.
        best: value on dev-select and number of the best point so far.
        best_weights: the student's weights at that point, on the CPU.
        first_steps: train seconds after each of the first steps.
        tenths: steps and train seconds at each tenth of the budget.
        mined: the student's newest own ranking, where it mines, and the step it was made at.
    """

    texts: int = 0
    tokens: list[int] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)
    selects: list[float] = field(default_factory=list)
    rankings: list[pd.DataFrame] = field(default_factory=list)
    best: tuple[float, int] = (-1.0, -1)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    first_steps: list[float] = field(default_factory=list)
    tenths: list[tuple[int, float]] = field(default_factory=list)
    mined: np.ndarray | None = None
    mined_at: int = -1

    _PLAIN = (
        "examples",
        "steps",
        "texts",
        "tokens",
        "sums",
        "curve",
        "selects",
        "best",
        "first_steps",
        "tenths",
        "mined_at",
    )


def weights(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's weights on the CPU."""
    return {
        name: value.detach().cpu().clone().contiguous()
        for name, value in module.state_dict().items()
    }


def save(
    folder: RunFolder,
    state: State,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    seconds: dict[str, float],
) -> None:
    """Write a checkpoint; the one before is deleted once this one is whole.

    Args:
        modules: everything that trains, by the name its file gets.
    """
    target = folder.checkpoints / f"{state.steps:010d}"
    if target.exists():
        return
    with atomic_folder(target) as aside:
        for name, module in modules.items():
            save_file(weights(module), aside / f"{name}.safetensors")
        if state.best_weights:
            save_file(state.best_weights, aside / "best.safetensors")
        save_moments(optimizer, aside / "optimizer.safetensors")
        if state.mined is not None:
            save_array(aside / "mined.npy", state.mined)
        if state.rankings:
            pd.concat(state.rankings).to_parquet(aside / "rankings.parquet", index=False)
        plain = {name: getattr(state, name) for name in State._PLAIN}
        write_json(aside / "state.json", {**plain, "seconds": seconds, "format": FORMAT})
    for older in sorted(folder.checkpoints.iterdir())[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def load(
    folder: RunFolder, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> tuple[State, dict[str, float]] | None:
    """Restore the newest checkpoint into modules and optimizer; `None` where there is none.

    Raises:
        InputError: it is damaged.
    """
    found = sorted(path for path in folder.checkpoints.glob("[0-9]*") if path.is_dir())
    if not found:
        return None
    newest = found[-1]
    mend = f"delete {folder.checkpoints}, and the run begins again"
    plain = read_object(newest / "state.json", mend)
    if plain.pop("format", None) != FORMAT:
        for path in found:
            shutil.rmtree(path)
        return None
    try:
        return _restored(newest, plain, modules, optimizer)
    except MemoryError:
        raise
    except Exception as error:  # each kind of file has errors of its own
        raise damaged(newest, error, mend) from error


def _restored(
    newest: Path,
    plain: dict[str, Any],
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
) -> tuple[State, dict[str, float]]:
    for name, module in modules.items():
        module.load_state_dict(load_file(newest / f"{name}.safetensors"))
    load_moments(optimizer, newest / "optimizer.safetensors")
    seconds = plain.pop("seconds")
    state = State(**{**plain, "best": tuple(plain["best"])})
    if (newest / "best.safetensors").exists():
        state.best_weights = load_file(newest / "best.safetensors")
    if (newest / "mined.npy").exists():
        state.mined = np.load(newest / "mined.npy")
    if (newest / "rankings.parquet").exists():
        rows = pd.read_parquet(newest / "rankings.parquet")
        state.rankings = [frame for _, frame in rows.groupby("point", sort=True)]
    return state, seconds
