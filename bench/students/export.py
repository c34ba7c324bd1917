"""A trained student as a folder: safetensors and JSON that sentence-transformers also reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.encoding.models import load_tokenizer
from bench.files import atomic_folder, read_json, write_json
from bench.students.base import Student
from bench.students.pretrained import Pretrained

if TYPE_CHECKING:
    from bench.encoding.encoder import Encoder

_ST = "sentence_transformers.models"


def save_student(encoder: Encoder, student: Student, folder: Path) -> None:
    """Write the encoder so that ``pretrained(model="<folder>", …)`` is this student again."""
    with atomic_folder(folder) as aside:
        encoder.transformer.save_pretrained(aside, safe_serialization=True)
        load_tokenizer(student.model).save_pretrained(aside)
        pooling = {
            "word_embedding_dimension": encoder.width,
            "pooling_mode_cls_token": encoder.pooling == "cls",
            "pooling_mode_mean_tokens": encoder.pooling == "mean",
            "pooling_mode_max_tokens": encoder.pooling == "max",
        }
        write_json(aside / "1_Pooling" / "config.json", pooling)
        modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        if encoder.similarity == "cosine":
            (aside / "2_Normalize").mkdir()
            modules.append(("2_Normalize", "Normalize"))
        write_json(
            aside / "modules.json",
            [
                {"idx": index, "name": str(index), "path": path, "type": f"{_ST}.{kind}"}
                for index, (path, kind) in enumerate(modules)
            ],
        )
        write_json(aside / "sentence_bert_config.json", {"max_seq_length": student.max_length})
        write_json(
            aside / "student.json",
            {
                "pooling": encoder.pooling,
                "similarity": encoder.similarity,
                "max_length": student.max_length,
                "query_length": student.query_length,
            },
        )


def load_student(folder: Path) -> Student:
    """The description of a student that `save_student` wrote, or of any encoder's folder."""
    options = {}
    if (folder / "student.json").is_file():
        options = read_json(folder / "student.json")
    return Pretrained(model=str(folder), **options)
