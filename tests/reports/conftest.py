"""Fixtures: small studies on disk, and a name that is hard to print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.analysis import Analysis
from tests.support.study_writer import Arm, Plan, Writer


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Analysis]:
    """``study(arms=[{…}], seeds=…, trials=…)``: the results of a study in a folder of its own."""

    def make(**changes: Any) -> Analysis:
        if "arms" in changes:
            changes["arms"] = [Arm(**arm) for arm in changes["arms"]]
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return Writer(folder, replace(Plan(), **changes)).write()

    return make


@pytest.fixture
def results(study: Callable[..., Analysis]) -> Analysis:
    """Three arms, the last with a failed seed, tuned, with references."""
    return study()


@pytest.fixture
def hostile() -> str:
    """The name of an arm that HTML, LaTeX, mathtext and a terminal would each misread."""
    return "<script>alert(1)</script> $x_1$ ${ 50% & [red]#~^\\ _检"
