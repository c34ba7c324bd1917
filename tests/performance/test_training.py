"""Training and encoding: ours against sentence-transformers'."""

import pytest

from tests.performance.pairs import compare

KEEPING = {
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={2**30}:glibc.malloc.trim_threshold={2**31 - 1}"
}
"""Theirs with our allocator's settings."""


@pytest.mark.parametrize("environment", [{}, KEEPING], ids=["their defaults", "our allocator"])
@pytest.mark.parametrize(
    ("layers", "triples", "length", "steps", "target"),
    [(2, 32, 32, 6, 1.5), (6, 32, 64, 2, 1.7), (6, 16, 256, 2, 2.2)],
)
def test_step(table, layers, triples, length, steps, target, environment):
    ratio = compare(
        "steps:ours",
        "steps:theirs",
        environment=environment,
        collection="pydocs",
        layers=layers,
        length=length,
        triples=triples,
        steps=steps,
    )
    whose = "our allocator" if environment else "their defaults"
    name = f"step, {layers} layers, {triples} triples, ≤ {length} tokens ({whose})"
    table.add(name, ratio, target)
    assert ratio.median >= target, ratio


def test_encoding(table):
    options = {"collection": "pydocs(documents=1000)", "layers": 6, "length": 256}
    ratio = compare("encoding:ours", "encoding:theirs", **options)
    table.add("encoding documents, 6 layers, ≤ 256 tokens, tokenizing included", ratio, 1.2)
    assert ratio.median >= 1.2, ratio
