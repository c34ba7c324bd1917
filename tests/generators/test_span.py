"""Pieces of documents: which, from where, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from bench import generators
from bench.errors import InputError

DOCUMENTS = [
    "One two three four five six. Seven eight nine! Ten eleven? Twelve thirteen fourteen fifteen.",
    "too short to be asked",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa",
]
QUERIES = {"train": ["a", "b", "c"], "dev": ["d", "e"], "test": ["f"]}
WRITTEN = [
    "span",
    "span(per_document=3)",
    "span(words=2)",
    "span(per_document=4, words=4, piece='span')",
]


def generate(written: str, context):
    return generators.create(written).generate(context)


@pytest.mark.parametrize("written", WRITTEN)
def test_pieces_are_of_their_documents(written, lab_of, collection_folder):
    context, options = lab_of(collection_folder), generators.create(written)
    made = options.generate(context)
    assert len(made.queries) == len(made.sources) > 20
    documents = context.collection.documents.take(made.sources)
    for query, document in zip(made.queries.texts.to_pylist(), documents, strict=True):
        words = document.split()
        length = len(query.split())
        assert f" {query} " in f" {' '.join(words)} "
        assert 1 <= length <= min(options.words, len(words) // 2)
    assert np.bincount(made.sources).max() <= options.per_document
    assert (np.diff(made.sources) >= 0).all()
    assert set(made.sources.tolist()) <= set(context.collection.drawable().tolist())


def test_a_document_gives_different_spans(lab_of, collection_folder):
    made = generate("span(per_document=4, words=4, piece='span')", lab_of(collection_folder))
    assert np.bincount(made.sources).max() == 4


def test_sentences_end_where_they_end_and_short_things_are_left_out(lab_of):
    context = lab_of((DOCUMENTS, QUERIES))
    made = generate("span(per_document=9)", context)
    by_source = [
        sorted(made.queries.take(np.flatnonzero(made.sources == at)))
        for at in range(len(DOCUMENTS))
    ]
    assert by_source == [
        ["One two three four five six.", "Seven eight nine!", "Twelve thirteen fourteen fifteen."],
        [],
        ["alpha beta gamma delta epsilon"],  # half of the only sentence
    ]


def test_the_same_again_and_others_with_another_seed(lab_of, collection_folder):
    written = "span(piece='span', words=4)"
    first, again = (generate(written, lab_of(collection_folder, work)) for work in ("a", "b"))
    assert first.queries.texts.equals(again.queries.texts)
    assert first.queries.fingerprint == again.queries.fingerprint
    assert np.array_equal(first.sources, again.sources)
    other = generate("span(piece='span', words=4, seed=1)", lab_of(collection_folder, "a"))
    assert not first.queries.texts.equals(other.queries.texts)
    assert first.queries.fingerprint != other.queries.fingerprint


def test_a_document_gives_the_same_wherever_it_stands_among_others(lab_of, collection_folder):
    context = lab_of(collection_folder)
    everything = generate("span(piece='span', words=4)", context)
    some = generate("span(piece='span', words=4, most=5)", context)
    assert len(some.queries) == 5
    known = dict(
        zip(everything.sources.tolist(), everything.queries.texts.to_pylist(), strict=True)
    )
    for source, query in zip(some.sources.tolist(), some.queries.texts.to_pylist(), strict=True):
        assert known[source] == query


def test_no_query_of_the_collection_and_no_text_twice(lab_of):
    documents = [
        "What is asked in test? It is then answered here.",
        "What is asked in dev? It is then answered here, too.",
        "What is asked in train? It is then answered here, as well.",
        "Something of its own stands here. And it is then answered.",
        "something of  its own STANDS here. In another way, too.",
    ]
    queries = {
        "train": ["what is asked  in TRAIN?", "x", "y"],
        "dev": ["WHAT is asked in dev?", "z"],
        "test": ["what\tis asked in Test?"],
    }
    made = generate("span(per_document=9, words=5)", lab_of((documents, queries)))
    assert sorted(made.queries.texts.to_pylist()) == [
        "And it is then answered.",
        "In another way, too.",
        "It is then answered here,",
        "It is then answered here.",
        "Something of its own stands",
    ]
    assert made.artifact.about["written"] == 10
    assert made.artifact.about["kept"] == 5


def test_ids_are_new(lab_of):
    context = lab_of((DOCUMENTS, QUERIES))
    made = generate("span(per_document=9)", context)
    ids = made.queries.id_list()
    asked = [id for part in context.collection.parts.values() for id in part.queries.id_list()]
    assert "generated-0" in asked
    assert len({*ids, *asked}) == len(ids) + len(asked)


def test_only_what_training_can_draw(lab_of, collection_folder):
    context = lab_of(collection_folder)
    relevant = np.unique(context.collection.part("train").relevant()[:, 1])
    trainable = np.setdiff1d(context.collection.trainable, relevant)[:4]
    context.collection = replace(context.collection, trainable=trainable, fingerprint="another")
    made = generate("span", context)
    assert set(made.sources.tolist()) == {*trainable.tolist(), *relevant.tolist()}


def test_written_once_with_a_bill(lab_of, collection_folder):
    context = lab_of(collection_folder)
    first, again = generate("span", context), generate("span()", context)
    assert again.artifact.folder == first.artifact.folder
    (bill,) = again.artifact.bills
    assert (bill.phase, bill.texts, bill.tokens) == (
        "prepare",
        len(context.collection.drawable()),
        0,
    )
    assert bill.reused
    assert generate("span(words=5)", context).artifact.folder != first.artifact.folder


def test_nothing_to_write_from_is_said(lab_of):
    context = lab_of((["no words", "at all"], {"train": ["a", "b", "c"], "test": ["f"]}))
    with pytest.raises(InputError, match="span: it writes no new query from"):
        generate("span", context)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("spam", "generators: no entry is named 'spam', did you mean 'span'"),
        ("span(words=0)", "greater than or equal to 1"),
        ("span(piece='word')", "'sentence' or 'span'"),
        ("seq2seq", "model: Field required"),
        ("seq2seq(model='x', mask=1.0)", "less than 1"),
        ("seq2seq(model='x', source='documents', noise=0.5)", "noise and mask are for source"),
        ("seq2seq(model='x', prompt='ask: ')", "prompt is for source"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(written, message):
    with pytest.raises(InputError, match=message) as caught:
        generators.create(written)
    assert "\n" not in str(caught.value)


def test_entries_say_what_they_are_and_are_written_as_they_are_read():
    for entry in generators.registry.describe():
        assert len(entry["summary"]) > 10
    for written in ("span(words=5)", 'seq2seq(model="x", noise=0.0)'):
        assert str(generators.create(written)) == written
