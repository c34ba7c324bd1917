"""What the README shows works as it stands there."""

import re
import tomllib
from pathlib import Path

import pytest
import torch

import bench
from bench.arms import expand, grid
from bench.commands.list import REGISTRIES
from bench.study import parse_study

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_study_is_one():
    (text,) = blocks("toml")
    study = parse_study({"name": "readme", **tomllib.loads(text)}, "README.md")
    arms = expand(study)
    assert [arm.name for arm in arms] == ["static-margin", "adaptive-margin"]
    assert [len(grid(arm)) for arm in arms] == [10, 12]


def test_the_python_runs(monkeypatch):
    (text,) = blocks("python")
    drawn = {}
    monkeypatch.setattr(bench, "load_results", lambda folder: folder, raising=False)
    monkeypatch.setattr("reports.draw", lambda name, results: drawn.update({name: results}))
    names = {part: torch.eye(2, 3) for part in ("queries", "positives", "negatives")}
    exec(text, names)  # our own README
    assert drawn == {"convergence": "results/quickstart"}
    assert names["value"].dim() == 0


@pytest.mark.parametrize("kind", [kind for kind in REGISTRIES if kind != "figures"])
def test_every_entry_is_named(kind):
    import importlib

    for name in importlib.import_module(REGISTRIES[kind]).registry.names():
        assert f"`{name}`" in README
