"""The same folder, ranking and measures through other people's evaluators: the same numbers."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.collections.open import open_collection
from bench.evaluation.bm25 import BM25
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import Ranking, write_trec
from bench.evaluation.search import search
from bench.storage.artifacts import Artifacts
from tests.support.collections import WORDS
from tests.support.command_line import call

DEPTH = 15
EXACT = 1e-6

DOCUMENTS = [f"{prefix}{number}" for number in range(1, 13) for prefix in ("d", "D", "é")]
"""Ids whose order by number, by letter and by byte are three different ones."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A BEIR folder with grades from 0 to 3, and queries that share no word with any document."""
    folder = tmp_path_factory.mktemp("graded") / "col"
    draw = np.random.default_rng(0)
    (folder / "qrels").mkdir(parents=True)
    texts = [" ".join(draw.choice(WORDS[:12], 3)) for _ in DOCUMENTS]
    documents = [{"_id": id, "text": text} for id, text in zip(DOCUMENTS, texts, strict=True)]
    queries = [{"_id": f"q{n}", "text": WORDS[n] if n % 5 else "nowhere"} for n in range(20)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    judged = [
        f"q{query}\t{DOCUMENTS[document]}\t{grade if place else 2}\n"
        for query in range(20)
        for place, (document, grade) in enumerate(
            zip(draw.permutation(len(DOCUMENTS))[:9], draw.integers(0, 4, 9), strict=True)
        )
    ]
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(judged), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def collection(graded, tmp_path_factory):
    return open_collection(str(graded), Artifacts(tmp_path_factory.mktemp("artifacts")))


def tied(collection) -> Ranking:
    """Scores of few values, so that most documents share theirs with others."""
    queries, documents = (
        torch.from_numpy(np.random.default_rng(seed).integers(0, 3, (count, 2))).float()
        for seed, count in ((1, 20), (2, len(DOCUMENTS)))
    )
    positions = np.arange(len(DOCUMENTS))
    return search(queries, documents, collection.documents.tie_order, DEPTH, positions)


def apart(collection) -> Ranking:
    """No two scores alike."""
    found = tied(collection)
    scores = np.arange(DEPTH, 0, -1, dtype=np.float32)
    return Ranking(found.documents, np.tile(scores, (len(found.documents), 1)))


def lexical(collection) -> Ranking:
    """BM25's, which finds nothing for some queries and few documents for others."""
    return BM25(collection).rank(collection.part("test").queries, DEPTH)


TREC = ["nDCG@10", "nDCG", "RR", "R@5", "R(rel=2)@10", "AP", "AP(rel=2)", "P@5", "Success@1"]


@pytest.mark.parametrize(
    ("make", "measures"),
    [
        # Of equal scores ir_measures' own RR@10 takes the smaller id first, trec_eval the larger.
        (tied, TREC),
        (apart, [*TREC, "RR@10", "RR(rel=2)@10"]),
        (lexical, TREC),
    ],
)
def test_the_command_of_ir_measures_agrees(make, measures, collection, graded, tmp_path):
    ranking = make(collection)
    write_trec(tmp_path / "run.gz", ranking, collection, "test", "tag")
    (tmp_path / "run").write_bytes(gzip.decompress((tmp_path / "run.gz").read_bytes()))
    rows = [row.split("\t") for row in (graded / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    (tmp_path / "qrels").write_text(
        "".join(f"{query} 0 {document} {grade}\n" for query, document, grade in rows)
    )
    answer = subprocess.run(
        [sys.executable, "-m", "ir_measures", "qrels", "run", *measures, "--places", "9"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = {name: float(value) for name, value in map(str.split, answer.stdout.splitlines())}
    ours = per_query(collection.part("test"), ranking, measures).mean()
    assert theirs == pytest.approx(ours.to_dict(), abs=EXACT)
    assert all(0 < value < 1 for value in theirs.values())


def test_the_evaluator_of_sentence_transformers_agrees(
    collection_folder, tmp_path, capsys, monkeypatch
):
    """It knows relevant documents and no grades; its MAP divides by the cutoff where that is less
    than the number of relevant documents, which are two of each query here."""
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers, a peer, is no part of the extras"
    )
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    from bench.encoding.models import bundled

    monkeypatch.chdir(tmp_path)
    names = ["nDCG@5", "RR@5", "R@5", "AP@5", "P@5", "Success@1"]
    code, out, told = call(
        capsys, "evaluate", "pretrained", "--collection", str(collection_folder), "--json",
        "--measures", " ".join(names), "--artifacts", str(tmp_path / "artifacts"),
    )  # fmt: skip
    assert code == 0, told
    texts = {}
    for name in ("corpus", "queries"):
        lines = (collection_folder / f"{name}.jsonl").read_text().splitlines()
        rows = map(json.loads, lines)
        texts[name] = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in rows}
    relevant: dict[str, set[str]] = {}
    for line in (collection_folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        relevant.setdefault(query, set()).add(document)
    asked = {id: text for id, text in texts["queries"].items() if id in relevant}
    evaluator = InformationRetrievalEvaluator(
        asked, texts["corpus"], relevant,
        mrr_at_k=[5], ndcg_at_k=[5], accuracy_at_k=[1], precision_recall_at_k=[5], map_at_k=[5],
        write_csv=False,
    )  # fmt: skip
    theirs = evaluator(library.SentenceTransformer(str(bundled()), device="cpu"))
    keys = ["ndcg@5", "mrr@5", "recall@5", "map@5", "precision@5", "accuracy@1"]
    values = {name: theirs[f"cosine_{key}"] for name, key in zip(names, keys, strict=True)}
    assert values == pytest.approx(json.loads(out), abs=EXACT)
