"""The one table of phases and clocks."""

from typing import get_args

import pytest

from bench.results import CLOCKS as COLUMNS
from bench.storage.clocks import ARTIFACT_PHASES, CLOCKS, PHASES, TRIAL_PHASES
from bench.storage.ledger import Bill, charge
from bench.study.schema import Claim

SECONDS = {phase: 2.0**power for power, phase in enumerate(PHASES)}
BILLS = [Bill(phase, "tokens x", seconds) for phase, seconds in SECONDS.items()]
"""Every sum of them is another one."""


@pytest.mark.parametrize(
    ("clock", "phases"),
    [
        ("train", ["train"]),
        ("warm", ["train", "mine", "read"]),
        ("cold", ["train", "mine", "prepare", "score"]),
        ("tuned", ["train", "mine", "prepare", "score"]),
    ],
)
def test_what_each_clock_charges(clock, phases):
    assert charge(BILLS, clock) == sum(SECONDS[phase] for phase in phases)
    assert sorted(CLOCKS[clock].at_once + CLOCKS[clock].by_example) == sorted(phases)


def test_which_phases_are_due_at_once():
    due = {name: clock.at_once for name, clock in CLOCKS.items()}
    assert due == {"train": [], "warm": ["read"], "cold": ["prepare"], "tuned": ["prepare"]}


def test_artifacts_and_trials():
    assert ARTIFACT_PHASES == ("prepare", "score")
    assert TRIAL_PHASES == ("train", "mine", "evaluate")
    assert [name for name, clock in CLOCKS.items() if clock.trials] == ["tuned"]


def test_every_clock_has_a_column_and_can_be_claimed():
    assert COLUMNS[:4] == ("train_seconds", "cold_seconds", "warm_seconds", "tuned_seconds")
    assert set(COLUMNS) == {f"{name}_seconds" for name in CLOCKS}
    claimed = get_args(Claim.model_fields["quantity"].annotation)
    assert {name for name in claimed if name.endswith("-speed-up")} == {
        f"{name}-speed-up" for name in CLOCKS
    }
