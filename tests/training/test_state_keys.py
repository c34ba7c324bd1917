"""A checkpoint names weights by attributes: renaming one makes those of before unreadable.

`docs/compatibility.md` says how an attribute is renamed all the same.
"""

import json
from pathlib import Path

import pytest
from torch import nn

from bench import losses, students, teachers
from bench.teachers._neural import NeuralTeacher
from tests.losses.cases import required

KEYS = json.loads((Path(__file__).parent / "state_keys.json").read_text("utf-8"))

OPTIONS = {"exported": {"folder": "all-MiniLM-L6-v2"}}
PARTS = {"sum": {"parts": ["infonce", "embedding-match"]}}


def keys(module: nn.Module) -> list[str]:
    """Its state's keys; those below a transformer are named by transformers."""
    found = (key.partition("transformer.") for key in module.state_dict())
    return sorted({before + name + ("*" if name else "") for before, name, _ in found})


@pytest.mark.slow
def test_students(context):
    built = {
        name: keys(students.create(name, **OPTIONS.get(name, {})).build(context))
        for name in students.registry.names()
    }
    assert built == KEYS["students"]


def test_losses_with_parameters():
    built = {
        name: losses.create(name, **PARTS.get(name, required(name))).build(4, 6)
        for name in losses.registry.names()
    }
    found = {name: keys(one) for name, one in built.items() if isinstance(one, nn.Module)}
    assert found == KEYS["losses"]


def test_fine_tuned_teachers():
    classes = map(teachers.registry.get, teachers.registry.names())
    found = {one.name: keys(one().scorer()) for one in classes if issubclass(one, NeuralTeacher)}
    assert found == KEYS["teachers"]
