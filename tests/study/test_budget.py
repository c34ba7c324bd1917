"""Budgets answer for their unit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.identity import identity
from bench.study.budget import NOTHING, Budget, Consumed

AMOUNTS = {"examples": 4000, "steps": 250, "seconds": 90.0, "flops": 2e12}
EVERY = [Budget(**{unit: amount}) for unit, amount in AMOUNTS.items()]
every_unit = pytest.mark.parametrize("budget", EVERY, ids=str)
HALF = Consumed(2000, 125, 45.0, 1e12)


@every_unit
def test_it_is_used_in_its_own_unit_alone(budget):
    assert budget.used(HALF) == 0.5
    assert budget.used(NOTHING) == 0
    others = {unit: 1 for unit in AMOUNTS if unit != budget.unit}
    assert budget.used(replace(NOTHING, **others)) == 0


def test_what_a_run_will_draw_is_known_of_examples_and_steps():
    known = {budget.unit: budget.planned_examples(16) for budget in EVERY}
    assert known == {"examples": 4000, "steps": 4000, "seconds": None, "flops": None}
    expected = {
        budget.unit: budget.expected_examples(Consumed(1, 1 / 16, 0.02, 5e8)) for budget in EVERY
    }
    assert expected == {"examples": 4000, "steps": 4000, "seconds": 4500, "flops": 4000}
    assert Budget(seconds=5.0).expected_examples(Consumed(1, 1, 0, 0)) == 0


def test_a_step_surely_uses_its_examples_and_itself():
    assert [budget.least_step(16) for budget in EVERY] == [16, 1, 0, 0]
    assert HALF.after_step(16) == Consumed(2016, 126, 45.0, 1e12)


@given(steps=st.integers(1, 10), batch=st.integers(1, 64))
def test_the_smallest_keeps_the_unit_and_is_no_larger(steps, batch):
    for budget in EVERY:
        small = budget.smallest(steps, batch)
        assert small.unit == budget.unit
        assert small.amount <= budget.amount
        assert small.planned_examples(batch) in (None, min(steps * batch, 4000))


def test_words():
    assert [str(budget) for budget in EVERY] == [
        "4,000 examples",
        "250 steps",
        "90 seconds",
        "2e+12 flops",
    ]
    assert EVERY[0].progress(HALF) == "2,000 of 4,000 examples"
    assert EVERY[2].progress(replace(NOTHING, seconds=3.6)) == "4 of 90 seconds"


@pytest.mark.parametrize("given", [{}, {"steps": 3, "seconds": 2.0}])
def test_exactly_one_binds(given):
    with pytest.raises(ValidationError, match="exactly one of examples, steps, seconds, flops"):
        Budget(**given)


def test_units_that_came_later_are_in_no_id_of_others():
    assert [identity(budget) for budget in EVERY] == [{unit: AMOUNTS[unit]} for unit in AMOUNTS]
