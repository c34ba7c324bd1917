"""Bills, and what of them is due."""

from pathlib import Path

import pytest

from bench.storage.artifact_name import ArtifactName
from bench.storage.ledger import Bill, due_part

SCORES = Bill("score", "teacher-scores 1", 40.0, 400, 800, 16_000, 8e9)


def test_scoring_is_due_as_its_examples_are_consumed():
    quarter = due_part(SCORES, 100)
    assert quarter == Bill("score", "teacher-scores 1", 10.0, 100, 200, 4_000, 2e9)
    assert due_part(SCORES, 0).seconds == 0
    assert due_part(SCORES, 400) == due_part(SCORES, 500) == SCORES


@pytest.mark.parametrize("phase", ["prepare", "read", "train", "mine"])
def test_whatever_else_is_due_in_full(phase):
    bill = Bill(phase, "x", 40.0, 400)
    assert due_part(bill, 100) is bill


@pytest.mark.parametrize("phase", ["prepare", "score", "read"])
def test_a_bill_knows_whose_it_is(phase):
    name = ArtifactName("teacher-scores", "0123456789abcdef")
    assert Bill(phase, str(name)).artifact == name
    assert name.folder(Path("a")) == Path("a/teacher-scores/0123456789abcdef")
    text = f"arm,{phase},{name},tokens fedcba9876543210,run 5"
    assert list(ArtifactName.mentioned(text)) == [name, ("tokens", "fedcba9876543210")]


def test_a_runs_own_bill_is_no_artifacts():
    assert Bill("train", "run").artifact is None
    assert Bill("test", "test, other").artifact is None


def test_a_bill_is_read_back_from_a_wider_table():
    assert Bill.of({**SCORES.record(), "arm": "a", "seed": 1}) == SCORES
    assert Bill.of({"phase": "train", "what": "run"}) == Bill("train", "run")
