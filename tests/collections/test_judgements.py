"""Judgements as they are in the world: what is left out and counted, what is refused and where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.collections._ids import explain_bad_id, explain_unknown_id
from bench.collections._judgements import check_part, check_unique
from bench.collections._qrels import MOST, grade
from bench.collections.base import RawPart
from bench.errors import InputError
from tests.support.collections import append, edit, noted, opened, rewrite, sizes

TEST = "qrels/test.tsv"
WHOLE = {"train": 7, "test": 3, "dev": 2}


def judged(collection) -> set[tuple[str, str, int]]:
    """The test judgements, by ids."""
    test = collection.part("test")
    queries, documents = test.queries.id_list(), collection.documents.id_list()
    return {
        (queries[query], documents[document], value)
        for query, document, value in test.judgements.tolist()
    }


@pytest.mark.parametrize(
    ("row", "note"),
    [
        (
            "q9\tnot-there\t1",
            "test: 1 of 7 judgements name documents that are not there (the first is 'not-there'); "
            "left out",
        ),
        (
            "nobody\td9-0\t1",
            "test: 1 of 7 judgements name queries that are not there (the first is 'nobody'); "
            "left out",
        ),
        ("q9\td9-0\t1", "test: 1 of 7 judgements repeat another; kept once"),
        ("q9\td9-0\t1.0", "test: 1 of 7 judgements repeat another; kept once"),
        ("q9\td0-0\t-2", "test: 1 of 7 judgements below 0; not relevant"),
    ],
)
def test_a_judgement_that_says_nothing_is_counted(folder, row, note):
    before = judged(opened(folder))
    append(folder / TEST, row)
    collection = opened(folder)
    assert noted(collection) == [note]
    assert {one for one in judged(collection) if one[2] > 0} == before
    assert sizes(collection) == WHOLE


def test_one_judgement_with_two_grades_is_refused_with_both(folder):
    append(folder / TEST, "q9\td9-0\t2")
    path = re.escape(str(folder / TEST))
    message = f"^{path}:8: query 'q9' and document 'd9-0' are judged 2, and 1 at {path}:2$"
    with pytest.raises(InputError, match=message):
        opened(folder)


@pytest.mark.parametrize(
    ("pattern", "others", "says"),
    [
        (r"d(\d+)-", r"D\1-", "there is 'd9-0': they differ in case"),
        (r"d(\d+)-", r"00d\1-", "there is 'd9-0': they differ in leading zeros"),
        (r"d(\d+)-", r"d \1-", "there is 'd9-0': they differ in white space"),
        (r"d(\d+)-", r"ｄ\1-", "there is 'd9-0': they differ in Unicode form"),
        (r"d(\d+)-(\d)", r"doc\1#\2.html", "they differ in what stands around the number"),
        (r"d(\d+)-(\d)", r"nothing", "there is for example 'd0-0'"),
    ],
)
def test_ids_that_never_match_are_refused_with_how_they_differ(folder, pattern, others, says):
    text = (folder / TEST).read_text()
    (folder / TEST).write_text(re.sub(rf"\t{pattern}", rf"\t{others}", text))
    with pytest.raises(InputError, match=r"test.tsv: .* of .* \(test\) name documents") as caught:
        opened(folder)
    assert says in str(caught.value)


def test_query_ids_that_never_match_are_refused_likewise(folder):
    text = (folder / TEST).read_text()
    (folder / TEST).write_text(re.sub(r"\nq(\d+)", r"\nQ\1", text))
    with pytest.raises(InputError, match=r"6 of 6 .* \(test\) name queries that are not") as caught:
        opened(folder)
    assert str(caught.value).endswith("the first is 'Q9', there is 'q9': they differ in case")


@pytest.mark.parametrize("text", ["", "query-id\tcorpus-id\tscore\n"])
def test_a_file_without_judgements_is_refused(folder, text):
    (folder / TEST).write_text(text)
    with pytest.raises(InputError, match=r"test.tsv: no test query has a relevant document"):
        opened(folder)


def test_half_of_the_judgements_may_dangle_and_no_more(folder):
    append(folder / TEST, *(f"q9\tgone-{at}\t1" for at in range(6)))
    assert "6 of 12 judgements name documents" in noted(opened(folder))[0]
    append(folder / TEST, "q9\tgone-6\t1")
    with pytest.raises(InputError, match="7 of 13 judgements"):
        opened(folder)


def test_queries_without_a_relevant_document_are_left_out_and_counted(folder):
    for document in ("d9-0", "d9-1"):
        edit(folder / TEST, f"{document}\t1", f"{document}\t0")
    collection = opened(folder)
    assert collection.part("test").queries.id_list() == ["q10", "q11"]
    assert noted(collection) == [
        "test: 1 of 3 judged queries without a relevant document; "
        "left out of every mean, not taken as 0"
    ]


def test_a_query_whose_only_relevant_document_is_gone_is_counted_too(folder):
    (folder / TEST).write_text("q9\td9-0\t1\nq10\tgone\t1\nq10\td0-0\t0\nq11\td11-0\t1\n")
    collection = opened(folder)
    assert collection.part("test").queries.id_list() == ["q9", "q11"]
    dangling, barren = noted(collection)
    assert dangling.startswith("test: 1 of 4 judgements name documents")
    assert barren.startswith("test: 1 of 3 judged queries without a relevant document")


def test_queries_that_no_part_judges_are_counted(folder):
    append(folder / "queries.jsonl", {"_id": "idle", "text": "a question"})
    assert noted(opened(folder)) == ["1 of 13 queries are judged in no part; left out"]


def test_queries_of_a_part_that_are_not_judged_are_counted():
    part = RawPart([("q1", "one"), ("q2", "two")], [("q1", "d1", 1)], "somewhere")
    rows, notes = check_part("test", part, {"d1": 0})
    assert rows.queries == [("q1", "one")]
    assert notes == ["test: 1 of 2 queries not judged; left out"]


def test_a_part_without_any_relevant_document_is_refused(folder):
    path = folder / TEST
    path.write_text(path.read_text().replace("\t1\n", "\t0\n"))
    with pytest.raises(InputError, match=r"test.tsv: no test query has a relevant document"):
        opened(folder)


@pytest.mark.parametrize(
    ("written", "value"),
    [("2", 2), ("+2", 2), ("2.0", 2), ("2.", 2), ("2e0", 2), (" 2 ", 2), ("-1", -1), ("-0", 0)]
    + [(f"{sign}{MOST}", int(f"{sign}{MOST}")) for sign in ("", "-")],
)
def test_grades_are_whole_numbers_however_written(written, value):
    assert grade(written, "here") == value


@pytest.mark.parametrize("written", ["", "x", "1.5", "nan", "inf", "1_000", "٣", "0x1", "1e-1"])
def test_other_grades_are_refused_with_their_place(folder, written):
    edit(folder / TEST, "q10\td10-0\t1", f"q10\td10-0\t{written}")
    with pytest.raises(InputError, match=r"test.tsv:4: relevance must be a whole number, not '"):
        opened(folder)


@pytest.mark.parametrize("written", [str(MOST + 1), str(-MOST - 1), "1e7", "9" * 30])
def test_grades_that_no_evaluator_can_count_are_refused(folder, written):
    edit(folder / TEST, "q10\td10-0\t1", f"q10\td10-0\t{written}")
    with pytest.raises(InputError, match=r"test.tsv:4: relevance must be at most 1,000,000"):
        opened(folder)


@given(st.integers(-MOST, MOST), st.sampled_from(["{}", "{}.0", "{}e0", "{}.", " {}"]))
def test_any_whole_number_is_read_as_it_is(number, form):
    assert grade(form.format(number), "here") == number


@pytest.mark.parametrize(
    "header", ["query-id\tcorpus-id\tscore\n", "qid\tdocid\trel\n", "\nq\td\tgrade\n", ""]
)
def test_a_header_may_stand_there_or_not(folder, header):
    before = judged(opened(folder))
    body = (folder / TEST).read_text().partition("\n")[2]
    (folder / TEST).write_text(header + body)
    collection = opened(folder)
    assert judged(collection) == before
    assert noted(collection) == []


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("q9\td9-0\tgood", r"test.tsv:1: relevance must be a whole number, not 'good'"),
        ("query\tdocument\tnan", r"test.tsv:1: relevance must be a whole number, not 'nan'"),
    ],
)
def test_a_broken_judgement_is_no_header(folder, first, message):
    edit(folder / TEST, "query-id\tcorpus-id\tscore", first)
    with pytest.raises(InputError, match=message):
        opened(folder)


def test_a_number_makes_the_first_line_a_judgement(folder):
    edit(folder / TEST, "query-id\tcorpus-id\tscore", "query\tdocument\t1")
    assert noted(opened(folder))[0].startswith("test: 1 of 7 judgements name queries")


def test_a_header_further_down_is_refused(folder):
    append(folder / TEST, "query-id\tcorpus-id\tscore")
    with pytest.raises(InputError, match=r"test.tsv:8: relevance .* not 'score'"):
        opened(folder)


SPACES = [" ", "\u00a0", "\u3000", "\u0085", "\u2028", "\u001c"]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("file", "id", "kind", "line"),
    [("corpus.jsonl", "d9-0", "document", 19), ("queries.jsonl", "q9", "query", 10)],
)
def test_ids_with_white_space_are_refused_with_their_place(folder, space, file, id, kind, line):
    rewrite(folder / file, lambda row: {**row, "_id": row["_id"].replace(id, f"{id}{space}x")})
    with pytest.raises(InputError) as caught:
        opened(folder)
    message = f"{file}:{line}: the {kind} id {f'{id}{space}x'!r} holds white space, which no TREC"
    assert message in str(caught.value)


@pytest.mark.parametrize(("file", "id"), [("corpus.jsonl", "d9-0"), ("queries.jsonl", "q9")])
def test_empty_ids_are_refused_with_their_place(folder, file, id):
    edit(folder / file, f'"{id}"', '""')
    with pytest.raises(InputError, match=rf"{file}:\d+: the \w+ id '' is empty"):
        opened(folder)


def test_whole_numbers_are_ids_as_judgements_write_them(folder):
    def numbered(row):
        topic, copy = row["_id"][1:].split("-")
        return {**row, "_id": 2 * int(topic) + int(copy)}

    rewrite(folder / "corpus.jsonl", numbered)
    rewrite(folder / "queries.jsonl", lambda row: {**row, "_id": int(row["_id"][1:])})
    (folder / TEST).write_text("9\t18\t1\n10\t20\t1\n11\t22\t1\n")
    (folder / "qrels/train.tsv").write_text("".join(f"{at}\t{2 * at}\t1\n" for at in range(9)))
    collection = opened(folder)
    assert judged(collection) == {("9", "18", 1), ("10", "20", 1), ("11", "22", 1)}
    assert noted(collection) == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("9.0", r"corpus.jsonl:19: needs '_id' as text, and has 9.0"),
        ("true", r"corpus.jsonl:19: needs '_id' as text, and has true"),
        ("null", r"corpus.jsonl:19: needs '_id' as text, and has none"),
        ('["d9"]', r"corpus.jsonl:19: needs '_id' as text, and has \[\"d9\"\]"),
    ],
)
def test_other_ids_are_refused(folder, written, message):
    edit(folder / "corpus.jsonl", '"d9-0"', written)
    with pytest.raises(InputError, match=message):
        opened(folder)


def test_a_number_and_its_text_are_one_id(folder):
    edit(folder / "corpus.jsonl", '"d9-0"', "7")
    edit(folder / "corpus.jsonl", '"d9-1"', '"7"')
    with pytest.raises(InputError, match="the document id '7' stands there 2 times"):
        opened(folder)


def test_ids_of_any_source_are_checked():
    with pytest.raises(InputError, match="^toys: the document id 'a b' holds white space"):
        check_unique([("a", "one"), ("a b", "two")], "toys", "document")


@given(st.text())
def test_an_id_is_what_stays_one_field_of_a_line(id):
    fields = f"q Q0 {id} 1 0.5 tag".split()
    assert (not explain_bad_id(id)) == (fields == ["q", "Q0", id, "1", "0.5", "tag"])


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text())))
def test_unique_gives_all_back_or_refuses(pairs):
    ids = [id for id, _ in pairs]
    if ids and len(set(ids)) == len(ids):
        assert check_unique(iter(pairs), "somewhere", "document") == pairs
    else:
        with pytest.raises(InputError, match="somewhere: "):
            check_unique(iter(pairs), "somewhere", "document")


@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from("abcd"), st.integers(0, 1)), max_size=12
    )
)
def test_nothing_judged_is_lost_unless_it_is_counted(judgements):
    """Over random judgements of two queries and three documents that are there, and others."""
    part = RawPart([("p", "one"), ("q", "two")], judgements, "somewhere")
    try:
        rows, notes = check_part("test", part, {"a": 0, "b": 1, "c": 2})
    except InputError:
        return
    kept = [row for row in dict.fromkeys(judgements) if row[0] in "pq" and row[1] in "abc"]
    relevant = {query for query, _, value in kept if value}
    assert rows.judgements == [row for row in kept if row[0] in relevant]
    assert [id for id, _ in rows.queries] == [id for id in "pq" if id in relevant]
    assert bool(notes) == (rows.judgements != judgements or len(rows.queries) < 2)


IDS = st.text(min_size=1).filter(lambda id: not explain_bad_id(id))


@given(st.text(), st.lists(IDS, min_size=1, max_size=5))
def test_how_ids_differ_is_one_line_about_one_that_is_there(missing, known):
    said = explain_unknown_id(missing, known)
    assert "\n" not in said
    assert any(repr(id) in said for id in known)


def test_how_ids_differ_is_short_however_many_there_are():
    known = [f"doc{at}x" for at in range(5000)]
    assert explain_unknown_id("zzz", known) == "the first is 'zzz', there is for example 'doc0x'"
    assert explain_unknown_id("dco77x", known[:100]).endswith(
        "they differ in what stands around the number"
    )
    assert explain_unknown_id("abcdefg", ["tuvwxyz", "abcdef"]).endswith("for example 'abcdef'")
