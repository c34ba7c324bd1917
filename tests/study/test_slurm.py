"""What a study may ask of a SLURM cluster."""

import pytest
from pydantic import ValidationError

from bench.study.schema import Execution
from bench.study.slurm import Slurm


@pytest.mark.parametrize(
    ("written", "minutes"), [(90, 90), ("90m", 90), ("4h", 240), ("2d", 2880), ("10 m", 10)]
)
def test_time_limit(written, minutes):
    assert Slurm(time_limit=written).time_limit == minutes


@pytest.mark.parametrize("written", ["4", "4 hours", "1:30:00", "", 4, 0, True, 1.5])
def test_time_limit_refused(written):
    with pytest.raises(ValidationError):
        Slurm(time_limit=written)


def test_options_of_sbatch():
    options = {"partition": "gpu", "exclusive": True, "nice": 100, "mem-per-cpu": "4G"}
    assert Slurm(sbatch=options).sbatch == options


@pytest.mark.parametrize("name", ["open-mode", "open_mode", "signal", "time"])
def test_options_that_the_executor_sets(name):
    with pytest.raises(ValidationError, match="set by the executor"):
        Slurm(sbatch={name: "x"})


@pytest.mark.parametrize("option", [{"--partition": "x"}, {"comment": "a\nb"}, {"hold": False}])
def test_options_that_sbatch_would_misread(option):
    with pytest.raises(ValidationError):
        Slurm(sbatch=option)


def test_workers_are_asked_for():
    with pytest.raises(ValidationError, match="workers: say how many jobs"):
        Execution(executor="slurm")
    assert Execution(executor="slurm", workers=8).slurm == Slurm()
