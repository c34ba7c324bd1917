"""Where a loss's golden case is, the variants of it that the battery runs, and random batches."""

import importlib.util
import inspect
import itertools
import json
import typing
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType

import torch

from bench import losses
from bench.losses import Loss, Signals

HERE = Path(__file__).parent / "golden"


def golden_file(name: str) -> Path:
    """``golden/<name>.json`` or ``.py``: here, or for a plug-in also beside its module."""
    stem = name.replace("-", "_")
    beside = Path(inspect.getfile(losses.registry.get(name))).parent / "golden"
    found = [
        path
        for folder in (HERE, beside)
        for path in (folder / f"{stem}.json", folder / f"{stem}.py")
        if path.exists()
    ]
    assert found, f"{name} has no golden case: add tests/losses/golden/{stem}.json or .py"
    return found[0]


def golden_module(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def required(name: str) -> dict:
    """Options without a default, as the golden case has them (``OPTIONS`` of a module)."""
    cls = losses.registry.get(name)
    missing = {field.name for field in fields(cls) if field.default is MISSING}
    if not missing:
        return {}
    path = golden_file(name)
    given = (
        json.loads(path.read_text())["cases"][0]["options"]
        if path.suffix == ".json"
        else golden_module(path).OPTIONS
    )
    return {option: given[option] for option in missing}


def variants(name: str) -> list[Loss]:
    """The loss with its defaults, and with each other value of each option that has a fixed few."""
    hints = typing.get_type_hints(losses.registry.get(name))
    axes = {
        field.name: [True, False]
        if hints[field.name] is bool
        else list(typing.get_args(hints[field.name]))
        for field in fields(losses.registry.get(name))
        if hints[field.name] is bool or typing.get_origin(hints[field.name]) is typing.Literal
    }
    return [
        losses.create(name, **required(name), **dict(zip(axes, values, strict=True)))
        for values in itertools.product(*axes.values())
    ]


Parts = list[torch.Tensor]


def batch(
    seed: int, size: int, count: int, width: int = 5, teacher_width: int = 5
) -> tuple[Parts, Signals]:
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    parts = [normal(size, width), normal(size, width), normal(size, count, width)]
    return parts, Signals(
        scores=normal(size, 1 + count),
        in_batch=normal(size, size, 1 + count),
        queries=normal(size, teacher_width),
        documents=normal(size, 1 + count, teacher_width),
    )


def leaves(parts: Parts) -> Parts:
    return [part.clone().requires_grad_() for part in parts]


def each(signals: Signals, change) -> Signals:
    return Signals(**{name: change(value) for name, value in vars(signals).items()})
