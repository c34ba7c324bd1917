"""A folder is read as it declares, by sentence-transformers' own vectors: as student, as teacher,
and by `bench evaluate`."""

import gzip
import html

import numpy as np
import pytest
import tomli_w
from transformers import BertModel

from bench import students, teachers
from bench.encoding.modules import read_modules
from bench.encoding.text_embedding import embed
from bench.errors import InputError
from bench.exporting.folder import save_student
from bench.losses import Signal
from bench.samplers import create as create_sampler
from bench.triples.stream import DrawPlan
from tests.encoding.folders import change, describe, write_dense, write_plain
from tests.support.command_line import call
from tests.support.students import build, vectors, write
from tests.support.studies import study_values

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


def texts(context, part: str = "train") -> tuple[list[str], list[str]]:
    documents, queries = context.collection.documents, context.collection.part(part).queries
    return queries.texts.to_pylist(), documents.texts.to_pylist()


@pytest.mark.parametrize("as_what", ["pretrained", "exported"])
def test_a_student_is_what_the_folder_says(as_what, says, context):
    name, folder = says
    option = "model" if as_what == "pretrained" else "folder"
    student = students.create(as_what, **{option: str(folder)})
    found = vectors(student, build(student, context), context)
    for ours, theirs in zip(found, peer(folder, name, *texts(context)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_teacher_is_what_the_folder_says(says, context):
    name, folder = says
    teacher = teachers.create("bi-encoder", model=str(folder))
    stream = create_sampler("uniform", negatives=2).prepare(context)
    needs = frozenset({Signal.QUERIES, Signal.DOCUMENTS, Signal.SCORES})
    signal_source = teacher.prepare(needs, DrawPlan(stream, 3, 8, 8), context)
    triples = stream.batch(3, 0, 8)
    given = signal_source.signals(triples)
    asked, found = peer(folder, name, *texts(context))
    asked, found = asked[triples.queries], found[triples.documents]
    np.testing.assert_allclose(given.queries, asked, atol=1e-5)
    np.testing.assert_allclose(given.documents, found, atol=1e-5)
    scores = np.einsum("bd,bkd->bk", asked, found)
    np.testing.assert_allclose(given.scores, scores, atol=1e-4)


@pytest.mark.slow
def test_it_is_measured_as_the_folder_says(says, context, collection_folder, tmp_path, capsys):
    """Every score of `bench evaluate`'s ranking is sentence-transformers'."""
    name, folder = says
    code, _, told = call(
        capsys, "evaluate", str(folder), "--collection", str(collection_folder),
        "--artifacts", str(tmp_path / "artifacts"), "--run", str(tmp_path / "run.gz"),
    )  # fmt: skip
    assert code == 0, told
    asked, found = peer(folder, name, *texts(context, "test"))
    scores = asked @ found.T
    queries, documents = context.collection.part("test").queries, context.collection.documents
    queries = {id_: at for at, id_ in enumerate(queries.ids.to_pylist())}
    documents = {id_: at for at, id_ in enumerate(documents.ids.to_pylist())}
    with gzip.open(tmp_path / "run.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    assert len(rows) == scores.size
    for query, _, document, _, score, _ in rows:
        wanted = float(scores[queries[query], documents[document]])
        assert float(score) == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_texts_are_lowered_where_the_folder_says_so(tmp_path, context):
    folder = make(tmp_path / "model", "mean pooling")
    change(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    change(folder / "tokenizer.json", normalizer=None)
    describe(folder, lower=True)
    student = students.create("pretrained", model=str(folder), query_prompt="QUERY ")
    encoder = build(student, context).query_encoder
    read = ["A Table Of Arrays", "ROW"]
    ours = embed(encoder, student.query_config, read, context.device)
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(ours, unit(model.encode(read, prompt="QUERY ")), atol=1e-5)
    np.testing.assert_allclose(
        ours,
        embed(encoder, student.query_config, [text.lower() for text in read], context.device),
    )


# -- what is said of it --------------------------------------------------------------------------


def settled(folder, name: str):
    """A folder whose tokenizer does not say that more is read than can be."""
    make(folder, name)
    change(folder / "tokenizer_config.json", model_max_length=64)
    return folder


def options(entry) -> tuple:
    return entry.pooling, entry.similarity, entry.max_length, entry.document_prompt


def entries(folder, **given):
    made = {"model": str(folder), **given}
    return students.create("pretrained", **made), teachers.create("bi-encoder", **made)


def test_what_is_given_wins_and_is_told(tmp_path):
    folder = settled(tmp_path / "model", "dot")
    for entry in entries(folder):
        assert options(entry) == ("cls", "dot", 64, "")
        assert entry.notes() == []
    for entry in entries(folder, pooling="cls", similarity="dot"):
        assert entry.notes() == []
    given = {"pooling": "mean", "similarity": "cosine", "max_length": 32, "document_prompt": "a "}
    for entry in entries(folder, **given):
        assert options(entry) == ("mean", "cosine", 32, "a ")
        assert entry.notes() == [
            f"{folder} says pooling 'cls'; this reads it with 'mean'",
            f"{folder} says similarity 'dot'; this reads it with 'cosine'",
            f"{folder} says max_length 64; this reads it with 32",
            f"{folder} says document_prompt ''; this reads it with 'a '",
        ]


def test_a_folder_that_says_nothing(tmp_path):
    folder = settled(tmp_path / "model", "mean pooling")
    (folder / "modules.json").unlink()
    for entry in entries(folder):
        assert options(entry) == ("mean", "cosine", 64, "")
    for entry in entries(folder, pooling="cls", max_length=8):
        assert options(entry) == ("cls", "cosine", 8, "")
        assert entry.notes() == []


@pytest.mark.parametrize(
    ("prompts", "default", "sides", "told"),
    [
        ({"query": "a", "document": "b", "passage": "c"}, None, ("a", "b"), "'passage' are not"),
        ({"query": "a", "corpus": "c", "passage": "b"}, None, ("a", "b"), "'corpus' are not"),
        ({"passage": "b"}, None, ("", "b"), "'passage' is written before every document"),
        ({"sts": "a", "pair": "b"}, None, ("", ""), "'sts', 'pair' are not used"),
        ({"sts": "a"}, "sts", ("a", "a"), "'sts' is written before every query"),
        ({"query": "a"}, "query", ("a", ""), ""),
        ({"query": "a", "document": ""}, None, ("a", ""), ""),
    ],
)
def test_prompts_that_are_written_or_not_are_named(prompts, default, sides, told, tmp_path):
    folder = settled(tmp_path / "model", "mean pooling")
    describe(folder, prompts=prompts, default_prompt_name=default)
    exported = students.create("exported", folder=str(folder))
    for entry in entries(folder):
        assert (entry.query_prompt, entry.document_prompt) == sides
        assert entry.notes() == exported.notes()
    assert (exported.query_config.prompt, exported.document_config.prompt) == sides
    said = " / ".join(exported.notes())
    assert told in said if told else not said


@pytest.mark.parametrize("name", ["static", "narrow"])
def test_a_linear_layer_that_is_left_out_is_told(name, tmp_path):
    folder = settled(tmp_path / "model", "dense")
    student = students.create(name, model=str(folder))
    assert student.notes() == [f"{folder}: its linear layer (2_Dense) is left out by {name}"]


def test_no_linear_layer_is_put_behind_the_models_own(tmp_path, tiny_model):
    """Said before anything is written; a student that leaves it out can have another."""
    dense, plain = settled(tmp_path / "model", "dense"), write("pretrained", model=tiny_model)
    queries = write("pretrained", model=dense)
    refused = [
        students.create("projected", student=queries),
        students.create("projected", student=write("projected", student=plain)),
        students.create("asymmetric", queries=queries, teacher=write("bi-encoder", model=dense)),
    ]
    for student in refused:
        with pytest.raises(InputError, match="there is a linear layer already, its own or its mod"):
            student.check()
    students.create("projected", student=plain).check()
    students.create("projected", student=write("static", model=dense)).check()
    teacher = write("bi-encoder", model=dense)
    students.create("asymmetric", queries=queries, teacher=teacher, projection="none").check()


def test_two_encoders_are_no_model_of_one(tmp_path, tiny_model, wide_model, context):
    narrow, wide = (write("pretrained", model=model) for model in (tiny_model, wide_model))
    wide = write("projected", student=wide, width=32)
    student = students.create("untied", queries=narrow, documents=wide)
    save_student(build(student, context), student, tmp_path / "two")
    with pytest.raises(InputError, match="an encoder for each side: as a student it is exported"):
        students.create("pretrained", model=str(tmp_path / "two")).check()


@pytest.mark.slow
def test_a_study_tells_it_in_plan_run_and_report(tmp_path, collection_folder, tiny_model, capsys):
    """Once, of however many arms."""
    folder = settled(tmp_path / "model", "cls pooling")
    values = study_values(collection_folder, tiny_model) | {"seeds": [1], "tuning": {}}
    values |= {"arms": [{"loss": "infonce"}, {"loss": "static-margin"}], "baseline": "infonce"}
    values |= {"budget": {"steps": 1}, "evaluation": {"points": 1}}
    values["defaults"] = {
        "student": {"name": "pretrained", "model": str(folder), "pooling": "mean"}
    }
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    line = f"{folder} says pooling 'cls'; this reads it with 'mean'"
    places = ["--out", str(tmp_path / "out"), "--artifacts", str(tmp_path / "artifacts")]
    code, out, _ = call(capsys, "plan", str(tmp_path / "toy.toml"), *places)
    assert (code, out.count(f"note: {line}\n")) == (0, 1)
    code, _, told = call(capsys, "run", str(tmp_path / "toy.toml"), "--no-mlflow", *places)
    assert (code, told.count(f"note: {line}\n")) == (0, 1)
    page = html.unescape((tmp_path / "out" / "report" / "index.html").read_text())
    assert line in page


def test_a_pooling_that_is_not_there_is_said(tmp_path):
    """Some carry the files of a folder about, and not the folders in it."""
    folder = make(tmp_path / "model", "mean pooling")
    (folder / "1_Pooling" / "config.json").unlink()
    (said,) = read_modules(str(folder)).notes
    assert said.endswith("1_Pooling/config.json is not there, so the mean is pooled")
    assert read_modules(str(folder)).documents.pooling == "mean"
