"""What `docs/compatibility.md` promises is there."""

import re
import warnings
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.test_deprecation import MOVED

PAGE = (Path(__file__).parents[1] / "docs" / "compatibility.md").read_text("utf-8")
ROWS = [re.findall(r"`([^`]+)`", line) for line in PAGE.splitlines() if line.startswith("| ")]
FACE = {
    module: names for module, *names in filter(None, ROWS) if names and "." not in "".join(names)
}
FORMATS = re.findall(r"\| `([\w.]+)\.(FORMAT|VERSION)` \| (\d+) \|", PAGE)


@pytest.mark.parametrize("module", [name for name in FACE if re.match("bench|reports", name)])
def test_the_face_can_be_imported(module):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        for name in FACE[module]:
            assert getattr(import_module(module), name) is not None


def test_public_names_are_on_the_page():
    for module in ("losses", "teachers", "students", "samplers", "generators", "collections"):
        assert {"create", "register", "registry"} < set(FACE[f"bench.{module}"])
    assert len(FACE) > 20


@pytest.mark.parametrize(("module", "constant", "number"), FORMATS)
def test_numbers_of_formats(module, constant, number):
    assert getattr(import_module(module), constant) == int(number)


def test_old_names_are_on_the_page():
    assert {row[0]: row[1] for row in ROWS if row and row[0] in MOVED} == MOVED


def test_an_attribute_can_be_renamed():
    """By the page's own recipe, also below another module."""
    recipe = re.search(r"```python\n(def take_old_keys.*?)```", PAGE, re.DOTALL)[1]
    function, _, call = recipe.partition("\n\n")
    names: dict = {}
    exec(function, names)
    assert call.strip() == "self.register_load_state_dict_pre_hook(take_old_keys)"

    class Old(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(2, 3)

    class New(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 3)
            self.register_load_state_dict_pre_hook(names["take_old_keys"])

    old, new = nn.ModuleDict({"of": Old()}), nn.ModuleDict({"of": New()})
    new.load_state_dict(old.state_dict())
    assert torch.equal(new["of"].layer.weight, old["of"].head.weight)
    new.load_state_dict(new.state_dict())
