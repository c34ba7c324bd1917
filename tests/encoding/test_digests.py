"""What changes a vector changes a digest, and what changes none does not."""

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from transformers import BertModel

from bench import students
from bench.context import Context
from bench.encoding.models import forget, tokenizer_digest, weights_digest
from bench.storage.artifacts import Artifacts
from tests.encoding.folders import change, describe, write_dense, write_plain
from tests.support.students import build, vectors

PARTS = ("Transformer", "Pooling", "Dense", "Normalize")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = write_plain(
        tmp_path_factory.mktemp("digests") / "model",
        BertModel,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return describe(write_dense(folder), kinds=PARTS, length=256, prompts={})


@pytest.fixture
def folder(whole, tmp_path):
    yield shutil.copytree(whole, tmp_path / "model")
    forget()


def nudge(file) -> None:
    """Move one weight a little."""
    weights = load_file(file)
    next(iter(weights.values())).view(-1)[0] += 1e-3
    save_file(weights, file, metadata={"format": "pt"})


def normalise(folder, by: dict | None) -> None:
    """Let its tokenizer read texts so before it looks for words."""
    change(folder / "tokenizer.json", normalizer=by)


def said(file: str, **values):
    return lambda folder: change(folder / file, **values)


SAYS, READS = "config_sentence_transformers.json", "sentence_bert_config.json"
WEIGHTS = {
    "weights": lambda folder: nudge(folder / "model.safetensors"),
    "linear layer": lambda folder: nudge(folder / "2_Dense" / "model.safetensors"),
    "a layer's description": said("2_Dense/config.json", bias=False),
    "architecture": said("config.json", hidden_act="relu"),
    "pooling": said("1_Pooling/config.json", pooling_mode="cls"),
    "modules": lambda folder: describe(folder, kinds=PARTS[:3], length=256, prompts={}),
    "similarity": said(SAYS, similarity_fn_name="dot"),
    "prompts": said(SAYS, prompts={"query": "ask: "}),
    "default prompt": said(SAYS, default_prompt_name="sts"),
    "length": said(READS, max_seq_length=9),
    "lowered": said(READS, do_lower_case=True),
}
TOKENIZER = {
    "tokenizer": lambda folder: normalise(folder, None),
    "its configuration": said("tokenizer_config.json", model_max_length=9),
    "added tokens": lambda folder: (folder / "added_tokens.json").write_text('{"[NEW]": 30522}'),
    "special tokens": lambda folder: (folder / "special_tokens_map.json").write_text(
        '{"sep_token": "[NEW]"}'
    ),
    "words": lambda folder: (folder / "vocab.json").write_text("{}"),
    "merges": lambda folder: (folder / "merges.txt").write_text("a b"),
    "pieces": lambda folder: (folder / "spiece.model").write_bytes(b"pieces"),
    "lowered": said(READS, do_lower_case=True),
}
NOTHING = {
    "versions": said(SAYS, __version__={"torch": "9"}),
    "a readme": lambda folder: (folder / "README.md").write_text("words"),
    "what is so anyway": said(READS, do_lower_case=False, max_seq_length=256),
    "no similarity": said(SAYS, similarity_fn_name=None),
}


def digests(folder) -> tuple[str, str]:
    forget()
    return weights_digest(str(folder)), tokenizer_digest(str(folder))


@pytest.mark.parametrize("what", WEIGHTS)
def test_of_the_weights(what, folder):
    before = digests(folder)
    WEIGHTS[what](folder)
    assert digests(folder)[0] != before[0]


@pytest.mark.parametrize("what", TOKENIZER)
def test_of_the_tokenizer(what, folder):
    before = digests(folder)
    TOKENIZER[what](folder)
    assert digests(folder)[1] != before[1]


@pytest.mark.parametrize("what", NOTHING)
def test_what_changes_no_vector(what, folder):
    before = digests(folder)
    NOTHING[what](folder)
    assert digests(folder) == before


def test_special_tokens_that_are_said_twice_count_once(folder):
    before = digests(folder)
    about = json.loads((folder / "tokenizer_config.json").read_text())
    twice = {name: about[name] for name in ("cls_token", "sep_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(twice))
    assert digests(folder) == before


@pytest.mark.parametrize("what", ["tokenizer", "lowered"])
def test_texts_are_tokenized_anew(what, folder, context, tmp_path):
    """By the same artifacts, once the model reads texts otherwise."""
    change(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    normalise(folder, None)
    forget()
    collection = context.collection
    fresh = Context(collection, Artifacts(tmp_path / "artifacts"), context.device)
    student = students.create("pretrained", model=str(folder), query_prompt="A FIELD ")
    before = vectors(student, build(student, fresh), fresh)[0]
    if what == "tokenizer":
        normalise(folder, {"type": "Lowercase"})
    else:
        change(folder / READS, do_lower_case=True)
    forget()
    after = vectors(student, build(student, fresh), fresh)[0]
    assert not np.allclose(before, after, atol=1e-3)
