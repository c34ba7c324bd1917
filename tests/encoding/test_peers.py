"""Models as their folders declare them: vectors are sentence-transformers' own, to 1e-5.

The folders are of the kinds that hubs hold; all weights are random and small.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    DPRConfig,
    DPRQuestionEncoder,
    GPT2Config,
    GPT2Model,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
)

from bench import students, teachers
from bench.encoding.by_hand import embed
from bench.encoding.device import choose
from bench.encoding.models import bundled
from bench.errors import InputError
from bench.students.find import find_student

peers = pytest.importorskip("sentence_transformers")

TEXTS = ["an island", "a much longer text about the harbor, and how it is used by ships", "ships"]
SMALL = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
MEAN = {"pooling_mode_mean_tokens": True}
ONLY = {"pooling_mode_mean_tokens": False}


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(bundled())


@pytest.fixture
def folder(tmp_path, tokenizer):
    """Writes a model, and what its folder declares."""

    def write(
        model=None,
        pooling=MEAN,
        config=None,
        kinds=("Transformer", "Pooling", "Normalize"),
        length=None,
    ) -> Path:
        torch.manual_seed(0)
        place = tmp_path / "model"
        words = len(tokenizer)
        if model is None:
            model = BertModel(BertConfig(vocab_size=words, num_hidden_layers=2, **SMALL))
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
        (place / "1_Pooling").mkdir()
        (place / "1_Pooling" / "config.json").write_text(
            json.dumps({"word_embedding_dimension": 32, **pooling})
        )
        places = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
        modules = [
            {
                "idx": at,
                "name": str(at),
                "path": places.get(kind, f"{at}_{kind}"),
                "type": f"sentence_transformers.models.{kind}",
            }
            for at, kind in enumerate(kinds)
        ]
        (place / "modules.json").write_text(json.dumps(modules))
        (place / "config_sentence_transformers.json").write_text(json.dumps(config or {}))
        if length:
            (place / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}))
        return place

    return write


def dense(place: Path, width: int, out: int) -> None:
    (place / "2_Dense").mkdir()
    activation = "torch.nn.modules.linear.Identity"
    about = {"in_features": width, "out_features": out, "bias": True}
    (place / "2_Dense" / "config.json").write_text(
        json.dumps({**about, "activation_function": activation})
    )
    draw = torch.Generator().manual_seed(1)
    weights = {
        "linear.weight": torch.randn(out, width, generator=draw),
        "linear.bias": torch.ones(out),
    }
    save_file(weights, place / "2_Dense" / "model.safetensors")


def ours(written: str, side: str = "document") -> np.ndarray:
    student = find_student(written)
    towers = student.build(None)
    encoder = towers.query_encoder if side == "query" else towers.of_documents()
    which = student.query_side if side == "query" else student.document_side
    return embed(encoder, which, TEXTS, choose("float32")).numpy()


def theirs(place: Path, side: str = "document") -> np.ndarray:
    model = peers.SentenceTransformer(str(place), device="cpu")
    encode = model.encode_query if side == "query" else model.encode_document
    return encode(TEXTS, normalize_embeddings=True)


POOLINGS = {
    "mean": MEAN,
    "cls": {**ONLY, "pooling_mode_cls_token": True},
    "max": {**ONLY, "pooling_mode_max_tokens": True},
    "last token": {**ONLY, "pooling_mode_lasttoken": True},
    "weighted mean": {**ONLY, "pooling_mode_weightedmean_tokens": True},
    "by the root of the length": {**ONLY, "pooling_mode_mean_sqrt_len_tokens": True},
    "two of them": {"pooling_mode_mean_tokens": True, "pooling_mode_lasttoken": True},
}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings(pooling, folder):
    place = folder(pooling=POOLINGS[pooling])
    for written in (str(place), f"pretrained(model='{place}')"):
        assert np.allclose(ours(written), theirs(place), atol=1e-5)


def test_what_is_declared_holds_by_folder_and_by_model(folder):
    """Prompts, a maximum length and a Dense layer."""
    prompts = {"query": "ask: ", "document": "found: "}
    place = folder(
        config={"prompts": prompts, "similarity_fn_name": "cosine"},
        kinds=("Transformer", "Pooling", "Dense"),
        length=9,
    )
    dense(place, 32, 8)
    for side in ("query", "document"):
        wanted = theirs(place, side)
        assert wanted.shape == (3, 8)
        for written in (str(place), f"pretrained(model='{place}')"):
            assert np.allclose(ours(written, side), wanted, atol=1e-5)
    assert not np.allclose(theirs(place, "query"), theirs(place), atol=1e-3)


@pytest.mark.parametrize("name", ["passage", "corpus"])
def test_other_names_of_the_documents_prompt(name, folder, capsys):
    """sentence-transformers fills in an empty `document`, which wins; ours takes what is meant."""
    place = folder(config={"prompts": {"query": "query: ", name: "passage: "}})
    model = peers.SentenceTransformer(str(place), device="cpu")
    wanted = model.encode(TEXTS, prompt="passage: ", normalize_embeddings=True)
    assert np.allclose(ours(str(place)), wanted, atol=1e-5)


def architectures(words):
    special = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102}
    more = {"cls_token_id": 101, "sep_token_id": 102}
    return {
        "modernbert": lambda: ModernBertModel(
            ModernBertConfig(vocab_size=words, num_hidden_layers=4, **SMALL, **special, **more)
        ),
        "roberta": lambda: RobertaModel(
            RobertaConfig(
                vocab_size=words,
                num_hidden_layers=2,
                max_position_embeddings=514,
                pad_token_id=1,
                **SMALL,
            )
        ),
        "t5": lambda: T5EncoderModel(
            T5Config(
                vocab_size=words,
                d_model=32,
                d_kv=16,
                d_ff=64,
                num_layers=2,
                num_heads=2,
                pad_token_id=0,
                eos_token_id=102,
                decoder_start_token_id=0,
            )
        ),
    }


@pytest.mark.parametrize("kind", ["modernbert", "roberta", "t5"])
def test_architectures(kind, folder, tokenizer):
    place = folder(architectures(len(tokenizer))[kind]())
    assert np.allclose(ours(str(place)), theirs(place), atol=1e-5)


def test_model2vec(tmp_path, tokenizer):
    place = tmp_path / "potion"
    tokenizer.save_pretrained(place)
    table = torch.randn(len(tokenizer), 16, generator=torch.Generator().manual_seed(2))
    save_file({"embeddings": table}, place / "model.safetensors")
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_N", "type": "sentence_transformers.models.Normalize"},
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    assert np.allclose(ours(str(place)), theirs(place), atol=1e-5)


@pytest.mark.parametrize("keep", ["first", "last", "spaced"])
def test_a_truncated_modernbert_is_read_back(keep, folder, tokenizer, tmp_path):
    """Each kept layer keeps its own kind of attention."""
    place = folder(architectures(len(tokenizer))["modernbert"]())
    student = students.create("truncated", model=str(place), layers=2, keep=keep, max_length=16)
    encoder = student.build(None).of_documents()
    wanted = embed(encoder, student.document_side, TEXTS, choose("float32"))
    encoder.transformer.save_pretrained(tmp_path / "cut")
    tokenizer.save_pretrained(tmp_path / "cut")
    again = ours(f"pretrained(model='{tmp_path / 'cut'}', max_length=16)")
    assert np.allclose(again, wanted, atol=1e-6)


def refused(written: str) -> str:
    with pytest.raises(InputError) as caught:
        ours(written)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_that_do_not_fit(folder):
    """As a wrapper saves them: every key behind a name of its own."""
    place = folder()
    weights = load_file(place / "model.safetensors")
    prefixed = {f"encoder_q.{name}": value for name, value in weights.items()}
    save_file(prefixed, place / "model.safetensors", metadata={"format": "pt"})
    said = refused(str(place))
    assert "of its weights are not in its files: embeddings.word_embeddings.weight" in said
    assert "encoder_q." in said
    for written in ("bi-encoder", "cross-encoder"):
        with pytest.raises(InputError, match="are not in its files"):
            teachers.create(written, model=str(place)).scorer()


def test_no_tokenizer(folder):
    place = folder()
    for path in place.glob("*token*"):
        path.unlink()
    for path in place.glob("vocab*"):
        path.unlink()
    assert "has no tokenizer" in refused(str(place))


def test_a_dense_layer_that_is_pickled(folder):
    place = folder(kinds=("Transformer", "Pooling", "Dense"))
    dense(place, 32, 8)
    (place / "2_Dense" / "model.safetensors").rename(place / "2_Dense" / "pytorch_model.bin")
    assert "2_Dense has no weights in safetensors, only pytorch_model.bin" in refused(str(place))


def test_a_part_that_is_not_there_is_said(folder):
    place = folder()
    (place / "1_Pooling" / "config.json").unlink()
    assert any(
        "1_Pooling/config.json is not there" in note for note in find_student(str(place)).notes()
    )


def test_models_without_states_of_tokens(folder, tokenizer):
    config = DPRConfig(vocab_size=len(tokenizer), num_hidden_layers=1, **SMALL)
    place = folder(DPRQuestionEncoder(config))
    assert "dpr gives no states of tokens" in refused(f"pretrained(model='{place}')")


def test_models_with_code_of_their_own(tmp_path, tokenizer):
    place = tmp_path / "remote"
    tokenizer.save_pretrained(place)
    save_file({"x": torch.zeros(1)}, place / "model.safetensors")
    names = {"AutoConfig": "configuration_my.MyConfig", "AutoModel": "modeling_my.MyModel"}
    (place / "config.json").write_text(json.dumps({"model_type": "my_bert", "auto_map": names}))
    assert "needs its own code, which is not run here" in refused(f"pretrained(model='{place}')")


def test_positions_end(folder, tokenizer):
    """A text longer than the table of positions is never read beyond it."""
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=2, n_positions=8)
    place = folder(GPT2Model(config))
    assert "8" in refused(f"pretrained(model='{place}', max_length=64)")


def test_every_file_that_changes_a_vector_is_in_the_digest(folder, tmp_path):
    place, seen = folder(), []
    changes = {
        "": {},
        "config_sentence_transformers.json": {"similarity_fn_name": "dot"},
        "1_Pooling/config.json": {**ONLY, "pooling_mode_cls_token": True},
        "sentence_bert_config.json": {"max_seq_length": 8},
        "tokenizer.json": {"post_processor": None},
    }
    for number, (name, values) in enumerate(changes.items()):
        copy = shutil.copytree(place, tmp_path / str(number))
        if name:
            old = json.loads((copy / name).read_text()) if (copy / name).exists() else {}
            (copy / name).write_text(json.dumps({**old, **values}))
        student = students.create("pretrained", model=str(copy))
        seen.append(student.weights())
    assert len(set(seen)) == len(changes)
