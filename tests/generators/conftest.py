"""Collections written line by line, and encoder–decoders small enough to write with."""

import json
from pathlib import Path

import pytest
import torch

from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.storage.artifacts import Artifacts


@pytest.fixture
def lab_of(tmp_path):
    """The lab of a collection: a folder, or its documents and queries by part.

    The first document of each query is its relevant one; queries are numbered through.
    """

    def make(
        collection: Path | tuple[list[str], dict[str, list[str]]], work: str = "work"
    ) -> Context:
        if not isinstance(collection, Path):
            collection = _write(tmp_path / f"{work}-collection", *collection)
        artifacts = Artifacts(tmp_path / work)
        return Context(open_collection(str(collection), artifacts), artifacts, choose())

    return make


def _write(folder: Path, documents: list[str], parts: dict[str, list[str]]) -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{at}", "text": text} for at, text in enumerate(documents)]
    queries, number = [], 0
    for part, texts in parts.items():
        lines = ["query-id\tcorpus-id\tscore"]
        for at, text in enumerate(texts):
            queries.append({"_id": f"generated-{number}", "text": text})  # as generated ones are
            lines.append(f"generated-{number}\td{at % len(documents)}\t1")
            number += 1
        (folder / "qrels" / f"{part}.tsv").write_text("\n".join(lines) + "\n")
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="session")
def writers(tmp_path_factory) -> dict[str, Path]:
    """Randomly initialised encoder–decoders of width 16, with the bundled tokenizer."""
    from transformers import (
        BartConfig,
        BartForConditionalGeneration,
        T5Config,
        T5ForConditionalGeneration,
    )

    from bench.encoding.models import BUNDLED, load_tokenizer

    tokenizer = load_tokenizer(BUNDLED)
    common = {
        "vocab_size": len(tokenizer),
        "d_model": 16,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "decoder_start_token_id": tokenizer.cls_token_id,
    }
    torch.manual_seed(0)
    # Spread weights, so that what is written depends on what is read.
    bart = BartConfig(
        **common,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=64,
        init_std=0.5,
        forced_eos_token_id=None,
    )
    t5 = T5Config(**common, d_kv=8, d_ff=16, num_layers=1, num_heads=2, initializer_factor=3.0)
    folders = {}
    for name, model in (
        ("bart", BartForConditionalGeneration(bart)),
        ("t5", T5ForConditionalGeneration(t5)),
    ):
        folders[name] = tmp_path_factory.mktemp("writers") / name
        model.save_pretrained(folders[name])
        tokenizer.save_pretrained(folders[name])
    return folders
