"""Reduces a study to the size of a dry run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench import collections, generators, samplers, students, teachers
from bench.collections.open import resolve
from bench.execution.dry_run.models import NARROWER
from bench.registry import Entry, Registry, parse_entry
from bench.study.arms import entries, resolve_arms
from bench.study.schema import EntrySpec, Study, parse_study

STEPS, BATCH, TRIALS, SECONDS = 2, 8, 1, 1.0


def _at_most(most: int, zero: int = 0) -> Callable[[int], int]:
    """A function that limits an option to ``most``; a value of 0 becomes ``zero``."""
    return lambda value: min(value, most) or zero


SMALLER: Mapping[str, Callable[[int], int]] = {
    "batch_size": _at_most(4),
    "documents": _at_most(300, zero=300),
    "examples": _at_most(16),
    "most": _at_most(16, zero=16),
    "pairs_per_query": _at_most(4),
    "refresh": _at_most(1),
    "width": lambda value: max(1, value // NARROWER),
}
"""By option: the reduced value. These options decide how long something takes, or are widths."""

PARTS = {"by", "documents", "margins_by", "queries", "student", "teacher", "teachers", "topics_by"}
"""Options that may contain entries, whose options are reduced too."""

REGISTRIES: Mapping[str, Registry[Any]] = {
    kind.registry.kind: kind.registry
    for kind in (collections, generators, samplers, students, teachers)
}


def miniature(study: Study) -> Study:
    """The study as a dry run carries it out; arms keep their names.

    Raises:
        InputError: an arm cannot work, or a collection does not exist.
    """
    values = study.model_dump(mode="json", exclude_none=True)
    batch = min(BATCH, study.training.batch_size)
    budget = {"steps": STEPS, "examples": STEPS * batch, "seconds": SECONDS}
    values["title"] = f"{study.title} (dry run)"
    values["budget"] = {study.budget.unit: min(budget[study.budget.unit], study.budget.amount)}
    values["training"]["batch_size"] = batch
    values["evaluation"] |= {"points": 1, "patience": 0}
    values["tuning"]["trials"] = min(TRIALS, study.tuning.trials)
    values["seeds"] = study.seeds[:1]
    values["train_shares"] = sorted({study.train_shares[0], 1.0})
    values["retries"] = 0
    values["collection"] = _collection(study.collection)
    values["test_collections"] = {
        name: _collection(written) for name, written in study.test_collections.items()
    }
    arms = zip(entries(study), resolve_arms(study), strict=True)
    values.pop("cross", None)
    values["arms"] = [
        {
            **entry.model_dump(mode="json", exclude_none=True),
            "name": arm.name,
            "training": {**entry.training, **_batch(entry.training)},
            "teacher": str(_smaller(arm.teacher)),
            "student": str(_smaller(arm.student)),
            "sampler": str(_smaller(arm.sampler)),
        }
        for entry, arm in arms
    ]
    return parse_study(values, "dry run")


def _batch(training: Mapping[Any, Any]) -> dict[str, int]:
    """The reduced batch size of an arm that has its own."""
    return {key: min(BATCH, training[key]) for key in ("batch_size",) if key in training}


def _collection(written: EntrySpec) -> EntrySpec:
    """The reduced collection; unchanged, as written, if nothing had to be reduced."""
    source = resolve(written)
    smaller = _smaller(source)
    return written if smaller == source else str(smaller)


def _smaller(entry: Entry) -> Entry:
    """The entry with reduced options, also in entries that it contains."""
    smaller: dict[str, Any] = {}
    for option, value in entry.options.items():
        if option in PARTS and isinstance(value, str):
            smaller[option] = _part(value)
        elif option in PARTS and isinstance(value, tuple):
            smaller[option] = [_part(one) for one in value]
        elif option in SMALLER:
            smaller[option] = SMALLER[option](value)
    return REGISTRIES[entry.kind].create(entry, **smaller) if smaller else entry


def _part(written: str) -> str:
    """An entry within another, reduced; a word that names no entry (``bm25``) is unchanged."""
    name, _ = parse_entry(written)
    for registry in REGISTRIES.values():
        if name in registry.names():
            return str(_smaller(registry.create(written)))
    return written
