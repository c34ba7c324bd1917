"""Packing changes nothing; embeddings are those of a plain loop with transformers."""

import numpy as np
import pytest
import torch

from bench import students
from bench.encoding.device import choose
from bench.encoding.encoder import encode
from bench.encoding.models import load_tokenizer, locate
from bench.encoding.pooling import pool
from bench.encoding.tokens import tokenize
from bench.errors import BenchError, InputError
from bench.students.find import find_student


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_embeddings_are_those_of_transformers(context, pooling):
    student = students.create("truncated", layers=2, pooling=pooling, max_length=12)
    tokenizer = load_tokenizer(student.model)
    tokens = tokenize(context.collection.documents, student.model, 12, context.artifacts)
    encoder = student.encoder(context).eval()
    positions = np.array([5, 0, 3, 60, 3])
    found = encode(encoder, tokens, positions, choose(), "texts")
    assert encoder.training is False

    from transformers import AutoModel

    model = AutoModel.from_pretrained(locate(student.model), dtype=torch.float32).eval()
    model.encoder.layer = model.encoder.layer[:2]
    for row, text in zip(found, context.collection.documents.take(positions), strict=True):
        inputs = tokenizer([text], truncation=True, max_length=12, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state[0]
        wanted = {"mean": states.mean(0), "cls": states[0], "max": states.amax(0)}[pooling]
        assert torch.allclose(row, wanted / wanted.norm(), atol=1e-5)


def test_padding_is_never_pooled():
    states = torch.tensor([[[1.0], [3.0], [99.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert [pool(states, mask, how).item() for how in ("mean", "max", "cls")] == [2, 3, 1]


def test_models_that_are_none(tmp_path, monkeypatch, context):
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
        students.create("truncated(layers=9)").build(context)


def test_what_a_student_may_be(tiny_model):
    assert str(find_student("truncated(layers=1)")) == "truncated(layers=1)"
    assert find_student("pretrained").model == "all-MiniLM-L6-v2"
    assert find_student("all-MiniLM-L6-v2") == find_student("pretrained")
    assert find_student(str(tiny_model)).model == str(tiny_model)
    with pytest.raises(InputError, match="did you mean 'truncated'"):
        find_student("truncatd(layers=1)")
