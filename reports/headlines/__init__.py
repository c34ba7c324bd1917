"""What a study answers, a sentence for each kind of question; no verdict on a claim in it."""

from collections.abc import Iterator

from reports.analysis.base import Analysis
from reports.analysis.selectors import collection_name
from reports.formatting import plain
from reports.headlines import quality, reaching, retention, sensitivity, shares

__all__ = ["headline", "headlines"]

KINDS = {
    "data-fraction": shares.sentences,
    "sensitivity": sensitivity.sentences,
    "reaching": reaching.sentences,
    "quality": quality.sentences,
    "retention": retention.sentences,
}
"""What a question may be about; the first that a study has something to say of is its own, unless
``[comparison] answer`` or its first claim says otherwise."""

MOST = 5
"""Clauses of a sentence."""


def headlines(results: Analysis) -> list[str]:
    """The answer to the study's question, then those to others, a sentence each."""
    where = f"On {plain(collection_name(results.study))} with this set-up, "
    leads = [where, *["Also, "] * len(KINDS)]
    return [f"{lead}{said}." for lead, said in zip(leads, _said(results), strict=False)]


def headline(results: Analysis) -> str:
    """The first of `headlines`; empty where nothing is finished that could be compared."""
    return next(iter(headlines(results)), "")


def _said(results: Analysis) -> Iterator[str]:
    own = _asked(results)
    for kind in sorted(KINDS, key=lambda kind: kind != own):
        if sentences := KINDS[kind](results):
            yield _sentence(sentences)


def _asked(results: Analysis) -> str:
    study = results.study
    if study.comparison.answer:
        return study.comparison.answer
    if study.claims:
        quantity = study.claims[0].quantity
        return quantity if quantity in KINDS else "reaching"
    return ""


def _sentence(sentences: list[str]) -> str:
    shown = sentences[:MOST]
    if more := len(sentences) - len(shown):
        shown.append(f"{more} more are in the tables")
    return "; ".join(shown)
