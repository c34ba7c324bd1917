"""Checks a collection's texts: repeated queries, and scripts without spaces."""

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


def normalise(text: str) -> str:
    """The text for comparison: Unicode form, case and white space are unified."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def separate_parts(
    parts: Mapping[str, PartRows], held_out: Iterable[str], others: Iterable[str], origin: str
) -> tuple[dict[str, PartRows], list[str]]:
    """Remove queries from ``others`` whose text also occurs in a held-out part.

    Such queries may have different ids, but training or choosing on them uses held-out answers.

    Returns:
        (the parts, notes on what was removed).

    Raises:
        InputError: a part has no queries left.
    """
    texts = {normalise(text) for name in held_out for _, text in parts[name].queries}
    where, result, notes = " or ".join(held_out), dict(parts), []
    for name in others:
        kept = parts[name].only(lambda _, text: normalise(text) not in texts)
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


def count_among_documents(queries: Pairs, documents: Pairs, positions: Mapping[str, int]) -> int:
    """How many queries are documents too: with the same id, and the same text apart from a title.

    Args:
        positions: of the documents by their ids.
    """
    count = 0
    for id, text in queries:
        if (at := positions.get(id)) is not None:
            query, document = normalise(text), normalise(documents[at][1])
            count += document.endswith(query) and 2 * len(query) > len(document)
    return count


def lacks_spaces(texts: Iterable[str]) -> bool:
    """Whether most letters belong to scripts that put no spaces between words."""
    text = "".join(texts)
    letters = sum(map(str.isalpha, text))
    return 2 * len(_UNSPACED.findall(text)) > letters
