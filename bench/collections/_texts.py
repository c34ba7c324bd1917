"""What the texts of a collection say of it: repeated across parts, empty, or without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from bench.collections._judgements import Pairs, PartRows
from bench.errors import InputError

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"  # Thai, Lao, Tibetan, Burmese, Khmer, kana, Han
)


def normalised(text: str) -> str:
    """A text with what no reader sees as a difference taken away."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def apart(
    parts: Mapping[str, PartRows], held_out: Iterable[str], others: Iterable[str], origin: str
) -> tuple[dict[str, PartRows], list[str]]:
    """The parts, without the queries of ``others`` whose text is asked in one that is held out.

    Ids hide that a text stands in two parts; who trains or chooses on it has seen the answer.

    Raises:
        InputError: nothing is left of one.
    """
    asked = {normalised(text) for name in held_out for _, text in parts[name].queries}
    where, result, notes = " or ".join(held_out), dict(parts), []
    for name in others:
        kept = parts[name].only(lambda _, text: normalised(text) not in asked)
        count = len(parts[name].queries) - len(kept.queries)
        if not kept.queries:
            raise InputError(
                f"{origin}: every {name} query is asked, word for word, in {where} too"
            )
        if count:
            result[name] = kept
            notes.append(
                f"{name}: {count:,} queries are asked, word for word, in {where}; left out"
            )
    return result, notes


def among_documents(queries: Pairs, documents: Pairs, positions: Mapping[str, int]) -> int:
    """How many queries are documents too: by their id, and by the text, its title aside."""
    count = 0
    for id, text in queries:
        if (at := positions.get(id)) is not None:
            query, document = normalised(text), normalised(documents[at][1])
            count += document.endswith(query) and 2 * len(query) > len(document)
    return count


def unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters are of scripts that put no spaces between words."""
    whole = "".join(texts)
    letters = sum(map(str.isalpha, whole))
    return 2 * len(_UNSPACED.findall(whole)) > letters
