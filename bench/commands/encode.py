"""``bench encode``."""

import json
from pathlib import Path
from typing import Literal

from bench import encoding
from bench.errors import InputError
from bench.progress import quiet, say
from bench.storage.files import atomic, check_target, save_array


def encode_texts(
    model: str,
    texts: list[str],
    file: Path | None,
    side: Literal["query", "document"],
    to: Path | None,
) -> None:
    """Encode texts with an exported student; print the vectors, or write them to a file.

    Raises:
        InputError: there are no texts, or the model is no sentence-transformers folder.
    """
    if file is not None:
        texts = [*texts, *_lines(file)]
    if not texts:
        raise InputError("encode: give texts, or --file with one on each line")
    if to is not None:
        check_target("--to", to)

    modules = encoding.read_modules(model)

    encoder_modules = modules.queries if side == "query" else modules.documents
    for note in modules.notes:
        say(note)
    encoder = encoder_modules.load(modules.similarity)
    config, device = encoder_modules.side, encoding.choose()
    vectors = encoding.embed(encoder, config, texts, device).cpu().numpy()
    quiet()
    if to is None:
        for vector in vectors.tolist():
            print(json.dumps(vector))
        return
    with atomic(to) as aside:
        save_array(aside, vectors)
    say(f"{len(vectors):,} vectors of width {vectors.shape[1]}, float32: {to}")


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"--file {file}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--file {file}: cannot be read: {error}") from None
