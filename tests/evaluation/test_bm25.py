"""BM25: scripts without spaces, documents without words, and the query's own document."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.collections.open import open_collection
from bench.evaluation.bm25 import BM25, _grams
from bench.evaluation.ranking import Ranking, read_trec, without, write_trec
from bench.storage.artifacts import Artifacts

THINGS = (
    "苹果",
    "大桥",
    "蜡烛",
    "沙漠",
    "引擎",
    "森林",
    "花园",
    "港口",
    "岛屿",
    "丛林",
    "水壶",
    "灯笼",
)


@pytest.fixture
def chinese(tmp_path):
    """Opens a collection of twelve documents in Chinese, with options."""
    folder = tmp_path / "zh"
    (folder / "qrels").mkdir(parents=True)
    write(
        folder / "corpus.jsonl",
        [{"_id": f"d{at}", "text": f"这是一段关于{it}的短文"} for at, it in enumerate(THINGS)],
    )
    write(
        folder / "queries.jsonl",
        [{"_id": f"q{at}", "text": f"{it}？"} for at, it in enumerate(THINGS)],
    )
    for part, span in {"train": range(8), "test": range(8, 12)}.items():
        rows = "".join(f"q{at}\td{at}\t1\n" for at in span)
        (folder / "qrels" / f"{part}.tsv").write_text(rows)
    return lambda **options: open_collection(
        {"name": "folder", "path": str(folder), **options}, Artifacts(tmp_path / "artifacts")
    )


def write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def ranked(collection, depth: int = 5, positions=None) -> Ranking:
    return BM25(collection, positions).rank(collection.part("test").queries, depth)


def test_text_without_spaces_is_found_by_characters_alone(chinese):
    assert (ranked(chinese()).documents == -1).all()
    assert ranked(chinese(bm25_tokens="char-2")).documents[:, 0].tolist() == [8, 9, 10, 11]


def test_a_ranking_without_any_document_is_written_and_read(chinese, tmp_path):
    collection = chinese()
    write_trec(tmp_path / "run.gz", ranked(collection), collection, "test", "bm25")
    assert (read_trec(tmp_path / "run.gz", collection, "test").documents == -1).all()


@pytest.mark.parametrize("text", ["", "…", "the of and"])
def test_documents_without_a_word_are_no_error(chinese, tmp_path, text):
    rows = [{"_id": f"d{at}", "text": text or "x"} for at in range(12)]
    write(tmp_path / "zh" / "corpus.jsonl", rows)
    collection = chinese()
    assert (ranked(collection).documents == -1).all()
    assert ranked(collection, 5, np.arange(3)).documents.shape == (4, 3)


def test_the_querys_own_document_is_left_out_and_the_depth_kept(chinese, tmp_path):
    corpus = tmp_path / "zh" / "corpus.jsonl"
    queries = (tmp_path / "zh" / "queries.jsonl").read_text().splitlines(keepends=True)
    corpus.write_text(corpus.read_text() + "".join(queries[8:]))
    usual = chinese(bm25_tokens="char-2")
    assert ranked(usual).documents[:, 0].tolist() == [12, 13, 14, 15]
    collection = chinese(bm25_tokens="char-2", ignore_identical_ids=True)
    for depth in (1, 3):
        found = ranked(collection, depth)
        assert found.documents.shape == (4, depth)
        assert found.documents[:, 0].tolist() == [8, 9, 10, 11]
        assert not (found.documents == np.arange(12, 16)[:, None]).any()


@given(st.text(), st.integers(2, 4))
def test_characters_stand_in_a_row_and_none_is_lost(text, n):
    grams = _grams(text, n)
    assert all(gram and len(gram) <= n and gram.split() == [gram] for gram in grams)
    runs = _grams(text, 10**6)  # no run is longer
    assert sum(max(len(run) - n, 0) + 1 for run in runs) == len(grams)
    assert {letter for run in runs for letter in run} == {one for gram in grams for one in gram}
    assert _grams(f"« {text}!", n) == grams


@given(
    documents=st.lists(st.permutations(range(6)), min_size=1, max_size=4),
    left_out=st.lists(st.integers(-1, 7), min_size=4, max_size=4),
    depth=st.integers(1, 6),
)
def test_a_ranking_less_one_document_keeps_its_order(documents, left_out, depth):
    found = np.array(documents)
    found[found == 5] = -1  # one that was not found
    scores = np.broadcast_to(np.arange(6, 0, -1, dtype=np.float32), found.shape)
    gone = np.array(left_out[: len(found)])
    result = without(Ranking(found, scores), gone, depth)
    assert result.documents.shape == result.scores.shape == (len(found), depth)
    for row, (before, one) in enumerate(zip(found.tolist(), gone.tolist(), strict=True)):
        kept = [document for document in before if document != one or one < 0][:depth]
        kept += [-1] * (depth - len(kept))
        assert result.documents[row].tolist() == kept
    assert np.array_equal(without(Ranking(found, scores), None, depth).documents, found[:, :depth])
