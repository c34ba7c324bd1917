"""Folders on disk: what is read, and what is refused with file and line."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.collections.open import open_collection, resolve
from bench.errors import InputError
from bench.progress import say_once
from bench.storage.artifacts import Artifacts
from tests.support.collections import edit, opened, write_collection


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


@pytest.mark.parametrize(
    ("name", "meant"), [("pydocs", "pydocs"), ("beir/scifact", 'ir-datasets(id="beir/scifact")')]
)
def test_a_name_means_the_same_beside_a_folder_of_that_name(
    tmp_path, monkeypatch, capsys, name, meant
):
    monkeypatch.chdir(tmp_path)
    write_collection(tmp_path / name)
    say_once.cache_clear()
    assert [str(resolve(name)) for _ in range(2)] == [meant, meant]
    said = " ".join(capsys.readouterr().err.split())
    assert said == f"collection {name!r} is {meant}, not the folder here: that is ./{name}"
    assert str(resolve(f"./{name}")) == f'folder(path="./{name}")'
    assert capsys.readouterr().err == ""


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


@pytest.mark.parametrize(
    ("file", "written", "message"),
    [
        ("queries.test.tsv", "q1\tone\nq2\t \n", r"queries.test.tsv:2: query 'q2' is empty"),
        ("queries.test.tsv", "q1\tone\nq1\ttwo\n", r"queries.test.tsv:2: .* 'q1' .* twice"),
        ("queries.test.tsv", "q 1\tone\n", r"queries.test.tsv:1: the query id 'q 1' holds white"),
        ("collection.tsv", "d1\tone\n\ttwo\n", r"collection.tsv:2: the document id '' is empty"),
        ("collection.tsv", "d1\tone\nd1\ttwo\n", r"collection.tsv: .* 'd1' stands there 2 times"),
        ("qrels.test.tsv", "q1 0 d1\n", r"qrels.test.tsv:1: needs query id, 0, document id"),
        ("qrels.test.tsv", "q1 0 d1 1\nq1 0 d1 2\n", r"qrels.test.tsv:2: .* 2, and 1 at .*:1$"),
    ],
)
def test_what_is_wrong_in_msmarco_files_is_named(tmp_path, file, written, message):
    folder = tmp_path / "marco"
    folder.mkdir()
    (folder / "collection.tsv").write_text("d1\tone\nd2\ttwo\n")
    (folder / "queries.test.tsv").write_text("q1\tone\nq2\ttwo\n")
    (folder / "qrels.test.tsv").write_text("query 0 document relevance\nq1 0 d1 1\nq2 0 d2 1\n")
    before = opened(folder)
    assert len(before.part("test").judgements) == 2
    path = folder / "collection.tsv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert opened(folder).fingerprint == before.fingerprint
    (folder / file).write_text(written)
    with pytest.raises(InputError, match=message):
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
