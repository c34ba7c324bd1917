"""Evaluation of vectors that are there: search, measures and a record of the rankings."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.collections.base import Collection, Part
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import write_trec
from bench.evaluation.search import search
from tests.performance.setting import Action, run_of, their_context

WIDTH, DEPTH = 384, 100
MEASURES = ["nDCG@10", "RR@10", "AP@100", "P@10", "R@10", "Success@10"]


def ours(collection: str) -> Action:
    _, context = run_of(collection, layers=2, length=32, triples=32)
    part, documents = context.collection.part("train"), context.collection.documents
    asked, found = _vectors(context.collection, part)
    positions = context.collection.searchable

    def act() -> None:
        ranking = search(asked, found[positions], documents.tie_order[positions], DEPTH, positions)
        with TemporaryDirectory() as folder:
            write_trec(Path(folder) / "run.trec", ranking, context.collection, "train", "ours")
        per_query(part, ranking, MEASURES).mean()

    return act


def theirs(collection: str) -> Action:
    from sentence_transformers.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import dot_score

    opened = their_context(collection).collection
    part = opened.part("train")
    asked, found = _vectors(opened, part)

    class Evaluator(InformationRetrievalEvaluator):
        def embed_inputs(self, *arguments, **options):
            return asked

    queries, documents = part.queries.ids.to_pylist(), opened.documents.ids.to_pylist()
    relevant: dict[str, set[str]] = {}
    for query, document in part.relevant().tolist():
        relevant.setdefault(queries[query], set()).add(documents[document])
    evaluator = Evaluator(
        dict(zip(queries, part.queries.texts.to_pylist(), strict=True)),
        dict(zip(documents, opened.documents.texts.to_pylist(), strict=True)),
        relevant,
        accuracy_at_k=[10],
        precision_recall_at_k=[10],
        score_functions={"dot": dot_score},
        write_predictions=True,
    )

    def act() -> None:
        with TemporaryDirectory() as folder:
            evaluator.compute_metrices(None, corpus_embeddings=found, output_path=folder)

    return act


def _vectors(collection: Collection, part: Part) -> tuple[Tensor, Tensor]:
    """A query's vector is near its relevant document's, so that about half are found."""
    torch.manual_seed(0)
    found = normalize(torch.randn(len(collection.documents), WIDTH))
    asked = torch.randn(len(part.queries), WIDTH)
    queries, documents = torch.from_numpy(part.relevant()).T
    asked.index_add_(0, queries, 4 * found[documents])
    return normalize(asked), found
