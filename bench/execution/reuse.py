"""Describes how a study differs from the one that its folder was last used for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.collections.prepare import differing_tables
from bench.errors import InputError
from bench.storage.finished_run import FinishedRun
from bench.study.arms import Arm, resolve_arms
from bench.study.file import load_study
from bench.study.schema import Study

if TYPE_CHECKING:
    from bench.context import Context

LONGEST = 60
"""Most characters of a value that are printed."""


def describe_changes(out: Path, study: Study, arms: Iterable[Arm]) -> list[str]:
    """How the study differs from the one that the folder was last used for, one line each.

    These lines do not decide what is reused: a run is reused if its id, and thus its complete
    specification, is the same.
    """
    if not (out / "study.toml").is_file():
        return []
    try:
        before = load_study(str(out / "study.toml"))
        old = {arm.name: arm for arm in resolve_arms(before)}
    except InputError as error:
        return [f"what was here before cannot be compared: {error}"]
    new = {arm.name: arm for arm in arms}
    changes = [*_keys(before, study), *_arms(old, new)]
    if not changes:
        return []
    whose = "this study" if before.name == study.name else f"the study {before.name}"
    return [
        f"{whose} was run here before, and differed; runs that are the same are not done again:",
        *(f"  {line}" for line in changes),
    ]


def find_outdated(
    runs: Iterable[FinishedRun], contexts: Iterable[Context], tested: Collection[str]
) -> list[FinishedRun]:
    """The runs that are done and whose collections have changed since.

    Args:
        contexts: one for each share of the train queries.
        tested: the names of the tests.
    """
    now = {context.collection.fingerprint: context.fingerprints(tested) for context in contexts}
    outdated = []
    for run in runs:
        if run.status == "done":
            specification = run.record["specification"]
            tests = now.get(specification["collection"])
            if tests is None or any(
                tests.get(name, then) != then for name, then in specification["tests"].items()
            ):
                outdated.append(run)
    return outdated


def describe_outdated(outdated: Collection[FinishedRun], context: Context) -> list[str]:
    """A line about outdated runs, with the tables that have changed if these are known."""
    if not outdated:
        return []
    changed: dict[str, list[str]] = {}
    for run in sorted(outdated, key=lambda run: run.id):
        specification = run.record["specification"]
        for name, then in specification["tests"].items() if "reference" in specification else ():
            now = context.test_collections.get(name, context.collection)
            if now.fingerprint != then:
                changed[now.name] = differing_tables(context.artifacts, then, now.fingerprint)
    details = [
        name + (f" ({', '.join(tables)})" if tables else "") for name, tables in changed.items()
    ]
    return [
        f"the collection has changed since {len(outdated):,} finished runs here"
        f"{': ' if details else ''}{', '.join(details)}; they are kept, unused, and made again "
        "with what is there now; another --out keeps the two apart"
    ]


_NO_RESULT = ("name", "title", "question", "claim", "cost", "execution")
"""Keys on which no result depends."""
_OF_ARMS = ("defaults", "arms", "cross")


def _keys(before: Study, study: Study) -> Iterator[str]:
    old, new = (_flat(one.model_dump(mode="json")) for one in (before, study))
    for key in dict.fromkeys([*old, *new]):
        if key.partition(".")[0] not in (*_NO_RESULT, *_OF_ARMS) and old.get(key) != new.get(key):
            yield f"{key}: {_short(old.get(key))} → {_short(new.get(key))}"


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of nested tables by their key paths."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[above + key] = value
    return flat


def _arms(old: Mapping[str, Arm], new: Mapping[str, Arm]) -> Iterator[str]:
    """Lines about new, removed, renamed and changed arms."""
    made = {_made_of(arm): name for name, arm in old.items()}
    for name, arm in new.items():
        if name in old and _made_of(old[name]) != _made_of(arm):
            yield f"arm {name}: made of something else"
        elif name not in old:
            known = made.get(_made_of(arm))
            yield f"arm {name}: " + (f"was called {known}" if known else "is new")
    renamed = {made.get(_made_of(arm)) for name, arm in new.items() if name not in old}
    for name in sorted(old.keys() - new.keys() - renamed):
        yield f"arm {name}: is no longer in it"


def _made_of(arm: Arm) -> str:
    parts = (arm.loss, arm.teacher, arm.student, arm.sampler)
    return " ".join([*map(str, parts), str(dict(arm.training_overrides)), str(dict(arm.space))])


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
