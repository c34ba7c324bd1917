"""Students as folders: sentence-transformers gives our vectors, and what it writes we read."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from bench import students
from bench.encoding.models import BUNDLED, load_tokenizer, locate, weights_digest
from bench.errors import InputError
from bench.exporting.folder import save_student
from bench.students.find import find_student
from bench.study.schema import Budget
from tests.support.runs import train
from tests.support.students import build, vectors, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the names of before 6.0, which 6 has too
    from sentence_transformers import models

PROMPTS = {"query_prompt": "search for: ", "document_prompt": "passage, "}


def pretrained(model, **options) -> str:
    return write("pretrained", **{"model": model, "max_length": 9, **options})


def cases(tiny, wide) -> dict[str, str]:
    """Students by name, as a study writes them; all of them cut some of the texts."""
    poolings = {
        f"{pooling}, {similarity}": pretrained(tiny, pooling=pooling, similarity=similarity)
        for pooling in ("mean", "cls", "max")
        for similarity in ("cosine", "dot")
    }
    static, short = write("static", model=tiny, max_length=9), {"model": tiny, "max_length": 4}
    marked = write("bi-encoder", model=wide, max_length=11, pooling="cls", document_prompt="the ")
    dotted = write("bi-encoder", model=wide, max_length=11, similarity="dot")
    return {
        **poolings,
        "prompts": pretrained(tiny, **PROMPTS),
        "short queries": pretrained(tiny, query_length=4, **PROMPTS),
        "truncated": write("truncated", layers=1, model=tiny, max_length=9),
        "narrow": write("narrow", model=tiny, parameters=520_000, embedding=16, max_length=9),
        "static": static,
        "static, dot": write("static", model=tiny, max_length=9, similarity="dot", **PROMPTS),
        "projected": write("projected", student=pretrained(tiny), width=20),
        "projected static": write("projected", student=static, width=40),
        "untied": untied(wide, pretrained(**short)),
        "asymmetric": write(
            "asymmetric", queries=pretrained(**short, query_prompt="ask "), teacher=marked
        ),
        "asymmetric, dot": write(
            "asymmetric",
            queries=pretrained(**short, similarity="dot", pooling="max"),
            teacher=dotted,
        ),
        "static queries": untied(wide, write("static", **short)),
    }


def untied(wide, queries: str) -> str:
    documents = write("projected", student=pretrained(wide, max_length=10), width=32)
    return write("untied", queries=queries, documents=documents)


NAMES = list(cases("tiny", "wide"))
TWO_SIDED = {"short queries", "untied", "asymmetric", "asymmetric, dot", "static queries"}


@pytest.fixture
def saved(context, tmp_path, tiny_model, wide_model):
    """A student as training might leave it, and its folder: (student, towers, folder)."""

    def make(name: str, folder: Path | None = None):
        student = students.create(cases(tiny_model, wide_model)[name])
        towers = build(student, context)
        with torch.no_grad():
            for parameter in towers.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
        folder = folder or tmp_path / "student"
        save_student(towers, student, folder)
        return student, towers, folder

    return make


def load(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


def texts(context) -> tuple[list[str], list[str]]:
    collection = context.collection
    queries, documents = collection.part("train").queries, collection.documents
    return queries.texts.to_pylist(), documents.texts.to_pylist()


def assert_same(folder: Path, student, towers, context) -> SentenceTransformer:
    """sentence-transformers gives both sides' vectors as we do."""
    model = load(folder)
    queries, documents = texts(context)
    asked, found = vectors(student, towers, context)
    np.testing.assert_allclose(model.encode_query(queries), asked, atol=1e-5)
    np.testing.assert_allclose(model.encode_document(documents), found, atol=1e-5)
    return model


# -- what we write -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_sentence_transformers_gives_the_same_vectors(name, saved, context):
    student, towers, folder = saved(name)
    model = assert_same(folder, student, towers, context)
    assert model.similarity_fn_name == student.similarity
    assert model.get_embedding_dimension() == towers.width
    queries, documents = texts(context)
    read = [(student.document_config, documents), (student.query_config, queries)]
    for side, written in read[: 1 + (name in TWO_SIDED)]:
        tokenizer = load_tokenizer(side.model)
        whole = [len(tokenizer(side.prompt + text)["input_ids"]) for text in written]
        assert max(whole) > side.max_length  # some are cut
    if name not in TWO_SIDED and not student.document_config.prompt:
        _, found = vectors(student, towers, context)
        np.testing.assert_allclose(model.encode(documents), found, atol=1e-5)
    assert isinstance(model[0], models.Router) == (name in TWO_SIDED)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_the_student_again(name, saved, context, tmp_path):
    """To the last bit, and so is a folder made of that."""
    student, towers, folder = saved(name)
    again = find_student(str(folder))
    assert again == students.create(str(again)) == students.create("exported", folder=str(folder))
    rebuilt = build(again, context)
    for wanted, found in zip(
        vectors(student, towers, context), vectors(again, rebuilt, context), strict=True
    ):
        assert np.array_equal(found, wanted)
    for wanted, found in zip(sides(student), sides(again), strict=True):
        assert (found.max_length, found.prompt) == (wanted.max_length, wanted.prompt)
    assert again.similarity == rebuilt.similarity == student.similarity
    assert not again.randomly_initialised
    # One encoder stays one; with lengths of their own, the format knows the sides as two.
    assert rebuilt.shared == (name not in TWO_SIDED)
    save_student(rebuilt, again, tmp_path / "again")
    files, others = (
        {str(file.relative_to(root)): file for file in root.rglob("*") if file.is_file()}
        for root in (folder, tmp_path / "again")
    )
    assert set(files) == set(others)
    for path, file in files.items():
        if path.endswith(".safetensors"):
            assert file.read_bytes() == others[path].read_bytes(), path


