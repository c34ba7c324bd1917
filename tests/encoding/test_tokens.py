"""Tokens of huge and of empty texts are those that the tokenizer gives, in bounded memory."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.collections.base import Texts
from bench.encoding import tokens as module
from bench.encoding.models import BUNDLED, load_tokenizer
from bench.encoding.tokens import PER_TOKEN, tokenize
from bench.storage.artifacts import Artifacts

LENGTH = 16
MOST = PER_TOKEN * LENGTH


def texts(values: list[str]) -> Texts:
    ids = pa.array([f"d{at}" for at in range(len(values))], pa.large_string())
    return Texts(ids, pa.array(values, pa.large_string()), "a fingerprint")


HUGE = {
    "words": "an apple and a bridge " * 20_000,
    "one word": "a" * 300_000,
    "no spaces": "这是一段关于苹果的短文" * 20_000,
    "spaces first": " " * (3 * MOST) + "an apple",
    "spaces between": "an" + " " * (3 * MOST) + "apple",
    "a word across the cut": "x" * (MOST - 3) + "apple tree",
    "words across the cut": " " * (MOST - 3) + "apple tree",
    "astral": "😀 " * 20_000,
    "empty": "",
    "spaces": "\n\t ",
}


@pytest.mark.parametrize("prompt", ["", "query: "])
def test_tokens_of_huge_texts_are_those_of_the_whole(tmp_path, prompt):
    values = list(HUGE.values())
    found = tokenize(texts(values), BUNDLED, LENGTH, Artifacts(tmp_path), prompt)
    tokenizer = load_tokenizer(BUNDLED)
    for name, text, row in zip(HUGE, values, found.rows(np.arange(len(values))), strict=True):
        whole = tokenizer(prompt + text, truncation=True, max_length=LENGTH)["input_ids"]
        assert row.tolist() == whole, name


def test_chunks_of_texts_change_nothing(tmp_path, monkeypatch):
    values = [*HUGE.values(), *(f"text {at}" for at in range(30))]
    whole = tokenize(texts(values), BUNDLED, LENGTH, Artifacts(tmp_path / "whole"))
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "CHARACTERS", 1500)
    parts = tokenize(texts(values), BUNDLED, LENGTH, Artifacts(tmp_path / "parts"))
    assert np.array_equal(parts.ids, whole.ids)
    assert np.array_equal(parts.starts, whole.starts)


@given(
    sizes=st.lists(st.integers(0, 30), max_size=30),
    most=st.integers(1, 20),
    chunk=st.integers(1, 6),
    characters=st.integers(1, 40),
)
def test_chunks_hold_every_text_once_and_few_characters(sizes, most, chunk, characters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        patch.setattr(module, "CHARACTERS", characters)
        chunks = list(module._chunks(texts(["é" * size for size in sizes]), most))
    assert [at for start, end in chunks for at in range(start, end)] == list(range(len(sizes)))
    for start, end in chunks:
        read = sum(min(size, most) for size in sizes[start:end])
        assert end - start == 1 or (end - start <= chunk and read <= characters)
        if end < len(sizes) and end - start < chunk:  # it is full
            assert read + min(sizes[end], most) > characters
