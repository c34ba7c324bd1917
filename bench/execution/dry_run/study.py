"""Reduces a study to the size of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.collections.open import resolve
from bench.miniature import shrunk_options
from bench.registry import Entry, Registry, entry_texts, parse_entry
from bench.study.arms import entries, resolve_arms
from bench.study.schema import EntrySpec, Study, parse_study

STEPS, BATCH, TRIALS = 2, 8, 1


def miniature(study: Study) -> Study:
    """The study as a dry run carries it out; arms keep their names.

    Raises:
        InputError: an arm cannot work, or a collection does not exist.
    """
    values = study.model_dump(mode="json", exclude_none=True)
    batch = min(BATCH, study.training.batch_size)
    values["title"] = f"{study.title} (dry run)"
    values["budget"] = study.budget.smallest(STEPS, batch).model_dump(exclude_none=True)
    values["training"]["batch_size"] = batch
    values["evaluation"] |= {"points": 1, "patience": 0}
    values["tuning"]["trials"] = min(TRIALS, study.tuning.trials)
    values["seeds"] = study.seeds[:1]
    values["train_shares"] = sorted({study.train_shares[0], 1.0})
    values["retries"] = 0
    values["execution"] = {}  # stand-ins are for one process
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
    """The entry with smaller options, and with smaller entries inside."""
    options: dict[str, Any] = shrunk_options(entry)
    for option, registry in entry_texts(entry).items():
        value = getattr(entry, option)
        if isinstance(value, str):
            options[option] = _smaller_text(value, registry)
        else:
            options[option] = [_smaller_text(text, registry) for text in value]
    return entry.with_options(**options)


def _smaller_text(text: str, registry: Registry[Any]) -> str:
    """An entry inside another; a word that names none (``bm25``) is itself."""
    name, _ = parse_entry(text)
    return str(_smaller(registry.create(text))) if name in registry.names() else text
