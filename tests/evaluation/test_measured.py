"""What a finished run's rankings are measured for: the curve, the queries behind it, and test."""

import numpy as np
import pandas as pd
import pytest

from bench.collections.base import Part
from bench.evaluation import measured
from bench.evaluation.measured import JUDGED, SELECT, measure_run
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking, to_frame, write_trec
from bench.storage.records import RunFolder

MEASURES = ["nDCG@10", "RR@10", "R@5"]
POINTS = 3


def ranking(context, part: str, seed: int, depth: int = 12) -> Ranking:
    """Relevant documents among the first, or all would be 0."""
    draw = np.random.default_rng(seed)
    queries = context.collection.part(part)
    rows = [
        draw.permutation(len(context.collection.documents))[:depth]
        for _ in range(len(queries.queries))
    ]
    for query, document in queries.relevant().tolist():
        if document not in rows[query]:
            rows[query][draw.integers(depth)] = document
    return Ranking(np.array(rows), -np.sort(-draw.random((len(rows), depth)).astype(np.float32)))


@pytest.fixture
def folder(context, tmp_path) -> RunFolder:
    """A run with random rankings, not measured yet."""
    folder = RunFolder(tmp_path / "run")
    points = range(POINTS)
    rows = [to_frame(ranking(context, "dev", point), point) for point in points]
    folder.write_table("rankings", pd.concat(rows, ignore_index=True))
    folder.write_table("curve", pd.DataFrame({"point": list(points), "examples": list(points)}))
    write_trec(folder.trec("test"), ranking(context, "test", 9), context.collection, "test", "tag")
    return folder


def test_dev_has_the_values_behind_the_curve(context, folder):
    measure_run(folder, context, MEASURES, ["test"])
    curve, dev = folder.table("curve"), folder.table("dev")
    assert dev.columns.tolist() == ["point", "query", *MEASURES]
    part, halves = context.collection.part("dev"), context.collection.dev_halves()
    ids = np.array(part.queries.id_list())
    assert len(dev) == POINTS * len(halves["dev-curve"])
    for point in range(POINTS):
        rows = dev[dev["point"] == point]
        assert rows["query"].tolist() == ids[halves["dev-curve"]].tolist()
        assert not set(rows["query"]) & set(ids[halves["dev-select"]])
        # Added up in the order in which the curve's were.
        means = np.ascontiguousarray(rows[MEASURES]).mean(axis=0)
        assert means.tolist() == curve.loc[point, MEASURES].tolist()
        values = per_query(part, ranking(context, "dev", point), MEASURES, halves["dev-select"])
        assert curve.loc[point, [SELECT + name for name in MEASURES]].tolist() == [
            float(values[name]) for values in [values.mean()] for name in MEASURES
        ]
    assert dev["nDCG@10"].nunique() > 3


def test_a_tuning_run_leaves_no_single_queries(context, folder):
    measure_run(folder, context, MEASURES, [])
    assert set(MEASURES) <= set(folder.table("curve"))
    assert not (folder.path / "dev.parquet").exists()
    assert not (folder.path / "queries.parquet").exists()


def test_no_dev_query_is_measured_twice(context, folder, monkeypatch):
    calls = []

    def counting(part, found, names, queries=None, **options):
        calls.append((part.name, tuple(names)))
        return per_query(part, found, names, queries, **options)

    monkeypatch.setattr(measured, "per_query", counting)
    measure_run(folder, context, MEASURES[:2], ["test"])
    halves = 2
    assert calls.count(("dev", tuple(MEASURES[:2]))) == halves * POINTS
    assert calls[halves * POINTS :] == [("test", (*MEASURES[:2], JUDGED))]
    calls.clear()
    measure_run(folder, context, MEASURES, ["test"])
    assert calls[: halves * POINTS] == [("dev", ("R@5",))] * halves * POINTS
    calls.clear()
    measure_run(folder, context, MEASURES, ["test"])
    assert calls == []


def test_what_is_added_later_is_what_was_there_at_once(context, folder):
    measure_run(folder, context, MEASURES[:1], ["test"])
    before = folder.table("dev")
    measure_run(folder, context, MEASURES, ["test"])
    after = folder.table("dev")
    pd.testing.assert_frame_equal(after[before.columns], before)
    (folder.path / "dev.parquet").unlink()
    measure_run(folder, context, MEASURES, ["test"])
    pd.testing.assert_frame_equal(folder.table("dev"), after)


def test_an_older_folder_gets_what_it_lacks_and_keeps_the_rest(context, folder):
    measure_run(folder, context, MEASURES, ["test"])
    new = {name: folder.table(name) for name in ("dev", "queries")}
    curve = (folder.path / "curve.parquet").stat().st_mtime_ns
    (folder.path / "dev.parquet").unlink()
    folder.write_table("queries", new["queries"].drop(columns=JUDGED))
    measure_run(folder, context, MEASURES, ["test"])
    for name, table in new.items():
        pd.testing.assert_frame_equal(folder.table(name), table)
    assert (folder.path / "curve.parquet").stat().st_mtime_ns == curve


def test_every_test_query_says_how_much_of_its_ranking_was_judged(context, folder):
    measure_run(folder, context, ["RR@10"], ["test"])
    queries = folder.table("queries")
    assert queries.columns.tolist() == ["part", "query", "RR@10", JUDGED]
    part, found = context.collection.part("test"), ranking(context, "test", 9)
    judged = {(query, document) for query, document, _ in part.judgements.tolist()}
    wanted = [
        sum((query, document) in judged for document in row[:10].tolist()) / 10
        for query, row in enumerate(found.documents)
    ]
    assert queries[JUDGED].tolist() == wanted
    assert 0 < max(wanted) < 1


def test_a_study_may_ask_for_it_itself(context, folder):
    measure_run(folder, context, [JUDGED, "RR@10"], ["test"])
    assert folder.table("queries").columns.tolist() == ["part", "query", JUDGED, "RR@10"]


def test_judged_by_hand(context):
    """Ranks 1, 3 and 11 are judged; of three found, one; nothing found; nothing judged found."""
    texts = context.collection.part("train").queries.only(np.arange(4))
    judgements = [[0, 0, 1], [0, 2, 0], [0, 10, 1], [1, 7, 0], [1, 8, 1], [2, 1, 1], [3, 50, 1]]
    part = Part("tiny", texts, np.array(judgements))
    documents = np.full((4, 12), -1)
    documents[0] = np.arange(12)
    documents[1, :3] = [6, 7, 9]
    documents[3] = np.arange(12)
    found = per_query(part, Ranking(documents, np.zeros((4, 12))), [JUDGED, "RR@10"])
    assert found[JUDGED].tolist() == [0.2, pytest.approx(1 / 3), 0, 0]
    assert found["RR@10"].tolist() == [1, 0, 0, 0]
