"""A small collection, and ways to open it and to break it."""

import json
import random
from pathlib import Path

from bench.collections.base import Collection
from bench.collections.open import open_collection
from bench.storage.artifacts import Artifacts

_VOCABULARY = (
    "array axis bin cache column count curve data depth edge field file filter frame graph grid "
    "group hash index input item join key label layer length level line list loop map mask "
    "matrix mean merge mode name node norm number order output pair path plot point pool query "
    "queue range rank rate record root row sample scale score seed set shape share sort space "
    "split stack step stream string sum table tag task text time token tree type unit value "
    "vector view weight word "
)
WORDS = _VOCABULARY.split()


def write_collection(folder: Path, topics: int = 40, seed: int = 0) -> Path:
    """A BEIR folder: each topic is five words; its query has three, its documents all of them."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "qrels").mkdir(exist_ok=True)
    documents, queries, judgements = [], [], []
    for topic in range(topics):
        words = draw.sample(WORDS, 5)
        queries.append({"_id": f"q{topic}", "text": " ".join(words[:3])})
        for copy in range(2):
            noise = draw.sample(WORDS, 4)
            text = " ".join(draw.sample(words + noise, 9))
            documents.append({"_id": f"d{topic}-{copy}", "title": words[0], "text": text})
            judgements.append(f"q{topic}\td{topic}-{copy}\t1")
    lines = {"corpus.jsonl": documents, "queries.jsonl": queries}
    for name, rows in lines.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    cut = 2 * (topics * 3 // 4)
    for name, rows in (("train", judgements[:cut]), ("test", judgements[cut:])):
        (folder / "qrels" / f"{name}.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n"
        )
    return folder


def opened(folder: Path, **options) -> Collection:
    written = {"name": "folder", "path": str(folder), **options} if options else str(folder)
    return open_collection(written, Artifacts(folder.parent / "artifacts"))


def sizes(collection: Collection) -> dict[str, int]:
    return {name: len(part.queries) for name, part in collection.parts.items()}


def noted(collection: Collection) -> list[str]:
    """Its notes, less the one on how dev was carved."""
    return [note for note in collection.notes if "carved from train" not in note]


def edit(path: Path, old: str, new: str) -> None:
    """The first of these is made another."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def append(path: Path, *rows: dict | str) -> None:
    with path.open("a") as stream:
        stream.writelines(
            f"{row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)}\n"
            for row in rows
        )


def rewrite(path: Path, change) -> None:
    """Every object of a JSONL file, changed."""
    rows = [change(json.loads(line)) for line in path.read_text().splitlines()]
    path.write_text("")
    append(path, *rows)
