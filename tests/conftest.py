"""Small real things to test on: a collection, an encoder, a study, and the command line."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

_VOCABULARY = (
    "array axis bin cache column count curve data depth edge field file filter frame graph grid "
    "group hash index input item join key label layer length level line list loop map mask "
    "matrix mean merge mode name node norm number order output pair path plot point pool query "
    "queue range rank rate record root row sample scale score seed set shape share sort space "
    "split stack step stream string sum table tag task text time token tree type unit value "
    "vector view weight word "
)
WORDS = _VOCABULARY.split()


def write_collection(folder: Path, topics: int = 40, seed: int = 0) -> Path:
    """A BEIR folder: each topic is five words; its query has three, its documents all of them."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "qrels").mkdir(exist_ok=True)
    documents, queries, judgements = [], [], []
    for topic in range(topics):
        words = draw.sample(WORDS, 5)
        queries.append({"_id": f"q{topic}", "text": " ".join(words[:3])})
        for copy in range(2):
            noise = draw.sample(WORDS, 4)
            text = " ".join(draw.sample(words + noise, 9))
            documents.append({"_id": f"d{topic}-{copy}", "title": words[0], "text": text})
            judgements.append(f"q{topic}\td{topic}-{copy}\t1")
    lines = {"corpus.jsonl": documents, "queries.jsonl": queries}
    for name, rows in lines.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    cut = 2 * (topics * 3 // 4)
    for name, rows in (("train", judgements[:cut]), ("test", judgements[cut:])):
        (folder / "qrels" / f"{name}.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n"
        )
    return folder


@pytest.fixture(scope="session")
def collection_folder(tmp_path_factory) -> Path:
    return write_collection(tmp_path_factory.mktemp("collections") / "toy")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A randomly initialised BERT of 2 layers and width 32, with the bundled tokenizer."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny", width=32)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory) -> Path:
    """The same of width 48."""
    return write_model(tmp_path_factory.mktemp("models") / "wide", width=48)


def write_model(folder: Path, width: int) -> Path:
    from transformers import BertConfig, BertModel

    from bench.encoding.models import BUNDLED, load_tokenizer

    tokenizer = load_tokenizer(BUNDLED)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def study_values(collection: Path, model: Path) -> dict:
    """A study that trains for a second or two a run."""
    return {
        "name": "toy",
        "title": "Toy",
        "collection": str(collection),
        "seeds": [1, 2],
        "baseline": "margin-mse",
        "budget": {"examples": 96},
        "training": {"batch_size": 8, "checkpoint_seconds": 0},
        "evaluation": {"points": 3, "depth": 100},
        "tuning": {
            "trials": 2,
            "space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
        },
        "defaults": {"student": {"name": "pretrained", "model": str(model), "max_length": 32}},
        "arms": [
            {"loss": "adaptive-margin"},
            {"loss": "static-margin", "name": "static-margin", "sampler": "mined(last=5)"},
            {
                "loss": "margin-mse",
                "name": "margin-mse",
                "teacher": {"name": "bi-encoder", "model": str(model), "max_length": 32},
            },
        ],
    }


@pytest.fixture
def toy_values(collection_folder, tiny_model) -> dict:
    return study_values(collection_folder, tiny_model)


@pytest.fixture
def toy_file(toy_values, tmp_path) -> Path:
    import tomli_w

    path = tmp_path / "toy.toml"
    path.write_text(tomli_w.dumps(toy_values))
    return path


def bench(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of the command, in this process."""
    from bench import cli

    before, sys.argv = sys.argv, ["bench", *arguments]
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        sys.argv = before
    output = capsys.readouterr()
    return caught.value.code or 0, output.out, output.err


@pytest.fixture(scope="module")
def context(tmp_path_factory, collection_folder):
    """The small collection, with artifacts of its own."""
    from bench.collections.open import open_collection
    from bench.context import Context
    from bench.encoding.device import choose
    from bench.storage.artifacts import Artifacts

    artifacts = Artifacts(tmp_path_factory.mktemp("artifacts"))
    return Context(open_collection(str(collection_folder), artifacts), artifacts, choose())
