"""How near a student is to a teacher on held-out texts: by their vectors, and by their rankings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.context import Context
from bench.encoding.encoder import encode
from bench.encoding.flops import forward_flops
from bench.encoding.towers import Towers
from bench.evaluation.ranking import Ranking, from_frame
from bench.results import AGREEMENT
from bench.storage.artifacts import BuildReport
from bench.storage.files import save_array
from bench.storage.records import RunFolder
from bench.students.base import Student
from bench.teachers import BiScorer, Teacher
from bench.teachers.bi_encoder import BiEncoder
from bench.training.evaluator import Evaluator

FIRST = 10
"""How many of a teacher's first documents a student's ranking is compared on."""


def embedding_error(
    towers: Towers,
    student: Student,
    evaluator: Evaluator,
    teacher: Teacher | None,
    context: Context,
) -> dict[str, Any] | None:
    """How far the student's vectors are from the teacher's; `None` where that means nothing.

    ``queries`` is the mean of ‖e_t − e_s‖₂ over the dev-curve queries, ``documents`` that over the
    documents judged relevant for any of them; vectors as they are compared, so that both lie in
    [0, 2] where the similarities are cosines. It means nothing where the teacher is no bi-encoder,
    or of another width: a projection that the loss has learnt is no part of the student.
    Documents that the student has from this teacher are its own, and their error is 0.
    Source: arXiv 2301.12005 (EmbedDistill), its embedding matching losses.
    """
    if not isinstance(teacher, BiEncoder):
        return None
    queries, documents = _held_out(context)
    theirs = _teacher_vectors(teacher, queries, documents, context)
    if theirs["queries"].shape[1] != towers.width:
        return None
    asked = evaluator.queries(context.collection.part("dev").queries)
    vectors = encode(towers.query_encoder, asked, queries, context.device, "dev queries")
    error = {"queries": _distance(vectors.cpu().numpy(), theirs["queries"]), "documents": 0.0}
    if student.document_teacher() != teacher:
        vectors = evaluator.document_vectors(towers, documents, "relevant documents")
        error["documents"] = _distance(vectors.cpu().numpy(), theirs["documents"])
    return {"teacher": str(teacher), **error}


def _held_out(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the dev-curve queries, and of the documents relevant for them, each sorted."""
    queries = context.collection.dev_halves()["dev-curve"]
    relevant = context.collection.part("dev").relevant()
    return queries, np.unique(relevant[np.isin(relevant[:, 0], queries), 1])


def _teacher_vectors(
    teacher: BiEncoder, queries: np.ndarray, documents: np.ndarray, context: Context
) -> dict[str, np.ndarray]:
    """The teacher's vectors of both, encoded once for each teacher: nobody's cost."""
    loaded = teacher.reference(context)
    asked = loaded.tokenized.of(context.collection.part("dev").queries).queries
    sides = {"queries": (asked, queries), "documents": (loaded.tokenized.documents, documents)}

    def make(folder: Path) -> BuildReport:
        assert isinstance(loaded.scorer, BiScorer)
        encoder, count = loaded.scorer.encoder, 0
        for side, (tokens, positions) in sides.items():
            vectors = encode(
                encoder, tokens, positions, context.device, f"the teacher's dev {side}"
            )
            save_array(folder / f"{side}.npy", vectors.cpu().numpy())
            count += int(tokens.lengths(positions).sum())
        return BuildReport(
            texts=len(queries) + len(documents),
            tokens=count,
            flops=forward_flops(encoder, count),
            device=context.device.label,
        )

    specification = {**loaded.specification, "collection": context.collection.whole}
    needs = (*(tokens.artifact for tokens, _ in sides.values()), *loaded.artifacts)
    artifact = context.artifacts.get("geometry-vectors", specification, make, needs)
    return {side: np.load(artifact.folder / f"{side}.npy") for side in sides}


def _distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Mean distance of two vectors a row, [n, d] each."""
    return float(np.linalg.norm(ours.astype(np.float64) - theirs, axis=1).mean())


def compare_with_teacher(folder: RunFolder, teacher_folder: RunFolder, context: Context) -> None:
    """Add `agreement` on dev-curve at each evaluation point to curve.parquet, if it is not there.

    Args:
        teacher_folder: the teacher's reference run.
    """
    curve = folder.table("curve")
    if set(AGREEMENT) <= set(curve):
        return
    theirs = from_frame(teacher_folder.table("rankings").query("point == 0"))
    found = folder.table("rankings").groupby("point")
    queries = context.collection.dev_halves()["dev-curve"]
    curve[list(AGREEMENT)] = [
        agreement(from_frame(found.get_group(point)), theirs, queries) for point in curve["point"]
    ]
    folder.write_table("curve", curve)


def agreement(ours: Ranking, theirs: Ranking, queries: np.ndarray) -> tuple[float, float]:
    """How far a student ranks as a teacher does: (overlap, Kendall's τ_b), means over queries.

    Of the teacher's first `FIRST` documents of a query, overlap is the share that is among the
    student's first `FIRST`, in [0, 1]; τ_b compares their order with that of the student's ranks,
    in [-1, 1]. Those that the student's ranking does not hold share its last rank. Where it holds
    none of them τ_b is 0 by 0, and counts as 0: it says nothing of their order, and a query left
    out would be to the gain of the student that misses most. Queries for which the teacher has
    found fewer than two documents are left out, for every student alike.

    Args:
        queries: positions of the queries to compare.
    """
    first = theirs.documents[queries, :FIRST]
    kept = (first >= 0).sum(1) >= 2
    first, found = first[kept], ours.documents[queries[kept]]
    there = first >= 0
    same = (first[:, :, None] == found[:, None, :]) & there[:, :, None]
    overlap = same[:, :, :FIRST].any(2).sum(1) / there.sum(1)
    ranks = np.where(same.any(2), same.argmax(2), found.shape[1])
    return float(overlap.mean()), float(_tau(ranks, there).mean())


def _tau(ranks: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Kendall's τ_b of each row's ranks with the order of its columns; 0 where all are equal.

    Args:
        ranks: [n, m]; there: [n, m] which of them count, two of each row at least.

    Returns:
        [n]: (concordant − discordant) / √(pairs · pairs that are not tied); columns have no ties.
    """
    left, right = np.triu_indices(ranks.shape[1], 1)
    pairs = there[:, left] & there[:, right]
    signs = np.sign(ranks[:, right] - ranks[:, left]) * pairs
    told_apart = np.abs(signs).sum(1)
    return signs.sum(1) / np.sqrt(pairs.sum(1) * np.maximum(told_apart, 1))
