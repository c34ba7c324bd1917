"""Which measures can be asked for, and what they count."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bench.collections.base import Part, Texts
from bench.errors import InputError
from bench.evaluation.fine_print import depth_notes, grade_notes, without_relevant
from bench.evaluation.measured import measure_run
from bench.evaluation.measures import check_measures, deepest, parse, parse_all, per_query
from bench.evaluation.ranking import Ranking, write_trec
from bench.storage.records import RunFolder
from tests.support.command_line import call


def part(*judgements: tuple[int, int, int], queries: int = 1) -> Part:
    ids = pa.array([f"q{number}" for number in range(queries)])
    return Part("test", Texts(ids, ids, "none"), np.array(judgements, dtype=np.int64))


def ranked(*documents: int) -> Ranking:
    row = np.array([documents])
    return Ranking(row, -np.arange(row.size, dtype=np.float32).reshape(row.shape))


SENSELESS = {
    "nDCG@0": "cutoff must be a whole number from 1",
    "P@0": "cutoff must be a whole number from 1",
    "RR@0": "cutoff must be a whole number from 1",
    "nDCG@True": "cutoff must be a whole number from 1",
    "nDCG@1.5": "cutoff must be a whole number from 1",
    "nDCG@99999999999999999999": "cutoff must be a whole number from 1",
    "R@-1": "problem parsing",
    "R(rel=0)@10": "rel must be a whole number from 1",
    "R": "it needs a cutoff, as R@10",
    "P": "it needs a cutoff, as P@10",
    "Success": "it needs a cutoff",
    "IPrec": "it needs a recall, as IPrec@0.1",
    "IPrec@2": "recall",
    "IPrec@0.101": "two decimals",
    "SDCG@10": "neither pytrec_eval nor msmarco",
    "RR(judged_only=True)@10": "neither pytrec_eval nor msmarco",
    "nDCG(foo=1)@10": "it has no 'foo'",
    "nDCG(gains={1:99999999999})@10": "gains must map grades",
    "nDCG(gains={'a':1})@10": "gains must map grades",
    "NumRet": "it is a count",
    "ndcg@10": "did you mean 'nDCG'?",
    "nDCG @10": "without spaces",
}


@pytest.mark.parametrize("name", SENSELESS)
def test_a_measure_without_sense_is_refused_before_it_is_computed(name):
    with pytest.raises(InputError) as caught:
        parse(name)
    assert str(caught.value).startswith(f"measure {name!r}: ")
    assert SENSELESS[name] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [("RR@10", "MRR@10"), ("R@5", "Recall@5"), ("AP", "MAP"), ("nDCG@10", "NDCG@10"), ("P@5",) * 2,
     ("RR@10", "RR(rel=1)@10")],
)  # fmt: skip
def test_two_names_of_one_measure_are_refused_and_each_is_right(names):
    with pytest.raises(InputError, match="are one measure; name it once") as caught:
        parse_all(names)
    assert all(repr(name) in str(caught.value) for name in names)
    values = per_query(part((0, 1, 1)), ranked(0, 1), list(dict.fromkeys(names)))
    assert len(set(values.iloc[0])) == 1
    assert values.iloc[0, 0] > 0


def test_measures_that_ir_measures_takes_for_one_another_are_told_apart():
    names = ["nDCG(gains={1:3,2:3})@10", "nDCG@10"]
    values = per_query(part((0, 0, 1), (0, 1, 2)), ranked(0, 1), names).iloc[0]
    assert values.tolist() == pytest.approx([1, (1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3))])


def test_a_measure_of_judged_documents_passes_over_the_others():
    """Also below its cutoff, which counts judged documents."""
    names = ["nDCG(judged_only=True)@2", "P(judged_only=True)@2", "AP(judged_only=True)@2", "P@2"]
    values = per_query(part((0, 3, 1)), ranked(0, 1, 2, 3), names).iloc[0]
    assert values.tolist() == [1, 0.5, 1, 0]


def test_no_measure_looks_deeper_than_the_ranking():
    check_measures(["R@100", "AP"], 100)
    with pytest.raises(InputError) as caught:
        check_measures(["nDCG@10", "R@1000"], 100)
    said = "measure R@1000 looks at 1,000 documents, evaluation.depth is 100"
    assert str(caught.value) == said
    for names, depth in ((["R(rel=2)@20", "P(cutoff=30)"], 30), (["AP", "R@5"], 1000)):
        assert deepest(parse_all(names).values(), otherwise=1000) == depth


def test_from_which_grade_documents_are_relevant():
    names = ["RR@10", "RR(rel=2)@10", "nDCG@10"]
    graded, found = part((0, 0, 1), (0, 1, 2)), ranked(0, 1)
    assert per_query(graded, found, names[:2]).iloc[0].tolist() == [1, 0.5]
    asked = per_query(graded, found, names, relevance=2).iloc[0]
    assert asked["RR@10"] == asked["RR(rel=2)@10"] == 0.5
    assert asked["nDCG@10"] == per_query(graded, found, names).iloc[0]["nDCG@10"]


def test_what_is_said_of_depth_and_grades():
    measures = parse_all(["nDCG@10", "RR@10", "AP", "R(rel=3)@10"])
    assert list(depth_notes(measures, 100)) == [
        "AP: of the first 100 documents (the depth of a ranking), there being no cutoff"
    ]
    parts = {"test": part((0, 0, 3)), "dev": part((0, 0, 1)), "test-b": part((0, 0, 2))}
    assert list(grade_notes(measures, parts, {"test-b": 2})) == [
        "RR@10, AP: grade 2 and more is relevant on test-b (relevance.test-b)",
        "RR@10, AP: grade 1 and more is relevant, and grades go up to 3 on test; RR(rel=2)@10 "
        "would count grade 2 and more",
    ]
    assert not list(grade_notes(parse_all(["nDCG@10"]), parts, {}))
    assert list(without_relevant(measures, parts, {"test-b": 3})) == [
        ("RR@10", "test-b", 3, 1),
        ("AP", "test-b", 3, 1),
        ("R(rel=3)@10", "dev", 3, 1),
        ("R(rel=3)@10", "test-b", 3, 1),
    ]


def test_another_threshold_measures_a_test_again(context, tmp_path):
    folder = RunFolder(tmp_path / "run")
    everything = np.arange(len(context.collection.documents))
    queries = len(context.collection.part("test").queries)
    found = Ranking(np.tile(everything[::-1], (queries, 1)), np.zeros((queries, len(everything))))
    write_trec(folder.trec("test"), found, context.collection, "test", "tag")
    rows = [{"point": 0, "query": query, "documents": everything} for query in range(2)]
    folder.write_table("rankings", pd.DataFrame(rows).iloc[:0])
    folder.write_table("curve", pd.DataFrame({"point": [], "RR@10": [], "dev-select RR@10": []}))
    folder.write_table("dev", pd.DataFrame({"point": [], "query": [], "RR@10": []}))

    def values(relevance: dict[str, int]) -> pd.DataFrame:
        measure_run(folder, context, ["RR@10"], ["test"], relevance)
        return folder.table("queries")

    first = values({})
    assert "relevance" not in first
    assert first["RR@10"].sum() > 0
    assert values({"test": 2})["RR@10"].sum() == 0
    assert set(folder.table("queries")["relevance"]) == {2}
    pd.testing.assert_frame_equal(values({}), first)


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("measures", ['["nDCG@0"]', '["RR@10", "MRR@10"]', '["R@1000"]'])
def test_a_study_is_refused_before_anything_is_written(
    command, measures, toy_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    code, _, told = call(capsys, command, str(toy_file), "--set", f"measures={measures}")
    assert code == 2, told
    assert len(told.splitlines()) == 1
    assert set(tmp_path.iterdir()) == before
