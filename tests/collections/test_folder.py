"""Folders on disk: what is read, and what is refused with file and line."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.artifacts import Artifacts
from bench.collections.open import open_collection, resolve
from bench.errors import InputError
from tests.conftest import write_collection


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_collection(tmp_path / "toy", topics=12)


def opened(folder: Path):
    return open_collection(str(folder), Artifacts(folder.parent / "artifacts"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_is_read(folder):
    collection = opened(folder)
    first = json.loads((folder / "corpus.jsonl").read_text().splitlines()[0])
    assert collection.documents.id_list()[0] == first["_id"]
    assert collection.documents.take([0]) == [f"{first['title']} {first['text']}"]
    sizes = {name: len(part.queries) for name, part in collection.parts.items()}
    assert sizes == {"train": 7, "dev": 2, "test": 3}
    assert "carved from train" in collection.notes[0]
    test = collection.part("test")
    ids = test.queries.id_list()
    pairs = {
        (ids[query], collection.documents.id_list()[document])
        for query, document in test.relevant().tolist()
    }
    assert pairs == {(f"q{topic}", f"d{topic}-{copy}") for topic in (9, 10, 11) for copy in (0, 1)}


def test_dev_halves_are_a_partition(folder):
    halves = opened(write_collection(folder.parent / "more", topics=60)).dev_halves()
    everything = np.concatenate([halves["dev-select"], halves["dev-curve"]])
    assert sorted(everything.tolist()) == list(range(9))
    assert len(halves["dev-select"]) == 4


def test_a_changed_file_is_another_collection(folder):
    before = opened(folder).fingerprint
    assert opened(folder).fingerprint == before
    edit(folder / "corpus.jsonl", '"text": "', '"text": "changed ')
    after = opened(folder)
    assert after.fingerprint != before
    assert "changed" in after.documents.take([0])[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("corpus.jsonl", '"d0-1"', '"d0-0"', "corpus.jsonl: the document id 'd0-0' .* 2 times"),
        ("corpus.jsonl", "{", "", r"corpus.jsonl:1: not a JSON object"),
        ("corpus.jsonl", '"_id"', '"id"', r"corpus.jsonl:1: needs '_id' as text"),
        ("queries.jsonl", '"q1"', '"q0"', r"queries.jsonl:2: the query id 'q0' .* twice"),
        ("qrels/train.tsv", "d0-0\t1", "d0-0", r"train.tsv:2: needs 3 tab-separated fields, has 2"),
        ("qrels/train.tsv", "d0-0\t1", "d0-0\tx", r"train.tsv:2: relevance .* whole number"),
        ("qrels/test.tsv", "q9\td9-0", "q0\td0-0", "queries are in test and in (train|dev)"),
    ],
)
def test_what_is_wrong_is_named(folder, file, old, new, message):
    edit(folder / file, old, new)
    with pytest.raises(InputError, match=message) as caught:
        opened(folder)
    assert "\n" not in str(caught.value)
    assert not list((folder.parent / "artifacts").glob("collection/*"))


def test_an_empty_query(folder):
    lines = (folder / "queries.jsonl").read_text().splitlines()
    lines[2] = json.dumps({"_id": "q2", "text": "  "})
    (folder / "queries.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"queries.jsonl:3: query 'q2' is empty"):
        opened(folder)


def test_bytes_that_are_no_utf8(folder):
    data = (folder / "corpus.jsonl").read_bytes().splitlines(keepends=True)
    data[4] = data[4].replace(b'"text": "', b'"text": "\xff')
    (folder / "corpus.jsonl").write_bytes(b"".join(data))
    with pytest.raises(InputError, match=r"corpus.jsonl:5: not UTF-8"):
        opened(folder)


def test_missing_files(folder, tmp_path):
    (folder / "queries.jsonl").unlink()
    with pytest.raises(InputError, match=r"queries.jsonl: there is no such file; a BEIR folder"):
        opened(folder)
    with pytest.raises(InputError, match="no folder here, no ir_datasets id"):
        resolve("pydcs")
    with pytest.raises(InputError, match="no folder here, no ir_datasets id"):
        resolve(str(tmp_path / "nothing"))


def test_test_may_not_be_dev_as_well(folder):
    written = {"name": "folder", "path": str(folder), "dev": "test"}
    with pytest.raises(InputError, match="must not also be the train or the dev part"):
        open_collection(written, Artifacts(folder.parent / "artifacts"))


def test_judgements_of_test_alone_can_be_evaluated_on(folder):
    (folder / "qrels" / "train.tsv").unlink()
    collection = opened(folder)
    assert list(collection.parts) == ["test"]
    with pytest.raises(InputError, match="no part is named 'train'"):
        collection.part("train")


def test_msmarco_style(tmp_path):
    folder = tmp_path / "marco"
    folder.mkdir()
    (folder / "collection.tsv").write_text("".join(f"{i}\tdocument {i}\n" for i in range(20)))
    for part, ids in (("train", range(10)), ("dev", range(10, 13)), ("test", range(13, 15))):
        (folder / f"queries.{part}.tsv").write_text("".join(f"q{i}\tquery {i}\n" for i in ids))
        (folder / f"qrels.{part}.tsv").write_text("".join(f"q{i} 0 {i} 1\n" for i in ids))
    (folder / "triples.train.tsv").write_text("q1\t1\t7\nq2\t2\t9\n")
    collection = opened(folder)
    assert collection.triples.tolist() == [[1, 1, 7], [2, 2, 9]]
    assert len(collection.part("dev").queries) == 3
    (folder / "triples.train.tsv").write_text("q1\t1\t77\n")
    with pytest.raises(InputError, match="triple 1 names no document: '77'"):
        opened(folder)


def test_ir_datasets(tmp_path, monkeypatch):
    """A data set registered with ir_datasets itself, from local files."""
    import ir_datasets
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import TrecQrels, TsvDocs, TsvQueries

    class Local:
        def __init__(self, name: str, text: str) -> None:
            self._path = tmp_path / name
            self._path.write_text(text)

        def path(self, force: bool = True) -> Path:
            return self._path

        def stream(self):
            return self._path.open("rb")

    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    documents = TsvDocs(
        Local("docs", "".join(f"d{i}\ttext {i}\n" for i in range(30))), namespace="x"
    )
    registry = ir_datasets.registry
    registry.register("toybench", Dataset(documents))
    for part, ids in (("train", range(20)), ("test", range(20, 30))):
        queries = TsvQueries(Local(f"q{part}", "".join(f"q{i}\tquery {i}\n" for i in ids)))
        qrels = TrecQrels(Local(f"r{part}", "".join(f"q{i} 0 d{i} 1\n" for i in ids)), {1: "yes"})
        registry.register(f"toybench/{part}", Dataset(documents, queries, qrels))
    collection = open_collection({"name": "ir-datasets", "id": "toybench"}, Artifacts(tmp_path))
    sizes = {name: len(part.queries) for name, part in collection.parts.items()}
    assert sizes == {"train": 16, "dev": 4, "test": 10}
    assert collection.documents.take([3]) == ["text 3"]
    with pytest.raises(InputError, match="no data set is named 'toybench/trai'"):
        open_collection(
            {"name": "ir-datasets", "id": "toybench", "train": "toybench/trai"}, Artifacts(tmp_path)
        )
