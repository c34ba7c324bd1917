"""Scores from files: each format, what is refused, and a run that cannot tell the difference."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import samplers, teachers
from bench.collections.base import Texts
from bench.errors import InputError
from bench.losses.signals import Signal
from bench.teachers import _score_files
from bench.teachers._score_files import ScoreFile
from bench.triples.stream import DrawPlan
from tests.support.runs import train

SCORES = frozenset({Signal.SCORES})
FORMATS = ["margins", "jsonl", "hard-negatives", "trec"]


def written(form, table):
    """Lines of {(query id, document id): score} in one of the formats."""
    rows = [(query, document, score) for (query, document), score in table.items()]
    by_query = {}
    for query, document, score in rows:
        by_query.setdefault(query, []).append((document, score))
    if form == "trec":
        return [f"{query} Q0 {document} 1 {score!r} tag" for query, document, score in rows]
    if form == "margins":  # each document with each: every score stands there more than once
        return [
            f"{score!r}\t{other_score!r}\t{query}\t{document}\t{other}"
            for query, found in by_query.items()
            for document, score in found
            for other, other_score in found
        ]
    if form == "jsonl":
        return [json.dumps({"qid": q, "scores": dict(found)}) for q, found in by_query.items()]
    lines = []
    for query, found in by_query.items():
        items = [{"pid": document, "ce-score": score} for document, score in found]
        negatives = {"bm25": items[1:3], "dense": items[2:]}
        lines.append(json.dumps({"qid": query, "pos": items[:1], "neg": negatives, "more": 1}))
    return lines


def write(path, lines, packed=False):
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def create(path, **options):
    return teachers.create({"name": "precomputed", "path": str(path), **options})


def demand_of(context, examples=None, sampler="uniform(negatives=3)"):
    return DrawPlan(samplers.create(sampler).prepare(context), 1, 8, examples)


def some_scores(context, seed=0):
    """Five documents of every train query with scores of many digits."""
    draw = np.random.default_rng(seed)
    documents = context.collection.documents.id_list()
    return {
        (query, documents[place]): float(draw.normal(scale=10))
        for query in context.collection.part("train").queries.id_list()
        for place in draw.permutation(len(documents))[:5]
    }


def positions(context, table):
    """The same as arrays: queries [n], documents [n, 1], scores [n]."""
    queries = context.collection.part("train").queries.id_list()
    documents = context.collection.documents.id_list()
    return (
        np.array([queries.index(query) for query, _ in table]),
        np.array([[documents.index(document)] for _, document in table]),
        np.array(list(table.values()), dtype=np.float32),
    )


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_reads_to_the_same_numbers(form, packed, context, tmp_path):
    table = some_scores(context)
    path = write(tmp_path / "any-name", written(form, table), packed)
    queries, documents, wanted = positions(context, table)
    named = "jsonl" if form == "hard-negatives" else form
    for options in ({}, {"format": named}):
        found = create(path, **options).prepare(SCORES, demand_of(context), context)
        assert np.array_equal(found.at(queries, documents)[:, 0], wanted)
        assert len(found.codes) == len(table)
        assert found.width == 0


def texts(ids):
    return Texts(pa.array(ids), pa.array([f"text {id}" for id in ids]), "some")


tables = st.dictionaries(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2", "3", "10", "é", "x-1"])),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    min_size=1,
)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(FORMATS), st.integers(1, 8), st.randoms())
def test_any_scores_in_any_order_and_blocks(tmp_path_factory, table, form, block, random):
    queries, documents = list("abcdef"), ["é", "10", "x-1", "3", "2", "1", "never"]
    lines = written(form, table)
    random.shuffle(lines)
    path = write(tmp_path_factory.mktemp("scores") / "scores", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_score_files, "BLOCK", block)
        named = "jsonl" if form == "hard-negatives" else form
        codes, scores, counts = ScoreFile(path, named, texts(queries), texts(documents)).read()
    found = {
        (queries[code // 7], documents[code % 7]): score
        for code, score in zip(codes.tolist(), scores.tolist(), strict=True)
    }
    assert found == table
    assert codes.tolist() == sorted(codes.tolist())
    assert counts == {"lines": len(lines), "foreign": 0, "pairs": len(table)}


def test_ids_may_be_written_as_numbers(tmp_path):
    line = '{"qid": 867436, "pos": [{"pid": 5238393, "ce-score": 9}], "neg": {}}'
    path = write(tmp_path / "scores.jsonl", [line])
    source = ScoreFile(path, "jsonl", texts(["1", "867436"]), texts(["0", "9", "5238393"]))
    codes, scores, _ = source.read()
    assert (codes.tolist(), scores.tolist()) == ([5], [9.0])


def test_blank_lines_and_windows_ends_change_nothing(tmp_path):
    path = tmp_path / "scores.tsv"
    path.write_bytes(b"\r\n1.5\t-2\ta\t1\t2\r\n  \r\n1.5\t3\ta\t1\t3\r\n")
    codes, scores, counts = ScoreFile(path, "margins", texts("a"), texts("0123")).read()
    assert (codes.tolist(), scores.tolist()) == ([1, 2, 3], [1.5, -2, 3])
    assert counts["lines"] == 2


def test_a_file_is_parsed_once_and_another_content_is_another_teacher(context, tmp_path):
    table = some_scores(context)
    path = write(tmp_path / "scores.trec", written("trec", table))
    teacher, plan = create(path), demand_of(context)
    before = teacher.weights()
    (first,) = teacher.prepare(SCORES, plan, context).artifacts
    (again,) = create(path, format="trec").prepare(SCORES, plan, context).artifacts
    assert again.folder == first.folder
    assert all(bill.reused for bill in again.bills)
    assert first.about == {"lines": len(table), "foreign": 0, "pairs": len(table)}
    write(path, written("trec", some_scores(context, seed=1)))
    assert teacher.weights() != before
    queries, documents, wanted = positions(context, some_scores(context, seed=1))
    found = teacher.prepare(SCORES, plan, context)
    assert np.array_equal(found.at(queries, documents)[:, 0], wanted)


def test_what_it_says_of_itself():
    teacher = teachers.create("precomputed(path='scores.tsv')")
    assert teacher.provides() == SCORES
    assert teacher.unpriced() == "computing the scores of scores.tsv"
    assert str(teacher) == 'precomputed(path="scores.tsv")'


# -- what is refused -----------------------------------------------------------------------------


def prepare(path, context, **options):
    return create(path, **options).prepare(SCORES, demand_of(context), context)


def test_lines_with_unknown_ids_are_counted(context, tmp_path):
    """5,000 lines, a hundred of them wrong: 50 by the query and 50 by the document."""
    table = list(some_scores(context).items())
    lines = []
    for number in range(1, 5001):
        (query, document), score = table[number % len(table)]
        if number % 50 == 17:
            query, document = ("x", document) if number % 100 == 17 else (query, "y")
        lines.append(f"{query} Q0 {document} 1 {score} tag")
    path = write(tmp_path / "scores.trec", lines)
    with pytest.raises(InputError) as caught:
        prepare(path, context)
    assert str(caught.value).startswith(
        f"precomputed: {path}: 100 of 5,000 lines name a query or document that training does not "
        "have (first: line 17, query 'x')"
    )
    assert "\n" not in str(caught.value)
    found = prepare(path, context, unknown="skip")
    kept = [lines[at] for at in range(5000) if (at + 1) % 50 != 17]
    assert len(found.codes) == len({tuple(line.split()[::2][:2]) for line in kept})
    assert found.artifacts[0].about["foreign"] == 100


def test_an_unknown_document_is_named_and_only_it_is_left_out(context, tmp_path):
    query = context.collection.part("train").queries.id_list()[2]
    line = json.dumps({"qid": query, "scores": {"d0-0": 1.0, "nowhere": 2.0, "d0-1": 3.0}})
    path = write(tmp_path / "scores.jsonl", [line])
    with pytest.raises(InputError, match=r"1 of 1 lines .*line 1, document 'nowhere'"):
        prepare(path, context)
    assert prepare(path, context, unknown="skip").values.tolist() == [1.0, 3.0]
    with pytest.raises(InputError, match="1 of 1 lines"):
        prepare(path, context)


def test_a_test_query_is_no_train_query(context, tmp_path):
    query = context.collection.part("test").queries.id_list()[0]
    path = write(tmp_path / "scores.trec", [f"{query} Q0 d0-0 1 1.0 tag"])
    for unknown in ("error", "skip"):  # with nothing left there is nothing to teach
        with pytest.raises(InputError, match=f"1 of 1 lines .*query '{query}'"):
            prepare(path, context, unknown=unknown)


GOOD = {
    "margins": "1.0\t2.0\tq\td0-0\td0-1",
    "trec": "q Q0 d0-0 1 1.0 tag",
    "jsonl": '{"qid": "q", "scores": {"d0-0": 1.0}}',
}


@pytest.mark.parametrize(
    ("form", "line", "said"),
    [
        ("margins", "1.0\tq\td0-0\td0-1", "needs 5 tab-separated fields: score of .*; has 4"),
        ("margins", "1.0\thigh\tq\td0-0\td0-1", "the score 'high' is not a number"),
        ("margins", "nan\t1.0\tq\td0-0\td0-1", "the score 'nan' is not finite"),
        ("margins", "1.0\t1e39\tq\td0-0\td0-1", "the score '1e39' is not finite"),
        ("trec", "q Q0 d0-0 1 1.0", "needs 6 fields: query id, Q0, .*; has 5"),
        ("trec", "q Q0 d0-0 1 -inf tag", "the score '-inf' is not finite"),
        ("jsonl", "{", 'needs a JSON object {"qid": id, "scores"'),
        ("jsonl", "[1]", 'needs a JSON object {"qid": id, "scores"'),
        ("jsonl", "7", 'needs a JSON object {"qid": id, "scores"'),
        ("jsonl", '{"scores": {"d0-0": 1}}', 'needs a JSON object {"qid": id, "scores"'),
        ("jsonl", '{"qid": "q", "scores": [1]}', 'needs a JSON object {"qid": id, "scores"'),
        ("jsonl", '{"qid": "q", "scores": {"d0-0": "1"}}', "the score '1' is not a number"),
        ("jsonl", '{"qid": "q", "scores": {"d0-0": true}}', "the score True is not a number"),
        ("jsonl", '{"qid": "q", "scores": {"d0-0": NaN}}', "the score nan is not finite"),
        ("jsonl", '{"qid": 1.5, "scores": {"d0-0": 1}}', "the id 1.5 is neither text nor"),
        # Today's file of sentence-transformers, which has ids alone.
        ("jsonl", '{"qid": 1, "pos": [5], "neg": {"bm25": [7]}}', 'needs a JSON object .*"ce-sc'),
    ],
)
def test_a_malformed_line_is_named(form, line, said, context, tmp_path):
    query = context.collection.part("train").queries.id_list()[0]
    good = GOOD[form].replace('"q"', f'"{query}"').replace("q", query, form != "jsonl")
    path = write(tmp_path / "scores", [good, "", good, line, good])
    assert len(prepare(write(tmp_path / "fine", [good, good]), context).codes) >= 1
    with pytest.raises(InputError, match=said) as caught:
        prepare(path, context)
    assert str(caught.value).startswith(f"{path}:4: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("block", [1, 2, 1000])
def test_two_scores_of_one_pair_are_named(block, context, tmp_path, monkeypatch):
    monkeypatch.setattr(_score_files, "BLOCK", block)
    query = context.collection.part("train").queries.id_list()[4]
    rows = [("d1-0", 1.0), ("d2-0", 2.0), ("d1-0", 1.0), ("d2-0", 2.25), ("d3-0", 0.0)]
    lines = [f"{query} Q0 {document} 1 {score} tag" for document, score in rows]
    path = write(tmp_path / "scores.trec", lines)
    for options in ({}, {"tolerance": 0.2}):
        with pytest.raises(
            InputError, match=f"query '{query}' and document 'd2-0' have two scores, 2 and 2.25"
        ):
            prepare(path, context, **options)
    found = prepare(path, context, tolerance=0.25)
    row = np.array([4])
    at = [context.collection.documents.id_list().index(id) for id in ("d1-0", "d2-0", "d3-0")]
    assert found.at(row, np.array([at])).tolist() == [[1.0, 2.0, 0.0]]


def test_within_the_tolerance_the_first_score_counts(tmp_path):
    pairs = [(number * 7 % 5, number % 3) for number in range(300)]
    lines = [f"{q} Q0 {d} 1 {number / 1000} tag" for number, (q, d) in enumerate(pairs)]
    path = write(tmp_path / "scores.trec", lines)
    source = ScoreFile(path, "trec", texts("01234"), texts("012"), tolerance=0.5)
    codes, scores, _ = source.read()
    firsts = {}
    for number, (query, document) in enumerate(pairs):
        firsts.setdefault(query * 3 + document, np.float32(number / 1000))
    assert dict(zip(codes.tolist(), scores, strict=True)) == firsts


def test_pairs_that_a_run_draws_without_a_score_are_counted(context, tmp_path):
    plan = demand_of(context, examples=40)
    queries, documents = plan.stream.queries.id_list(), context.collection.documents.id_list()
    drawn = sorted(
        {
            (queries[query], documents[document])
            for batch in plan.batches()
            for query, row in zip(batch.queries, batch.documents, strict=True)
            for document in row
        }
    )
    whole = write(tmp_path / "whole.trec", written("trec", dict.fromkeys(drawn, 1.0)))
    create(whole).prepare(SCORES, plan, context)
    left = dict.fromkeys(drawn[7:], 1.0)
    path = write(tmp_path / "scores.trec", written("trec", left))
    with pytest.raises(InputError) as caught:
        create(path).prepare(SCORES, plan, context)
    start = f"precomputed: {path}: 7 of the {len(drawn):,} pairs that the run draws have no score"
    assert str(caught.value).startswith(start)
    named = [f"query {query!r}, document {document!r}" for query, document in drawn[:7]]
    assert any(name in str(caught.value) for name in named)
    assert "sampler" in str(caught.value)
    # A budget of seconds does not say what is drawn: nothing can be counted before.
    assert len(create(path).prepare(SCORES, demand_of(context), context).codes) == len(left)


def test_files_that_cannot_be_read(context, tmp_path):
    missing = tmp_path / "none.tsv"
    with pytest.raises(InputError, match="none.tsv: there is no such file"):
        prepare(missing, context)
    with pytest.raises(InputError, match="none.tsv: there is no such file"):
        create(missing).weights()
    empty = write(tmp_path / "empty.tsv", [])
    with pytest.raises(InputError, match="empty.tsv: it is empty"):
        prepare(empty, context)
    with pytest.raises(InputError, match="empty.tsv: it holds no scores"):
        prepare(empty, context, format="trec")
    strange = write(tmp_path / "strange.csv", ["", "query,document,score"])
    with pytest.raises(InputError, match=r"strange.csv:2: needs 5 tab-separated fields.*; or 6"):
        prepare(strange, context)
    latin = tmp_path / "latin.trec"
    latin.write_bytes(b"q Q0 d0-0 1 1.0 tag\nq\xe9 Q0 d0-0 1 1.0 tag\n")
    with pytest.raises(InputError, match="latin.trec:2: not UTF-8"):
        prepare(latin, context)
    whole = write(tmp_path / "cut.gz", written("trec", some_scores(context)), packed=True)
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(InputError, match="cut.gz: cannot be read"):
        prepare(whole, context)
    assert not list((context.artifacts.root / "precomputed-scores").glob(".*"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "path"),
        ("path='x', format='csv'", "format"),
        ("path='x', unknown='ignore'", "unknown"),
        ("path='x', tolerance=-0.1", "tolerance"),
    ],
)
def test_options_that_cannot_be(options, said):
    with pytest.raises(InputError, match=said):
        teachers.create(f"precomputed({options})")


# -- a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["margins", "hard-negatives"])
def test_a_run_cannot_tell_it_from_the_teacher_that_scored(
    form, context, specify, wide_model, tmp_path
):
    live = {"name": "bi-encoder", "model": str(wide_model), "max_length": 32}
    run = specify("live", {"loss": "margin-mse", "teacher": live})
    plan = DrawPlan(run.arm.sampler.prepare(context), run.seed, 8, run.budget.examples)
    signal_source = run.arm.teacher.prepare(SCORES, plan, context)
    queries, documents = plan.stream.queries.id_list(), context.collection.documents.id_list()
    table = {}
    for batch in plan.batches():
        scores = signal_source.signals(batch).scores.tolist()
        for query, row, values in zip(batch.queries, batch.documents, scores, strict=True):
            for document, value in zip(row, values, strict=True):
                table.setdefault((queries[query], documents[document]), value)
    path = write(tmp_path / "scores", written(form, table))
    stored = {"name": "precomputed", "path": str(path)}
    other = specify("stored", {"loss": "margin-mse", "teacher": stored})
    assert other.id != run.id
    first, second = (train(one, context, tmp_path / "runs") for one in (run, other))
    drop = "train_seconds"
    curves = [folder.table("curve").drop(columns=drop) for folder in (first, second)]
    pd.testing.assert_frame_equal(*curves)
    assert curves[0]["loss"].iloc[1:].gt(0).all()
    prepared = {bill.what.split()[0] for bill in second.bills() if bill.phase == "prepare"}
    assert prepared == {"tokens", "precomputed-scores"}
    assert second.record()["unpriced"] == f"computing the scores of {path}"
