"""Packing changes nothing; embeddings are those of a plain loop with transformers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import students
from bench.artifacts import Artifacts
from bench.collections.open import open_collection
from bench.encoding.device import choose
from bench.encoding.encoder import encode, pool
from bench.encoding.models import load_tokenizer, locate, tokenizer_digest
from bench.encoding.tokens import length_groups, tokenize
from bench.errors import BenchError, InputError
from bench.students.export import load_student, save_student
from bench.students.find import find_student


@settings(max_examples=100)
@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=120),
    most=st.integers(1, 3000),
)
def test_groups_hold_every_text_once_within_bounds(lengths, most):
    array = np.array(lengths)
    groups = length_groups(array, most)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * array[group].max() <= most
        if len(group) > 8:
            assert len(group) * array[group].max() <= 1.15 * array[group].sum() + 1e-9


@pytest.fixture(scope="module")
def opened(tmp_path_factory, collection_folder):
    artifacts = Artifacts(tmp_path_factory.mktemp("artifacts"))
    return artifacts, open_collection(str(collection_folder), artifacts)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_embeddings_are_those_of_transformers(opened, pooling):
    artifacts, collection = opened
    student = students.create("truncated", layers=2, pooling=pooling, max_length=12)
    tokenizer = load_tokenizer(student.model)
    tokens = tokenize(
        collection.documents, tokenizer, tokenizer_digest(student.model), 12, artifacts
    )
    encoder = student.build().eval()
    positions = np.array([5, 0, 3, 60, 3])
    found = encode(encoder, tokens, positions, choose(), "texts")
    assert encoder.training is False

    from transformers import AutoModel

    model = AutoModel.from_pretrained(locate(student.model), dtype=torch.float32).eval()
    model.encoder.layer = model.encoder.layer[:2]
    for row, text in zip(found, collection.documents.take(positions), strict=True):
        inputs = tokenizer([text], truncation=True, max_length=12, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state[0]
        wanted = {"mean": states.mean(0), "cls": states[0], "max": states.amax(0)}[pooling]
        assert torch.allclose(row, wanted / wanted.norm(), atol=1e-5)


def test_padding_is_never_pooled():
    states = torch.tensor([[[1.0], [3.0], [99.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert [pool(states, mask, how).item() for how in ("mean", "max", "cls")] == [2, 3, 1]


def test_a_saved_student_is_the_same_student(tmp_path, tiny_model, opened):
    artifacts, collection = opened
    student = students.create("pretrained", model=str(tiny_model), max_length=16)
    encoder = student.build()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.01)
    save_student(encoder, student, tmp_path / "student")
    again = find_student(str(tmp_path / "student"))
    assert again == load_student(tmp_path / "student")
    assert (again.max_length, again.pooling, again.similarity) == (16, "mean", "cosine")
    texts = collection.documents.take([0, 1, 2])
    tokens = tokenize(
        collection.documents,
        load_tokenizer(again.model),
        tokenizer_digest(again.model),
        16,
        artifacts,
    )
    wanted = encode(encoder, tokens, np.arange(3), choose(), "texts")
    assert torch.equal(encode(again.build(), tokens, np.arange(3), choose(), "texts"), wanted)

    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(tmp_path / "student"), device="cpu").encode(texts)
    assert np.allclose(theirs, wanted.numpy(), atol=1e-5)


def test_models_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no such folder"):
        locate(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no config.json"):
        locate(str(tmp_path / "empty"))
    (tmp_path / "empty" / "config.json").write_text("{}")
    (tmp_path / "empty" / "pytorch_model.bin").write_bytes(b"")
    locate.cache_clear()
    with pytest.raises(InputError, match="no weights in safetensors"):
        locate(str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BenchError, match="could not be fetched from the hub"):
        locate("nobody/nothing")
    with pytest.raises(InputError, match="layers: 9 of an encoder that has 6"):
        students.create("truncated(layers=9)").build()


def test_what_a_student_may_be(tiny_model):
    assert str(find_student("truncated(layers=1)")) == "truncated(layers=1)"
    assert find_student("pretrained").model == "all-MiniLM-L6-v2"
    assert find_student("all-MiniLM-L6-v2") == find_student("pretrained")
    assert find_student(str(tiny_model)).model == str(tiny_model)
    with pytest.raises(InputError, match="did you mean 'truncated'"):
        find_student("truncatd(layers=1)")
