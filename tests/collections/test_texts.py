"""Texts as they are in the world: encodings, empty ones, the same one twice, unspaced scripts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.collections._texts import lacks_spaces, normalise
from bench.errors import InputError
from tests.support.collections import append, edit, noted, opened, rewrite, sizes

FILES = ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "qrels/train.tsv"]
ZH = "这是一段关于苹果的短文"


def content(collection) -> list:
    parts = collection.parts.values()
    return [
        collection.documents.ids.to_pylist(),
        collection.documents.texts.to_pylist(),
        *([part.queries.texts.to_pylist(), part.judgements.tolist()] for part in parts),
    ]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\n\n"),
        lambda data: data.rstrip(b"\n"),
    ],
    ids=["BOM", "CRLF", "BOM and CRLF", "blank lines", "no last end of line"],
)
def test_how_lines_are_written_makes_no_difference(folder, file, change):
    before = opened(folder)
    (folder / file).write_bytes(change((folder / file).read_bytes()))
    after = opened(folder)
    assert content(after) == content(before)
    assert after.fingerprint == before.fingerprint


def test_a_mark_before_judgements_without_a_header(folder):
    before = content(opened(folder))
    path = folder / "qrels/test.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().partition(b"\n")[2])
    assert content(opened(folder)) == before


def test_utf16_is_named(folder):
    path = folder / "corpus.jsonl"
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(InputError, match=r"corpus.jsonl:1: not UTF-8"):
        opened(folder)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl"])
@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00", "\\ude00\\ud83d"])
def test_half_of_a_character_is_refused_with_its_place(folder, file, half):
    edit(folder / file, '"text": "', f'"text": "{half}')
    with pytest.raises(InputError, match=rf"{file}:1: '\\ud.*' is half of a surrogate pair"):
        opened(folder)


@pytest.mark.parametrize(("written", "read"), [("\\ud83d\\ude00", "😀"), ("\\\\ud83d", "\\ud83d")])
def test_whole_characters_are_read(folder, written, read):
    edit(folder / "corpus.jsonl", '"text": "', f'"text": "{written}')
    assert read in opened(folder).documents.take([0])[0]


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("corpus.jsonl", "title", ["a", "b"], r"corpus.jsonl:1: needs 'title' as text, and has \["),
        ("corpus.jsonl", "text", None, r"corpus.jsonl:1: needs 'text' as text, and has none"),
        ("corpus.jsonl", "text", {"a": "b" * 99}, r"corpus.jsonl:1: needs 'text' .{50,70}…$"),
        ("queries.jsonl", "text", 3, r"queries.jsonl:1: needs 'text' as text, and has 3"),
        ("queries.jsonl", "text", "\u3000", r"queries.jsonl:1: query 'q0' is empty"),
    ],
)
def test_what_is_no_text_is_refused(folder, file, key, value, message):
    rewrite(
        folder / file, lambda row: row if row["_id"] not in ("q0", "d0-0") else row | {key: value}
    )
    with pytest.raises(InputError, match=message):
        opened(folder)


def test_a_title_may_be_null(folder):
    rewrite(folder / "corpus.jsonl", lambda row: row | {"title": None})
    first = json.loads((folder / "corpus.jsonl").read_text().splitlines()[0])
    assert opened(folder).documents.take([0]) == [first["text"]]


def test_documents_without_text_are_counted_and_neither_found_nor_drawn(folder):
    append(folder / "corpus.jsonl", *({"_id": f"e{at}", "text": " " * at} for at in range(3)))
    collection = opened(folder)
    assert noted(collection) == ["3 of 27 documents without text; no search finds them"]
    assert collection.searchable.tolist() == collection.trainable.tolist() == list(range(24))


def test_a_collection_without_any_text_is_refused(folder):
    rewrite(folder / "corpus.jsonl", lambda row: row | {"title": "", "text": "\n"})
    with pytest.raises(InputError, match=r"corpus.jsonl: no document has any text"):
        opened(folder)


def texts_of(folder, ids, text):
    rewrite(
        folder / "queries.jsonl", lambda row: row | ({"text": text} if row["_id"] in ids else {})
    )


def test_a_query_that_test_asks_too_is_no_train_query(folder):
    before = opened(folder)
    train, dev = (before.part(name).queries.id_list() for name in ("train", "dev"))
    texts_of(folder, ["q9"], "Ｗhat is\tan  ISLAND")
    texts_of(folder, [train[0]], "what is an island ")
    collection = opened(folder)
    assert noted(collection) == ["train: 1 queries are asked, word for word, in test; left out"]
    left = {id for name in ("train", "dev") for id in collection.part(name).queries.id_list()}
    assert left == {*train, *dev} - {train[0]}
    assert collection.part("test").queries.id_list() == before.part("test").queries.id_list()


def test_a_query_that_dev_asks_too_is_no_train_query(folder):
    before = opened(folder)
    train, dev = (before.part(name).queries.id_list() for name in ("train", "dev"))
    texts_of(folder, [train[0], dev[0]], "what is an island")
    collection = opened(folder)
    assert noted(collection) == ["train: 1 queries are asked, word for word, in dev; left out"]
    assert collection.part("train").queries.id_list() == train[1:]
    assert collection.part("dev").queries.id_list() == dev


def test_a_dev_of_its_own_loses_what_test_asks(folder):
    lines = (folder / "qrels/train.tsv").read_text().splitlines()
    dev = [line for line in lines if line.startswith(("q0\t", "q1\t", "q2\t"))]
    (folder / "qrels/train.tsv").write_text("\n".join(line for line in lines if line not in dev))
    (folder / "qrels/dev.tsv").write_text("\n".join(dev))
    texts_of(folder, ["q2", "q11"], "what is an island")
    collection = opened(folder)
    assert noted(collection) == ["dev: 1 queries are asked, word for word, in test; left out"]
    assert collection.part("dev").queries.id_list() == ["q0", "q1"]
    texts_of(folder, ["q1", "q2", "q11"], "what is an island")
    with pytest.raises(InputError, match=r"qrels/dev.tsv: dev needs at least 2 queries, it has 1"):
        opened(folder)


def test_train_that_is_test_altogether_is_refused(folder):
    texts_of(folder, [f"q{at}" for at in range(12)], "always the same")
    with pytest.raises(InputError, match="every train query is asked, word for word, in test too"):
        opened(folder)


def own_document(folder, **changed) -> str:
    """The query q9 stands in the corpus too, with these changes; its text."""
    queries = (folder / "queries.jsonl").read_text().splitlines()
    row = next(row for row in map(json.loads, queries) if row["_id"] == "q9")
    append(folder / "corpus.jsonl", {"title": "", **row, **changed})
    return row["text"]


ADVICE = (
    "test: 1 of 3 queries are documents too, by id and text; "
    "ignore_identical_ids=true leaves each out of its own ranking"
)


@pytest.mark.parametrize(
    ("changed", "notes"),
    [
        ({}, [ADVICE]),
        ({"title": "Title"}, [ADVICE]),  # ArguAna's have one that the query lacks
        ({"text": "another text, and a long one at that, which only has the same id"}, []),
        ({"_id": "another"}, []),
    ],
)
def test_queries_that_are_documents_are_counted_by_id_and_text(folder, changed, notes):
    own_document(folder, **changed)
    assert noted(opened(folder)) == notes


def test_ignoring_identical_ids_is_another_collection_and_is_noted(folder):
    own_document(folder)
    before, after = opened(folder), opened(folder, ignore_identical_ids=True)
    assert before.fingerprint != after.fingerprint
    assert before.ignored(before.part("test").queries) is None
    assert after.ignored(after.part("test").queries).tolist() == [24, -1, -1]
    assert noted(after) == ["the document that has a query's id is not ranked for it"]


def test_relevant_documents_that_are_never_found_are_counted(folder):
    own_document(folder)
    append(folder / "qrels/test.tsv", "q9\tq9\t1")
    assert noted(opened(folder, ignore_identical_ids=True)) == [
        "the document that has a query's id is not ranked for it",
        "test: 1 relevant documents have their query's id; never found",
    ]


@pytest.mark.parametrize(
    "text",
    [
        ZH,
        "りんごとは何ですか",
        "แอปเปิลคืออะไร",
        "ຫມາກໂປມ",
        "ក្រុង",
        "ཨ་མ",
        "မြန်မာ",
        "苹果 apple 大桥很长",
    ],
)
def test_scripts_without_spaces(text):
    assert lacks_spaces([text])


@pytest.mark.parametrize(
    "text", ["an apple", "яблоко", "사과는 무엇입니까", "تفاحة", "सेब", "1, 2", ""]
)
def test_scripts_with_spaces_or_none(text):
    assert not lacks_spaces([text]) or not any(map(str.isalpha, text))


def test_what_bm25_cannot_read_is_noted_unless_it_matches_characters(folder):
    rewrite(folder / "queries.jsonl", lambda row: row | {"text": f"{ZH}{row['_id'][1:]}"})
    words, characters = opened(folder), opened(folder, bm25_tokens="char-2")
    assert noted(words) == [
        "train, test, dev: written without spaces, so BM25 cannot read it and finds hardly "
        'anything; bm25_tokens="char-2" makes it match pairs of characters'
    ]
    assert noted(characters) == []
    assert words.fingerprint != characters.fingerprint
    with pytest.raises(InputError, match="bm25_tokens: Input should be 'words', 'char-2'"):
        opened(folder, bm25_tokens="char-9")


@given(st.text())
def test_normalised_is_settled_and_sees_no_spaces_or_case(text):
    once = normalise(text)
    assert once == " ".join(once.split())
    assert normalise(f" {text}\n") == once


def test_the_usual_collection_has_nothing_to_note(folder):
    collection = opened(folder)
    assert noted(collection) == []
    assert sizes(collection) == {"train": 7, "test": 3, "dev": 2}