def sides(student):
    return student.query_config, student.document_config


@pytest.mark.parametrize("name", ["mean, cosine", "static", "asymmetric"])
def test_a_folder_holds_safetensors_and_json_alone(name, saved):
    _, _, folder = saved(name)
    kinds = {file.suffix for file in folder.rglob("*") if file.is_file()}
    assert {".safetensors", ".json"} <= kinds <= {".safetensors", ".json", ".txt"}


def test_an_older_folder_is_replaced_whole(saved, tmp_path):
    saved("asymmetric", tmp_path / "student")
    before = {path.name for path in (tmp_path / "student").iterdir()}
    saved("static", tmp_path / "student")
    after = {path.name for path in (tmp_path / "student").iterdir()}
    assert {"router_config.json", "query_0_Transformer"} <= before
    assert not {"router_config.json", "query_0_Transformer"} & after
    assert [path.name for path in tmp_path.iterdir() if "student" in path.name] == ["student"]


@pytest.mark.parametrize("name", ["prompts", "untied"])
def test_a_folder_trains_as_any_student(name, saved, specify, context, tmp_path):
    student, towers, folder = saved(name)
    entry = {"loss": "infonce", "student": write("exported", folder=folder)}
    record = train(specify("arm", entry, budget=Budget(steps=2)), context, tmp_path)
    found = record.record()
    parameters = sum(value.numel() for value in towers.parameters())
    assert found["parameters"] == found["trained_parameters"] == parameters
    assert (record.student / "router_config.json").exists() == (name == "untied")
    assert find_student(str(record.student)).query_config.prompt == student.query_config.prompt


# -- what sentence-transformers writes -----------------------------------------------------------


def transformer(model, length: int | None = None) -> models.Transformer:
    module = models.Transformer(str(model))
    if length:
        module.max_seq_length = length
    return module


def dense(width: int, to: int, activation=None, **options) -> models.Dense:
    torch.manual_seed(width)
    activation = activation or torch.nn.Identity()
    return models.Dense(width, to, activation_function=activation, **options)


def shared_body(tiny, wide):
    return [
        transformer(tiny, 12),
        models.Pooling(32, pooling_mode="cls"),
        dense(32, 20, bias=False),
        models.Normalize(),
    ]


def router(tiny, wide):
    return [
        models.Router.for_query_document(
            [transformer(tiny, 6), models.Pooling(32, pooling_mode="max"), dense(32, 48)],
            [transformer(wide), models.Pooling(48)],
        ),
        models.Normalize(),
    ]


def normalised_routes(tiny, wide):
    return [
        models.Router.for_query_document(
            [transformer(tiny, 6), models.Pooling(32), dense(32, 48), models.Normalize()],
            [transformer(wide, 9), models.Pooling(48), models.Normalize()],
        )
    ]


def one_model_in_both_routes(tiny, wide):
    both = [transformer(tiny, 9), models.Pooling(32)]
    return [models.Router.for_query_document(both, both), models.Normalize()]


def table(tiny, wide):
    torch.manual_seed(3)
    tokenizer = transformer(tiny).tokenizer
    return [models.StaticEmbedding(tokenizer, embedding_dim=8), models.Normalize()]


