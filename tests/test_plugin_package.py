"""A package of plug-ins by the names in `docs/compatibility.md`, some of them old ones."""

import os
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

from tests.support.command_line import bench

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parent / "plugin_package"


@pytest.fixture
def installed(tmp_path) -> str:
    """A search path on which the package is, as pip would install it."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    about = tmp_path / "site" / f"toy_plugin-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugin\nVersion: 1.0\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(groups))
    known = filter(None, [os.environ.get("PYTHONPATH")])
    return os.pathsep.join([str(about.parent), str(PACKAGE), *known])


OLD = {
    "bench.artifacts.Artifact": "bench.storage.artifacts.Artifact",
    "bench.artifacts.Made": "bench.storage.artifacts.BuildReport",
    "bench.lab.Lab": "bench.context.Context",
    "bench.samplers.base.Demand": "bench.triples.stream.DrawPlan",
    "bench.samplers.base.Draws": "bench.triples.stream.TripleStream",
    "bench.samplers.base.Triples": "bench.triples.stream.Triples",
    "bench.students.base.Side": "bench.encoding.text_config.TextConfig",
    "bench.teachers.base.Teaching": "bench.teachers.base.SignalSource",
    "DrawPlan.draws": "stream",
    "Embeddings.comparable": "normalised",
    "ToyTable.query_side": "query_config",
    "ToyTable.document_side": "document_config",
    "ToyTable.drawn": "randomly_initialised",
}


def test_a_study_of_plug_ins(installed, toy_values, tmp_path):
    values = {
        **toy_values,
        "budget": {"examples": 32},
        "tuning": {"trials": 1},
        "seeds": [1],
        "baseline": "toy",
        "defaults": {"student": "toy-table(width=8)", "sampler": "toy-in-order(negatives=2)"},
        "arms": [
            {"name": "toy", "loss": "toy-margin", "teacher": "toy-overlap"},
            {"name": "shifted", "loss": "toy-margin(shift=1.0)", "teacher": "toy-overlap"},
            {"loss": "infonce"},
        ],
    }
    (tmp_path / "study.toml").write_text(tomli_w.dumps(values))
    command = ("run", "study.toml", "--no-mlflow", "--out", "out")
    environment = {"PYTHONPATH": installed, "PYTHONWARNINGS": "always::DeprecationWarning"}
    result = bench(*command, cwd=tmp_path, **environment)
    assert result.returncode == 0, result.stderr
    rows = pd.read_csv(tmp_path / "out" / "summary.csv")
    finals = rows[rows["role"] == "final"]
    assert list(finals["arm"]) == ["toy", "shifted", "infonce"]
    assert (finals["status"] == "done").all()
    assert list((tmp_path / "out" / "report").rglob("toy-dots.*"))
    warned = dict(re.findall(r"(\S+) is now ([\w.]+);", result.stderr))
    assert warned == OLD
