"""A folder is read as it declares, by sentence-transformers' own vectors: as student, as teacher,
and by `bench evaluate`."""

import gzip

import numpy as np
import pytest
from transformers import BertModel

from bench import students, teachers
from bench.losses import Signal
from bench.samplers import create as create_sampler
from bench.samplers.base import Demand
from tests.conftest import call
from tests.encoding.folders import describe, write_dense, write_plain
from tests.students.conftest import build, vectors

sentence_transformers = pytest.importorskip("sentence_transformers")

FLAGS = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens", "lasttoken": "lasttoken"}
FLAGS |= {"weightedmean": "weightedmean_tokens", "mean_sqrt_len_tokens": "mean_sqrt_len_tokens"}
WHOLE = ("Transformer", "Pooling", "Dense", "Normalize")
PROMPTS = {"query": "find the field: ", "document": "sort a record. "}


def flags(*modes: str) -> dict:
    return {"pooling": {f"pooling_mode_{flag}": mode in modes for mode, flag in FLAGS.items()}}


SAYS = {
    **{f"{mode} pooling": flags(mode) for mode in FLAGS},
    "two poolings": flags("mean", "lasttoken"),
    "poolings in their order": {"pooling": {"pooling_mode": ["max", "cls"]}},
    "a pooling by its newer name": {"pooling": {"pooling_mode": "cls"}},
    "normalised": {"kinds": ("Transformer", "Pooling", "Normalize")},
    "dense": {"kinds": ("Transformer", "Pooling", "Dense")},
    "dense, normalised": {"kinds": WHOLE, **flags("cls")},
    "two poolings, dense": {"kinds": WHOLE, **flags("mean", "max")},
    "dot": {"similarity_fn_name": "dot", **flags("cls")},
    "prompts": {"prompts": PROMPTS},
    "a passage's prompt": {"prompts": {"query": "find ", "passage": "sort a record. "}},
    "a corpus' prompt": {"prompts": {"corpus": "sort a record. "}},
    "passage before corpus": {"prompts": {"corpus": "weight ", "passage": "sort a record. "}},
    "a default prompt": {"prompts": {"sts": "sort the rows: "}, "default_prompt_name": "sts"},
    "short": {"length": 6},
    "body below": {"body": "0_Transformer", "length": 9, **flags("cls")},
}
"""What a folder may say, by the arguments of `describe`."""


def make(folder, name: str):
    """A tiny folder that says so."""
    says = SAYS[name]
    write_plain(
        folder / says.get("body", ""),
        BertModel,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    if "Dense" in says.get("kinds", ()):
        write_dense(folder, width=64 if name.startswith("two") else 32, bias=name != "dense")
    return describe(folder, **says)


@pytest.fixture(params=SAYS)
def says(request, tmp_path):
    """(what it says, its folder)."""
    return request.param, make(tmp_path / "model", request.param)


def peer(folder, name: str, queries: list[str], documents: list[str]):
    """The vectors of queries and documents by sentence-transformers, as it compares them."""
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    prompts = SAYS[name].get("prompts", {})
    default = prompts.get(SAYS[name].get("default_prompt_name"))
    # Where a folder says only how a `passage` begins, 6.2 puts an empty `document` before it.
    document = [prompts[side] for side in ("document", "passage", "corpus") if side in prompts]
    asked = model.encode(queries, prompt=prompts.get("query", default))
    found = model.encode(documents, prompt=document[0] if document else default)
    if SAYS[name].get("similarity_fn_name") == "dot":
        return asked, found
    return unit(asked), unit(found)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def texts(lab, part: str = "train") -> tuple[list[str], list[str]]:
    documents, queries = lab.collection.documents, lab.collection.part(part).queries
    return queries.texts.to_pylist(), documents.texts.to_pylist()


@pytest.mark.parametrize("as_what", ["pretrained", "exported"])
def test_a_student_is_what_the_folder_says(as_what, says, lab):
    name, folder = says
    option = "model" if as_what == "pretrained" else "folder"
    student = students.create(as_what, **{option: str(folder)})
    found = vectors(student, build(student, lab), lab)
    for ours, theirs in zip(found, peer(folder, name, *texts(lab)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_teacher_is_what_the_folder_says(says, lab):
    name, folder = says
    teacher = teachers.create("bi-encoder", model=str(folder))
    draws = create_sampler("uniform", negatives=2).prepare(lab)
    needs = frozenset({Signal.QUERIES, Signal.DOCUMENTS, Signal.SCORES})
    teaching = teacher.prepare(needs, Demand(draws, 3, 8, 8), lab)
    triples = draws.batch(3, 0, 8)
    given = teaching.signals(triples)
    asked, found = peer(folder, name, *texts(lab))
    asked, found = asked[triples.queries], found[triples.documents]
    np.testing.assert_allclose(given.queries, asked, atol=1e-5)
    np.testing.assert_allclose(given.documents, found, atol=1e-5)
    scores = np.einsum("bd,bkd->bk", asked, found)
    np.testing.assert_allclose(given.scores, scores, atol=1e-4)


def test_it_is_measured_as_the_folder_says(says, lab, collection_folder, tmp_path, capsys):
    """Every score of `bench evaluate`'s ranking is sentence-transformers'."""
    name, folder = says
    code, _, told = call(
        capsys, "evaluate", str(folder), "--collection", str(collection_folder),
        "--artifacts", str(tmp_path / "artifacts"), "--run", str(tmp_path / "run.gz"),
    )  # fmt: skip
    assert code == 0, told
    asked, found = peer(folder, name, *texts(lab, "test"))
    scores = asked @ found.T
    queries, documents = lab.collection.part("test").queries, lab.collection.documents
    queries = {id_: at for at, id_ in enumerate(queries.ids.to_pylist())}
    documents = {id_: at for at, id_ in enumerate(documents.ids.to_pylist())}
    with gzip.open(tmp_path / "run.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    assert len(rows) == scores.size
    for query, _, document, _, score, _ in rows:
        wanted = float(scores[queries[query], documents[document]])
        assert float(score) == pytest.approx(wanted, rel=1e-5, abs=1e-5)
