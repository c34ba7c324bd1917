"""Architectures as they are in the world give sentence-transformers' vectors, whole and cut down,
and are themselves again when they are saved."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import (
    BartModel,
    BertModel,
    GPT2Model,
    ModernBertModel,
    RobertaModel,
    T5EncoderModel,
    T5Model,
)

from bench import students
from bench.encoding.models import BUNDLED, forget, load_tokenizer
from bench.encoding.text_config import TextConfig
from bench.encoding.text_embedding import embed
from bench.errors import InputError
from bench.exporting.folder import save_student
from bench.students.find import find_student
from tests.encoding.folders import change, describe, write_plain
from tests.support.students import build, vectors

sentence_transformers = pytest.importorskip("sentence_transformers")

BERT_LIKE = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
ENDS = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 4, "num_heads": 2, **ENDS}
KINDS = {
    "bert": (BertModel, {**BERT_LIKE, "num_hidden_layers": 4, "max_position_embeddings": 40}),
    "modernbert": (
        ModernBertModel,
        {**BERT_LIKE, "num_hidden_layers": 4, **ENDS, "cls_token_id": 101, "sep_token_id": 102}
        | {"local_attention": 4, "global_attn_every_n_layers": 3},
    ),
    "roberta": (
        RobertaModel,
        {**BERT_LIKE, "num_hidden_layers": 4, "max_position_embeddings": 42, "pad_token_id": 1},
    ),
    "t5": (T5EncoderModel, T5),
    "t5 with its decoder": (T5Model, {**T5, "decoder_start_token_id": 0}),
    "gpt2": (
        GPT2Model,
        {"n_embd": 32, "n_layer": 4, "n_head": 2, "n_positions": 40}
        | {"bos_token_id": 101, "eos_token_id": 102},
    ),
}
TABLES = {"bert": 40, "roberta": 40, "gpt2": 40}
"""Most tokens by the table of positions; the other kinds have none that is so short."""


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    """(its name, a folder of sentence-transformers that pools the last token)."""
    folder = tmp_path_factory.mktemp("kinds") / "model"
    model, config = KINDS[request.param]
    write_plain(folder, model, **config)
    return request.param, describe(folder, {"pooling_mode": "lasttoken"}, length=12)


def peer(folder, documents) -> np.ndarray:
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    return model.encode(documents, normalize_embeddings=True)


def documents(context) -> list[str]:
    return context.collection.documents.texts.to_pylist()


def test_a_whole_model(kind, context):
    student = students.create("pretrained", model=str(kind[1]))
    found = vectors(student, build(student, context), context)[1]
    np.testing.assert_allclose(found, peer(kind[1], documents(context)), atol=1e-5)


@pytest.mark.parametrize("keep", ["first", "last", "spaced"])
def test_a_truncated_model_is_the_same_when_it_is_read_back(keep, kind, context, tmp_path):
    """By us, to the last bit, and by sentence-transformers."""
    student = students.create("truncated", model=str(kind[1]), layers=2, keep=keep)
    towers = build(student, context)
    save_student(towers, student, tmp_path / "saved")
    found = vectors(student, towers, context)[1]
    again = find_student(str(tmp_path / "saved"))
    assert np.array_equal(vectors(again, build(again, context), context)[1], found)
    np.testing.assert_allclose(found, peer(tmp_path / "saved", documents(context)), atol=1e-5)


def test_layers_of_modernbert_keep_their_kinds(context, tmp_path):
    """Every third layer looks at all of a text, the others at what is near."""
    model, config = KINDS["modernbert"]
    write_plain(tmp_path / "model", model, **config)
    whole = students.create("pretrained", model=str(tmp_path / "model")).encoder(context)
    full, near = "full_attention", "sliding_attention"
    assert whole.transformer.config.layer_types == [full, near, near, full]
    for keep, wanted in {"first": [full, near], "last": [near, full]}.items():
        student = students.create("truncated", model=str(tmp_path / "model"), layers=2, keep=keep)
        assert student.encoder(context).transformer.config.layer_types == wanted


def test_a_table_of_positions_says_how_much_is_read(kind, context):
    name, folder = kind
    change(folder / "sentence_bert_config.json", max_seq_length=64)
    try:
        forget()
        student = students.create("pretrained", model=str(folder))
        most = TABLES.get(name, 64)
        assert student.max_length == most
        said = f"{folder}: it says max_length 64, and its transformer reads 40; texts are cut there"
        assert student.notes() == ([said] if name in TABLES else [])
        encoder = build(student, context).query_encoder
        text = "the word " * 60
        assert embed(encoder, student.query_config, [text], context.device).isfinite().all()
        if name in TABLES:
            with pytest.raises(InputError, match="tokens, and the .* encoder reads 40 at most"):
                embed(encoder, TextConfig(str(folder), 41, ""), [text], context.device)
    finally:
        change(folder / "sentence_bert_config.json", max_seq_length=12)
        forget()


# -- tables of token embeddings ------------------------------------------------------------------


def write_table(folder, ends: bool, cut: int | None, **weights):
    """A static encoder as model2vec writes it."""
    folder.mkdir()
    load_tokenizer(BUNDLED).save_pretrained(folder)
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    about = json.loads((folder / "tokenizer.json").read_text())
    if not ends:
        about["post_processor"] = None
    about["truncation"] = None
    (folder / "tokenizer.json").write_text(json.dumps(about))
    if cut:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(cut)
        tokenizer.save(str(folder / "tokenizer.json"))
    save_file(weights, folder / "model.safetensors")
    return describe(folder, kinds=("StaticEmbedding", "Normalize"))


def tables() -> dict[str, dict]:
    """The ways in which model2vec keeps its rows."""
    torch.manual_seed(0)
    words = len(load_tokenizer(BUNDLED))
    shared = {"mapping": torch.randint(0, 50, (words,)), "weights": torch.rand(words) + 0.1}
    return {
        "a row a token": {"embeddings": torch.randn(words, 16)},
        "shared rows": {"embeddings": torch.randn(50, 16), **shared},
        "half precision": {"embeddings": torch.randn(words, 16).half()},
    }


@pytest.mark.parametrize(("ends", "cut"), [(True, None), (True, 4), (False, 4)])
@pytest.mark.parametrize("rows", ["a row a token", "shared rows", "half precision"])
def test_a_table_of_model2vec(rows, ends, cut, context, tmp_path):
    folder = write_table(tmp_path / "model", ends, cut, **tables()[rows])
    student = find_student(str(folder))
    found = vectors(student, build(student, context), context)[1]
    tolerance = 2e-3 if rows == "half precision" else 1e-5
    np.testing.assert_allclose(found, peer(folder, documents(context)), atol=tolerance)


def test_a_table_has_no_layers_to_keep(tmp_path):
    folder = write_table(tmp_path / "model", True, None, **tables()["a row a token"])
    with pytest.raises(InputError, match="is a table of token embeddings, without layers"):
        students.create("truncated", model=str(folder)).check()


def test_an_encoder_decoder_without_an_encoder_of_its_own(tmp_path):
    """BART would answer with the states of its decoder."""
    config = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64}
    config |= {"decoder_ffn_dim": 64, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    write_plain(tmp_path / "model", BartModel, **config, **ENDS)
    student = students.create("pretrained", model=str(tmp_path / "model"))
    with pytest.raises(InputError, match=r"encoder-decoder \(bart\), whose states are its decoder"):
        student.check()
