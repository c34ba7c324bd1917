"""Writes a student as a folder that sentence-transformers loads, of safetensors and JSON alone.

One encoder becomes a plain folder. If the sides differ, in encoder or in length, the folder is a
Router with one route for each side, which ``encode_query`` and ``encode_document`` use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from bench.encoding.encoder import Encoder
from bench.encoding.joint import JointForm
from bench.encoding.models import load_tokenizer
from bench.encoding.modules import FLAGS
from bench.encoding.static_encoder import StaticEncoder
from bench.encoding.text_config import TextConfig
from bench.encoding.towers import Towers
from bench.encoding.transformer_encoder import TransformerEncoder
from bench.storage.files import atomic_folder, write_json
from bench.students.base import Student

_ST = "sentence_transformers.models"

Modules = list[tuple[str, str]]
"""(folder, type) of each module, in order."""


def save_student(towers: Towers, student: Student, folder: Path) -> None:
    """Write the student so that ``exported(folder="<folder>")`` gives the same student."""
    queries, documents = student.query_config, student.document_config
    with atomic_folder(folder) as aside:
        if towers.shared and queries.max_length == documents.max_length:
            modules = _save_encoder(towers.query_encoder, documents, aside, "")
        else:
            modules = _save_router(towers, student, aside)
        if towers.similarity == "cosine":
            name = f"{len(modules)}_Normalize"
            (aside / name).mkdir()
            modules.append((name, "Normalize"))
        write_json(
            aside / "modules.json",
            [
                {"idx": index, "name": str(index), "path": path, "type": f"{_ST}.{kind}"}
                for index, (path, kind) in enumerate(modules)
            ],
        )
        write_json(
            aside / "config_sentence_transformers.json",
            {
                "prompts": {"query": queries.prompt, "document": documents.prompt},
                "default_prompt_name": None,
                "similarity_fn_name": towers.similarity,
            },
        )


def _save_router(towers: Towers, student: Student, folder: Path) -> Modules:
    routes = {
        "query": _save_encoder(towers.query_encoder, student.query_config, folder, "query_"),
        "document": _save_encoder(
            towers.of_documents(), student.document_config, folder, "document_"
        ),
    }
    write_json(
        folder / "router_config.json",
        {
            "types": {
                path: f"{_ST}.{kind}" for modules in routes.values() for path, kind in modules
            },
            "structure": {
                route: [path for path, _ in modules] for route, modules in routes.items()
            },
            "parameters": {"default_route": "document", "allow_empty_key": True},
        },
    )
    return [("", "Router")]


def _save_encoder(encoder: Encoder, side: TextConfig, folder: Path, prefix: str) -> Modules:
    """Write the modules of one encoder; without a prefix, the first one goes into the root."""
    modules: Modules
    if isinstance(encoder, StaticEncoder):
        modules = [(f"{prefix}0_StaticEmbedding" if prefix else "", "StaticEmbedding")]
        _save_static(encoder, side, folder / modules[0][0])
    else:
        assert isinstance(encoder, TransformerEncoder)
        modules = [(f"{prefix}0_Transformer" if prefix else "", "Transformer")]
        place = folder / modules[0][0]
        encoder.transformer.save_pretrained(place)
        load_tokenizer(side.model).save_pretrained(place)
        write_json(place / "sentence_bert_config.json", {"max_seq_length": side.max_length})
        modules.append((f"{prefix}1_Pooling", "Pooling"))
        write_json(folder / modules[1][0] / "config.json", _pooling(encoder))
    if encoder.head:
        modules.append((f"{prefix}{len(modules)}_Dense", "Dense"))
        _save_dense(encoder.head, folder / modules[-1][0])
    return modules


def _save_static(encoder: StaticEncoder, side: TextConfig, folder: Path) -> None:
    tokenizer = load_tokenizer(side.model)
    tokenizer.save_pretrained(folder)
    form, inner = JointForm.of(tokenizer), tokenizer.backend_tokenizer
    # sentence-transformers adds no special tokens there, so the limit does not include them.
    inner.enable_truncation(side.max_length - form.head - form.tail)
    inner.save(str(folder / "tokenizer.json"))
    save_file(
        {"embedding.weight": encoder.embedding.weight.detach().cpu().contiguous()},
        folder / "model.safetensors",
    )


def _pooling(encoder: TransformerEncoder) -> dict[str, Any]:
    modes = encoder.pooling.split("+")
    about: dict[str, Any] = {"word_embedding_dimension": encoder.pooled_width // len(modes)}
    if len(modes) > 1:
        about["pooling_mode"] = modes  # for their order, which flags cannot express
    return about | {flag: mode in modes for flag, mode in FLAGS.items()}


def _save_dense(head: nn.Linear, folder: Path) -> None:
    config = {
        "in_features": head.in_features,
        "out_features": head.out_features,
        "bias": head.bias is not None,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    write_json(folder / "config.json", config)
    state = {
        f"linear.{name}": value.detach().cpu().contiguous()
        for name, value in head.state_dict().items()
    }
    save_file(state, folder / "model.safetensors")
