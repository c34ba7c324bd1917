"""What a user would write with sentence-transformers for one arm and one seed.

``python -m tests.performance.script``: fine-tune a teacher, score with it, train a student on its
margins, evaluate on dev along the way and on test at the end. The numbers are `study`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.cross_encoder.losses import ListNetLoss
from sentence_transformers.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.losses import MarginMSELoss
from sentence_transformers.util import batch_to_device, dot_score
from torch import nn

from bench import samplers
from bench.context import Context
from bench.encoding.models import locate
from bench.training.evaluator import pool
from tests.performance.setting import CLIP, DECAY, MODEL, RATE, their_context, their_model
from tests.performance.study import COLLECTION, LAYERS, LENGTH, STUDY, TEACHER

Triples = tuple[list[str], list[list[str]]]
"""Queries, and each one's positive and negatives."""


def main() -> None:
    context = their_context(COLLECTION)
    teacher = CrossEncoder(str(locate(MODEL)), num_labels=1, max_length=2 * TEACHER["max_length"])
    _train_teacher(teacher, _drawn(context, TEACHER["examples"], TEACHER["negatives"]))
    triples = _drawn(context, STUDY["budget"]["examples"], negatives=1)
    margins = _margins(teacher, triples)
    student = their_model(context, LAYERS, LENGTH)
    size = STUDY["training"]["batch_size"]
    loss = MarginMSELoss(student)
    optimizer = _optimizer(student)
    points = [round(share * len(margins)) for share in STUDY["evaluation"]["points"]]
    for start, stop in zip([0, *points], points, strict=False):
        student.train()
        for at in range(start, stop, size):
            rows = slice(at, min(at + size, stop))
            queries, documents = triples[0][rows], triples[1][rows]
            columns = [queries, *map(list, zip(*documents, strict=True))]
            features = [batch_to_device(student.preprocess(one), student.device) for one in columns]
            _step(loss(features, margins[rows]), student, optimizer)
        _evaluate(student, context, ["dev"], pool(context.collection, STUDY["evaluation"]["pool"]))
    _evaluate(student, context, STUDY["test"], context.collection.searchable)


def _drawn(context: Context, examples: int, negatives: int) -> Triples:
    stream = samplers.create(f"uniform(negatives={negatives})").prepare(context)
    drawn = stream.batch(1, 0, examples)
    queries = context.collection.part("train").queries.take(drawn.queries)
    documents = [context.collection.documents.take(row) for row in drawn.documents]
    return list(queries), [list(row) for row in documents]


def _train_teacher(teacher: CrossEncoder, triples: Triples) -> None:
    loss, optimizer, size = ListNetLoss(teacher), _optimizer(teacher), TEACHER["batch_size"]
    teacher.train()
    for at in range(0, len(triples[0]), size):
        queries, documents = (side[at : at + size] for side in triples)
        labels = [torch.tensor([1.0] + [-torch.inf] * (len(row) - 1)) for row in documents]
        _step(loss([queries, documents], labels), teacher, optimizer)


def _margins(teacher: CrossEncoder, triples: Triples) -> torch.Tensor:
    pairs = [(query, one) for query, row in zip(*triples, strict=True) for one in row]
    scores = torch.from_numpy(teacher.predict(pairs)).view(len(triples[0]), -1)
    return scores[:, 0] - scores[:, 1]


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)


def _step(loss: torch.Tensor, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    optimizer.zero_grad()


def _evaluate(
    student: SentenceTransformer, context: Context, parts: Sequence[str], searched: np.ndarray
) -> None:
    """Of several parts over the same documents, which are encoded once."""
    student.eval()
    opened = context.collection
    documents = opened.documents.ids.take(searched).to_pylist()
    texts = list(opened.documents.take(searched))
    vectors = student.encode(texts, batch_size=64, convert_to_tensor=True)
    names = opened.documents.id_list()
    for part in map(opened.part, parts):
        ids = part.queries.id_list()
        relevant: dict[str, set[str]] = {}
        for query, document in part.relevant().tolist():
            relevant.setdefault(ids[query], set()).add(names[document])
        evaluator = InformationRetrievalEvaluator(
            dict(zip(ids, part.queries.texts.to_pylist(), strict=True)),
            dict(zip(documents, texts, strict=True)),
            relevant,
            score_functions={"dot": dot_score},
        )
        evaluator.compute_metrices(student, corpus_embeddings=vectors)


if __name__ == "__main__":
    main()