WRITTEN = {
    "shared": (shared_body, {"prompts": {"query": "ask: ", "document": "read: "}}, (12, 12)),
    "dot": (lambda *models_: shared_body(*models_)[:2], {"similarity_fn_name": "dot"}, (12, 12)),
    "router": (router, {"prompts": {"query": "ask: "}}, (6, 64)),
    "routes of unit length": (normalised_routes, {"similarity_fn_name": "dot"}, (6, 9)),
    "one model in both": (one_model_in_both_routes, {}, (9, 9)),
    "table": (table, {}, (130, 130)),  # its tokenizer cuts at 128, special tokens left out
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_folder_of_sentence_transformers(name, context, tmp_path, tiny_model, wide_model):
    modules, options, lengths = WRITTEN[name]
    written = SentenceTransformer(modules=modules(tiny_model, wide_model), device="cpu", **options)
    written.save(str(tmp_path / "theirs"))
    student = find_student(str(tmp_path / "theirs"))
    assert student.name == "exported"
    assert tuple(side.max_length for side in sides(student)) == lengths
    towers = build(student, context)
    assert towers.shared == ("rout" not in name)
    assert_same(tmp_path / "theirs", student, towers, context)
    save_student(towers, student, tmp_path / "ours")
    assert_same(tmp_path / "ours", student, towers, context)


def test_a_cosine_of_vectors_that_are_not_normalised(context, tmp_path, tiny_model):
    """sentence-transformers normalises them where it compares them."""
    modules = [transformer(tiny_model, 12), models.Pooling(32)]
    SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "theirs"))
    student = find_student(str(tmp_path / "theirs"))
    assert student.similarity == "cosine"
    model, (queries, documents) = load(tmp_path / "theirs"), texts(context)
    asked, found = vectors(student, build(student, context), context)
    theirs = model.similarity(model.encode_query(queries), model.encode_document(documents))
    np.testing.assert_allclose(asked @ found.T, theirs, atol=1e-5)


def test_the_bundled_encoders_folder(context):
    """By its folder it is `exported`, by its name `pretrained`, and the same."""
    exported, named = find_student(str(locate(BUNDLED))), find_student(BUNDLED)
    assert (exported.name, named.name) == ("exported", "pretrained")
    for side, wanted in zip(sides(exported), sides(named), strict=True):
        assert (side.max_length, side.prompt) == (wanted.max_length, wanted.prompt)
    assert weights_digest(exported.folder) == named.weights()
    towers = build(named, context)
    asked, found = vectors(named, towers, context)
    again = vectors(exported, build(exported, context), context)
    assert np.array_equal(asked, again[0])
    assert np.array_equal(found, again[1])
    assert_same(locate(BUNDLED), named, towers, context)


# -- what we do not understand -------------------------------------------------------------------


def refuse(folder: Path, message: str) -> None:
    student = students.create("exported", folder=str(folder))
    for asked in (lambda: student.similarity, lambda: student.build(None)):
        with pytest.raises(InputError, match=message) as error:
            asked()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("modules", "options", "message"),
    [
        (lambda: [dense(32, 8, torch.nn.Tanh())], {}, "no plain linear layer"),
        (lambda: [models.Normalize(), dense(32, 8)], {}, "Normalize, Dense in this order"),
        (lambda: [dense(32, 8), dense(8, 4)], {}, "Dense, Dense in this order"),
        (lambda: [models.LayerNorm(32)], {}, "Pooling, LayerNorm in this order"),
        (lambda: [], {"similarity_fn_name": "euclidean"}, "compared by euclidean"),
    ],
)
def test_modules_that_are_refused(modules, options, message, tmp_path, tiny_model):
    body = [transformer(tiny_model, 12), models.Pooling(32)]
    model = SentenceTransformer(modules=[*body, *modules()], device="cpu", **options)
    model.save(str(tmp_path / "theirs"))
    refuse(tmp_path / "theirs", message)


def change(path: Path, **values) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_settings_that_are_refused(saved, tmp_path):
    _, _, folder = saved("projected")
    _, _, prompted = saved("prompts", tmp_path / "prompted")
    _, _, routed = saved("untied", tmp_path / "routed")
    structure = json.loads((routed / "router_config.json").read_text())["structure"]
    config, pooling = "config.json", "pooling_mode"
    for origin, file, values, message in [
        (folder, f"1_Pooling/{config}", {pooling: "median"}, "none of cls, "),
        (folder, f"1_Pooling/{config}", {pooling: ["mean", "median"]}, "none of cls, "),
        (folder, f"2_Dense/{config}", {"use_residual": True}, "no plain linear layer"),
        (folder, f"2_Dense/{config}", {"module_input_name": "token_embeddings"}, "no plain linear"),
        (prompted, f"1_Pooling/{config}", {"include_prompt": False}, "leaves out the prompt"),
        (
            routed,
            "router_config.json",
            {"structure": {**structure, "image": structure["query"]}},
            r"routes \['document', 'image', 'query'\], not query and document",
        ),
    ]:
        shutil.rmtree(tmp_path / "changed", ignore_errors=True)
        shutil.copytree(origin, tmp_path / "changed")
        change(tmp_path / "changed" / file, **values)
        refuse(tmp_path / "changed", message)


def test_one_side_normalised_is_refused(tmp_path, tiny_model, wide_model):
    modules = normalised_routes(tiny_model, wide_model)
    del modules[0].sub_modules["document"][2]
    model = SentenceTransformer(modules=modules, device="cpu", similarity_fn_name="dot")
    model.save(str(tmp_path / "theirs"))
    refuse(tmp_path / "theirs", "one side normalised")


def test_a_folder_that_says_nothing_of_itself(tiny_model):
    refuse(tiny_model, r"has no modules.json; is it `pretrained`\?")
    assert find_student(str(tiny_model)) == students.create("pretrained", model=str(tiny_model))
