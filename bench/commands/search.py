"""``bench search``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench import encoding, evaluation, students, training
from bench.collections.open import open_collection
from bench.context import Context
from bench.errors import InputError
from bench.lazy import Library
from bench.progress import quiet, say
from bench.storage.artifacts import Artifacts
from bench.study.schema import Evaluation

if TYPE_CHECKING:
    import torch
else:
    torch = Library("torch")

LONGEST = 160
"""Most characters of a document that are printed."""


def search_collection(
    student_name: str,
    queries: list[str],
    collection_name: str,
    depth: int,
    as_json: bool,
    artifacts_root: Path,
) -> None:
    """Print the best documents of a collection for each query.

    Args:
        student_name: the student's name, folder or model id.

    Raises:
        InputError: there is no query, or no such student or collection.
    """
    if not queries:
        raise InputError("search: give a query, in quotes")

    student = students.find_student(student_name)
    student.check()
    for note in student.notes():
        say(note)
    artifacts = Artifacts(artifacts_root)
    context = Context(open_collection(collection_name, artifacts), artifacts, encoding.choose())
    torch.manual_seed(0)  # for students with random weights
    towers = context.device.place(student.build(context))
    texts = context.collection.documents
    searched = context.collection.searchable
    vectors = training.Evaluator(context, student, Evaluation()).indexed(towers)[searched]
    embedded = encoding.embed(towers.query_encoder, student.query_config, queries, context.device)
    ranking = evaluation.search(embedded, vectors, texts.tie_order[searched], depth, searched)
    quiet()
    ids = texts.id_list()
    results = [
        {
            "query": query,
            "documents": [
                {"rank": rank, "score": score, "id": ids[at], "text": text}
                for rank, (at, score, text) in enumerate(
                    zip(row, scores, texts.take(row), strict=True), start=1
                )
            ],
        }
        for query, row, scores in zip(
            queries, ranking.documents.tolist(), ranking.scores.tolist(), strict=True
        )
    ]
    if as_json:
        print(json.dumps(results, ensure_ascii=False, indent=1))
        return
    for result in results:
        _print(result)


def _print(result: dict) -> None:
    title = escape(result["query"])
    table = Table("", "score", "id", "document", title=title, title_justify="left")
    for row in result["documents"]:
        start = " ".join(row["text"][:LONGEST].split())
        table.add_row(str(row["rank"]), f"{row['score']:.4f}", escape(row["id"]), escape(start))
    Console().print(table)
