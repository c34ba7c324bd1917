"""Every registered loss against values from outside; a loss without a golden case fails."""

import json
from pathlib import Path

import pytest
import torch

from bench import losses
from bench.losses import Embeddings, Signals
from tests.losses.cases import golden_file, golden_module

NAMES = losses.registry.names()


@pytest.mark.parametrize("name", NAMES)
def test_golden(name):
    path = golden_file(name)
    checked = _check_json(name, path) if path.suffix == ".json" else _check_module(path)
    assert checked > 0


def _check_json(name: str, path: Path) -> int:
    golden = json.loads(path.read_text())
    for case in golden["cases"]:
        parts = [
            torch.tensor(golden["batch"][part], dtype=torch.float64, requires_grad=True)
            for part in ("queries", "positives", "negatives")
        ]
        value = losses.create(name, **case["options"])(Embeddings(*parts), Signals())
        value.backward()
        assert value.item() == pytest.approx(case["loss"], rel=1e-9), case["options"]
        norms = [part.grad.norm().item() for part in parts]
        assert norms == pytest.approx(case["gradients"], rel=1e-9), case["options"]
    return len(golden["cases"])


def _check_module(path: Path) -> int:
    count = 0
    for ours, theirs in golden_module(path).cases():
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
        count += 1
    return count


def test_distributed_reads_the_other_way_when_aligned():
    """The prose's reading on golden batch 0, derived apart: 1.4083 against the released 1.5227."""
    batch = json.loads(golden_file("distributed-margin").read_text())["batch"]
    q, p, n = (torch.nn.functional.normalize(torch.tensor(batch[k]).double()) for k in batch)
    margin = [(q[i] @ p[i] - q[i] @ n[i]).item() for i in range(4)]
    aligned = sum(
        (margin[i] - (p[i] @ n[j]).item() / 2 - 0.5) ** 2 for i in range(4) for j in range(4)
    )
    parts = (torch.tensor(batch[k]).double() for k in ("queries", "positives", "negatives"))
    loss = losses.create("distributed-margin", alignment="aligned")
    assert loss(Embeddings(*parts), Signals()).item() == pytest.approx(aligned / 16, rel=1e-9)
    assert aligned / 16 == pytest.approx(1.4083, abs=1e-4)
