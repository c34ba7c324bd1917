"""Bills, and what of them is due."""

import pytest

from bench.storage.ledger import Bill, consumed

SCORES = Bill("score", "teacher-scores 1", 40.0, 400, 800, 16_000, 8e9)


def test_scoring_is_due_as_its_examples_are_consumed():
    quarter = consumed(SCORES, 100)
    assert quarter == Bill("score", "teacher-scores 1", 10.0, 100, 200, 4_000, 2e9)
    assert consumed(SCORES, 0).seconds == 0
    assert consumed(SCORES, 400) == consumed(SCORES, 500) == SCORES


@pytest.mark.parametrize("phase", ["prepare", "read", "train", "mine"])
def test_whatever_else_is_due_in_full(phase):
    bill = Bill(phase, "x", 40.0, 400)
    assert consumed(bill, 100) is bill
