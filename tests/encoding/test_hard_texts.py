"""Texts of nothing, and texts of megabytes."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertModel

from bench import students
from bench.collections.base import Texts
from bench.encoding import tokens
from bench.encoding.models import BUNDLED, load_tokenizer
from bench.storage.artifacts import Artifacts
from tests.encoding.folders import MEAN, change, describe, write_dense, write_plain
from tests.support.collections import write_collection
from tests.support.command_line import call
from tests.support.students import build, vectors, write

BERT = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
BERT |= {"intermediate_size": 64, "max_position_embeddings": 64}


# -- nothing -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A model whose tokenizer adds no special tokens: an empty text has none at all."""
    folder = write_plain(tmp_path_factory.mktemp("bare") / "model", BertModel, **BERT)
    change(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    change(folder / "tokenizer.json", post_processor=None)
    assert load_tokenizer(str(folder))("")["input_ids"] == []
    return folder


@pytest.fixture
def with_empties(tmp_path):
    """The small collection with documents of characters that a tokenizer reads nothing of."""
    folder = write_collection(tmp_path / "toy")
    with (folder / "corpus.jsonl").open("a") as corpus:
        for number in range(6):
            corpus.write(json.dumps({"_id": f"zz{number}", "text": "\u200b" * (number + 1)}) + "\n")
    return folder


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "weightedmean", "mean+max"])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_documents_of_nothing_come_last(pooling, similarity, bare, with_empties, tmp_path, capsys):
    modes = {"pooling_mode": pooling.split("+")}
    last_of_all(
        describe(bare, modes, similarity_fn_name=similarity), with_empties, tmp_path, capsys
    )


@pytest.mark.parametrize("kind", ["dense", "static", "projected"])
def test_so_do_they_behind_a_layer_that_adds_something(kind, bare, with_empties, tmp_path, capsys):
    describe(bare)
    if kind == "dense":
        student = describe(write_dense(bare), MEAN, ("Transformer", "Pooling", "Dense"))
    else:
        student = write("static", model=bare)
        if kind == "projected":
            student = write("projected", student=student, width=8)
    last_of_all(student, with_empties, tmp_path, capsys)


def last_of_all(student, collection, tmp_path, capsys) -> None:
    """In the ranking of every query."""
    code, _, told = call(
        capsys, "evaluate", str(student), "--collection", str(collection),
        "--artifacts", str(tmp_path / "artifacts"), "--run", str(tmp_path / "run.gz"),
    )  # fmt: skip
    assert code == 0, told
    ranked: dict[str, list[str]] = {}
    with gzip.open(tmp_path / "run.gz", "rt") as lines:
        for line in lines:
            query, _, document, _, score, _ = line.split()
            ranked.setdefault(query, []).append(document)
            assert np.isfinite(float(score))
    assert ranked
    for found in ranked.values():
        assert len(found) == 86
        assert sorted(found[-6:]) == [f"zz{number}" for number in range(6)]


def test_a_layers_bias_is_no_vector_of_nothing(context, bare):
    """Trained or not: where the pooling gives zeros, so does the layer behind it."""
    import torch

    describe(bare)
    student = students.create("projected", student=write("static", model=bare), width=8)
    encoder = build(student, context).query_encoder
    with torch.no_grad():
        encoder.head.bias.fill_(1.0)
    rows = [np.array([], dtype=np.int64), np.array([2000, 2001])]
    found = encoder.embed(encoder.pack(rows, 0, context.device), context.device)
    assert not found[0].any()
    wanted = encoder.head(encoder.embedding.weight[[2000, 2001]].mean(0))
    torch.testing.assert_close(found[1], wanted)


# -- very much -----------------------------------------------------------------------------------

LENGTH = 8
WORDS = ["list", "of", "arrays", "x", "列", "a" * 120, "index." * 30, "\n\n", "   ", ""]
PIECES = st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "\n", "\t ", ""]))
LONG = st.lists(PIECES, max_size=40).map(lambda some: "".join(word + gap for word, gap in some))


def made(texts: list[str], path, prompt: str = "", length: int = LENGTH) -> list[list[int]]:
    column = pa.array(texts, pa.large_string())
    ids = pa.array([str(at) for at in range(len(texts))])
    found = tokens.tokenize(Texts(ids, column, str(path)), BUNDLED, length, Artifacts(path), prompt)
    return [row.tolist() for row in found.rows(np.arange(len(texts)))]


def whole(texts: list[str], prompt: str = "", length: int = LENGTH) -> list[list[int]]:
    tokenizer = load_tokenizer(BUNDLED)
    written = [prompt + text for text in texts]
    return tokenizer(written, truncation=True, max_length=length)["input_ids"]


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(LONG, min_size=1, max_size=4))
def test_of_a_long_text_as_much_is_read_as_its_tokens_need(texts, tmp_path_factory):
    """To the token what the whole would give, though 512 characters are read at first."""
    path = tmp_path_factory.mktemp("long")
    assert made(texts, path, "query: ") == whole(texts, "query: ")


@pytest.mark.parametrize(
    "text",
    [
        "word " * 40_000,
        "x" * 200_000,
        " " * 5_000 + "words at the end",
        "x" * 600 + " and words behind it",
        "列" * 5_000,
        "\u3000".join(["words"] * 1_000),
    ],
)
def test_texts_that_have_broken_others(text, tmp_path):
    assert made([text, "short"], tmp_path) == whole([text, "short"])


def test_no_more_characters_at_a_time_than_said(tmp_path, monkeypatch):
    """However they are cut into chunks, and a text larger than a chunk is one by itself."""
    texts = ["a list " * count for count in (1, 300, 2, 0, 5, 900, 1, 1)]
    wanted = made(texts, tmp_path / "whole")
    monkeypatch.setattr(tokens, "CHARACTERS", 400)
    read = []
    rows = tokens._rows

    def watched(tokenizer, some, *rest):
        read.append(sum(min(len(text), tokens.PER_TOKEN * LENGTH) for text in some.to_pylist()))
        assert len(some) == 1 or read[-1] <= 400
        return rows(tokenizer, some, *rest)

    monkeypatch.setattr(tokens, "_rows", watched)
    assert made(texts, tmp_path / "chunks") == wanted == whole(texts)
    assert len(read) > 2


def test_vectors_of_a_very_long_text_are_those_of_its_start(context, bare):
    from bench.encoding.text_embedding import embed

    describe(bare)
    student = students.create("pretrained", model=str(bare), max_length=16)
    towers = build(student, context)
    long, short = "the list of arrays " * 10_000, "the list of arrays " * 4
    found = embed(towers.query_encoder, student.query_config, [long, short], context.device)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert vectors(student, towers, context)[1].shape == (80, 32)
