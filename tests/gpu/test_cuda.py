"""What must hold on a GPU; its speed is measured by `tests.gpu.measure`."""

import os

import pytest
import torch

from bench.encoding.models import BUNDLED
from tests.gpu.clocks import out_of_memory, same_work, study
from tests.gpu.exactness import loss_curves, precision
from tests.gpu.setting import Setting

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> Setting:
    model = os.environ.get("BENCH_TEST_MODEL", BUNDLED)
    return Setting(model, "pydocs(documents=1500)", tmp_path_factory.mktemp("gpu"))


def test_losses_are_those_of_the_cpu(setting):
    differences = loss_curves(setting)
    assert len(differences) >= 5
    assert max(differences.values()) < 1e-5, differences


def test_vectors_in_half_precision_are_near(setting):
    assert min(precision(setting).values()) > 0.9995


def test_whoever_comes_first_pays_nothing(setting):
    """Before there was a warm-up, the first of five equal runs took eight times as long."""
    runs = same_work(setting)["runs"]
    assert runs[0]["train"] < 1.3 * max(run["train"] for run in runs[1:])
    for run in runs:
        assert run["tenths"][0] < 1.3 * (run["tenths"][-1] - run["tenths"][-2])


def test_too_little_memory_is_one_line(setting):
    said = out_of_memory(setting)["said"]
    assert "has too little memory for batches of 2048" in said
    assert "training.gradient_cache" in said


def test_a_study_survives_a_kill_and_equal_arms_cost_the_same(setting):
    found = study(setting)
    assert (found["killed"], found["exit"]) == (-9, 0), found
    ratios = found["first by twin, seed by seed"]
    assert len(ratios) == 3
    assert 0.85 < sorted(ratios)[1] < 1.15
