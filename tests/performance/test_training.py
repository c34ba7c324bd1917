"""Steps of training: ours against sentence-transformers', the products alone, and a bare loop."""

import os

import pytest

from tests.performance import products
from tests.performance.pairs import compare
from tests.performance.precisions import each_precision

KEEPING = {
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={2**30}:glibc.malloc.trim_threshold={2**31 - 1}"
}
"""Theirs with our allocator's settings."""

SCIFACT = os.environ.get("BENCH_TEST_SCIFACT", "")
"""A BEIR folder of SciFact."""

QUICK = {"collection": "pydocs", "layers": 2, "length": 32, "triples": 32, "steps": 6}
SHORT = {"collection": "pydocs", "layers": 6, "length": 64, "triples": 32, "steps": 2}
MIXED = {"collection": "pydocs", "layers": 6, "length": 256, "triples": 16, "steps": 2}


def named(setting: dict) -> str:
    return "{layers} layers, {triples} triples, ≤ {length} tokens".format(**setting)


settings = pytest.mark.parametrize(
    ("setting", "target"),
    [(QUICK, 1.5), (SHORT, 1.7), (MIXED, 2.2)],
    ids=["quick", "short", "mixed"],
)


@each_precision
@settings
def test_step(table, setting, target, precision):
    ratio = compare("steps:ours", "steps:theirs", precision=precision, **setting)
    row = table.at_least(f"step, {named(setting)}, {precision}", ratio, target)
    assert row.reached, row


@settings
def test_step_with_our_allocator(table, setting, target):
    ratio = compare("steps:ours", "steps:theirs", environment=KEEPING, **setting)
    row = table.at_least(f"step, {named(setting)}, theirs with our allocator", ratio, target)
    assert row.reached, row


@pytest.mark.skipif(not SCIFACT, reason="BENCH_TEST_SCIFACT names no BEIR folder of SciFact")
def test_step_on_long_documents(table):
    setting = MIXED | {"collection": f"folder(path='{SCIFACT}')"}
    ratio = compare("steps:ours", "steps:theirs", **setting)
    row = table.at_least(f"step, {named(setting)}, SciFact", ratio, 1.15)
    assert row.reached, row


@each_precision
@pytest.mark.parametrize(
    ("setting", "target"),
    [(QUICK, 0.65), (SHORT, 0.75), (MIXED, 0.75)],
    ids=["quick", "short", "mixed"],
)
def test_useful_work(table, setting, target, precision):
    share = products.with_attention(**setting)
    ratio = compare("steps:ours", "products:training", share=share, precision=precision, **setting)
    row = table.at_least(f"useful work of a step, {named(setting)}, {precision}", ratio, target)
    assert row.reached, row


def test_loop(table):
    ratio = compare("steps:ours", "steps:bare", **QUICK)
    row = table.at_least("loop, against a bare one on the same tensors", ratio, 1 / 1.03)
    assert row.reached, row


def test_asymmetric_student(table):
    ratio = compare("steps:asymmetric", "steps:ours", **MIXED)
    row = table.at_least(f"asymmetric student, against the symmetric one, {named(MIXED)}", ratio, 5)
    assert row.reached, row
