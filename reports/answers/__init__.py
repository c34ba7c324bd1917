"""What a study answers, a sentence for each kind of question; no verdict on a claim in it."""

from collections.abc import Iterator

from bench.results import Results
from reports.answers import quality, reaching, retention, sensitivity, shares
from reports.reading import collection_name
from reports.wording import plain

__all__ = ["answer", "answers"]

KINDS = {
    "data-fraction": shares.clauses,
    "sensitivity": sensitivity.clauses,
    "reaching": reaching.clauses,
    "quality": quality.clauses,
    "retention": retention.clauses,
}
"""What a question may be about; the first that a study has something to say of is its own, unless
``[comparison] answer`` or its first claim says otherwise."""

MOST = 5
"""Clauses of a sentence."""


def answers(results: Results) -> list[str]:
    """The answer to the study's question, then those to others, a sentence each."""
    where = f"On {plain(collection_name(results.study))} with this set-up, "
    leads = [where, *["Also, "] * len(KINDS)]
    return [f"{lead}{said}." for lead, said in zip(leads, _said(results), strict=False)]


def answer(results: Results) -> str:
    """The first of `answers`; empty where nothing is finished that could be compared."""
    return next(iter(answers(results)), "")


def _said(results: Results) -> Iterator[str]:
    own = _asked(results)
    for kind in sorted(KINDS, key=lambda kind: kind != own):
        if clauses := KINDS[kind](results):
            yield _sentence(clauses)


def _asked(results: Results) -> str:
    study = results.study
    if study.comparison.answer:
        return study.comparison.answer
    if study.claims:
        quantity = study.claims[0].quantity
        return quantity if quantity in KINDS else "reaching"
    return ""


def _sentence(clauses: list[str]) -> str:
    shown = clauses[:MOST]
    if more := len(clauses) - len(shown):
        shown.append(f"{more} more are in the tables")
    return "; ".join(shown)
