"""A loss from another package meets the same battery, its golden case beside its module."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

LOSS = '''
from dataclasses import dataclass
from bench import losses
from bench.losses import Loss, Signal

@losses.register("toy-hinge")
@dataclass(frozen=True)
class ToyHinge(Loss):
    """mean max(0, margin − s(q,p) + s(q,n)).

    Shapes: as everybody's. Source: this test; nowhere else.
    """

    margin: float

    def __call__(self, student, teacher):
        scores = student.scores()
        return (self.margin - scores[:, :1] + scores[:, 1:]).relu().mean()
'''

GOLDEN = """{
 "batch": {"queries": [[1.0, 0.0]], "positives": [[0.6, 0.8]], "negatives": [[0.8, 0.6]]},
 "cases": [{"options": {"margin": 0.5}, "loss": 0.7, "gradients": [%s, 0.8, 0.6]}]
}"""


@pytest.fixture
def installed(tmp_path) -> Path:
    """The package as pip would leave it."""
    (tmp_path / "toy_hinge.py").write_text(LOSS)
    about = tmp_path / "toy_hinge-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-hinge\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[bench.losses]\ntoy = toy_hinge\n")
    return tmp_path


def battery(folder: Path) -> str:
    """What pytest says of the battery run on that loss alone."""
    command = [sys.executable, "-m", "pytest", "tests/losses", "-k", "toy-hinge", "-q"]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout


def test_a_plug_in_is_tested_like_everybody(installed):
    # d s(q,p)/dq and so on: 0.8 − 0.6 across the query, 0.8 and 0.6 along the documents.
    golden = installed / "golden" / "toy_hinge.json"
    golden.parent.mkdir()
    golden.write_text(GOLDEN % "0.2")
    told = battery(installed)
    assert "failed" not in told, told
    assert " passed" in told
    golden.write_text(GOLDEN % "0.3")
    assert "1 failed" in battery(installed)


def test_a_plug_in_without_a_golden_case_fails(installed):
    assert "toy-hinge has no golden case" in battery(installed)
