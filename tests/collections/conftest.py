"""A small folder to break, one thing at a time."""

from pathlib import Path

import pytest

from tests.support.collections import write_collection


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_collection(tmp_path / "toy", topics=12)
