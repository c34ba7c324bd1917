"""Ids, addresses and names stay what they were when an option is added at what was before it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import optuna
import pandas as pd
import pytest

from bench import generators, losses, samplers, students, teachers
from bench.execution.choices import Choices
from bench.execution.optuna_storage import OptunaStorage, storage_url
from bench.identity import NOT_IN_IDS, Since, identity
from bench.samplers._rankers import ranker
from bench.spaces import Choice, Float
from bench.study import arms as arms_module
from bench.study.arms import Arm, resolve_arms
from bench.study.file import load_study
from bench.study.schema import Budget, Evaluation, Study, Training, Tuning
from bench.training import specification
from bench.training.specification import ReferenceSpecification, RunSpecification
from bench.triples.ranked import window

ROOT = Path(__file__).parents[1]
KEPT = {
    # Each folder with the fingerprint of the collection that its runs were of.
    ROOT / "tests" / "fixtures" / "results" / "0.1.0": "a51c8215711f27d3",
    ROOT / "reports" / "gallery" / "quickstart": "440bbbdf407d9443",
}
BEFORE, OTHER = 0.5, 2.0

Change = Callable[[Study], Study]


def unchanged(study: Study) -> Study:
    return study


@dataclasses.dataclass
class Ids:
    """Ids of reference rows and of runs, and names of Optuna's studies."""

    references: set[str]
    runs: set[str]
    names: set[str]


@pytest.fixture(autouse=True)
def committed_format(monkeypatch):
    """That of the committed records, because another one gives other ids to all of them."""
    monkeypatch.setattr(specification, "FORMAT", 1)


@pytest.fixture(scope="module")
def kept() -> Ids:
    """Those that are committed."""
    ids = Ids(set(), set(), set())
    for folder in KEPT:
        rows = pd.read_csv(folder / "summary.csv")
        ids.references |= set(rows[rows["role"] == "reference"]["run"])
        ids.runs |= set(rows[rows["role"] != "reference"]["run"])
        if (folder / "optuna.db").exists():
            ids.names |= set(optuna.get_all_study_names(storage_url(folder)))
    assert (len(ids.references), len(ids.runs), len(ids.names)) == (6, 36, 4)
    return ids


def made_anew(storage: Path, change: Change = unchanged) -> Ids:
    """The same of the committed studies as this code makes them."""
    ids = Ids(set(), set(), set())
    for folder, fingerprint in KEPT.items():
        study = change(load_study(str(folder / "study.toml")))
        arms = {arm.name: arm for arm in resolve_arms(study)}
        context: Any = SimpleNamespace(
            collection=SimpleNamespace(fingerprint=fingerprint),
            device=SimpleNamespace(precision="float32"),
            fingerprints=lambda names, fingerprint=fingerprint: dict.fromkeys(names, fingerprint),
        )
        for row in pd.read_csv(folder / "summary.csv").to_dict("records"):
            if row["role"] == "reference":
                ids.references.add(reference(row["arm"], study, arms, context).id)
                continue
            options = {
                key: value
                for key, value in row.items()
                if key.startswith(("loss.", "training.")) and not pd.isna(value)
            }
            arm = arms[row["arm"]].choose(options)
            tests = study.tested if row["role"] == "final" else []
            ids.runs.add(RunSpecification.of(study, arm, context, row["seed"], tests).id)
        if (folder / "optuna.db").exists():
            for arm in arms.values():
                choices = Choices.of(study, arm, 1.0, context, OptunaStorage(storage_url(storage)))
                ids.names.add(choices.proposals.name)
    return ids


def reference(
    name: str, study: Study, arms: dict[str, Arm], context: Any
) -> ReferenceSpecification:
    arm = arms["margin-mse"]
    what = {
        "bm25": {"name": "bm25"},
        "untrained": {**arm.student.specification, "weights": arm.student.weights()},
        "teacher": {"teacher": arm.teacher.specification, "weights": arm.teacher.weights()},
    }[name]
    tests = context.fingerprints(study.tested)
    return ReferenceSpecification(
        what, study.evaluation, tests, context.collection.fingerprint, "float32"
    )


def test_committed_ids_are_made_again(kept, tmp_path):
    assert made_anew(tmp_path) == kept


def with_option(cls: type, value: Any, before: Any = BEFORE) -> type:
    """The dataclass with one more option, which has this value where nobody gives it."""
    added = dataclasses.field(default=value, kw_only=True)
    fields = [("added", Annotated[type(before), Since("9.9", before=before)], added)]
    return dataclasses.make_dataclass(cls.__name__, fields, bases=(cls,), frozen=True)


def add_option(monkeypatch, package: Any, name: str, value: Any) -> None:
    """One more option of a registered entry."""
    monkeypatch.setitem(
        package.registry._classes, name, with_option(package.registry.get(name), value)
    )


def with_key(cls: Any, value: Any, before: Any = BEFORE) -> Any:
    """The pydantic model with one more key."""

    class Later(cls):
        added: Annotated[type(before), Since("9.9", before=before)] = value

    return Later


ENTRIES = {
    "loss": (losses, ["adaptive-margin", "static-margin", "distributed-margin", "margin-mse"]),
    "teacher": (teachers, ["none", "bi-encoder"]),
    "student": (students, ["static", "truncated"]),
    "sampler": (samplers, ["uniform"]),
}


def entry(axis: str) -> Callable[..., Change]:
    def add(monkeypatch, value):
        package, names = ENTRIES[axis]
        for name in [*names, *(["infonce"] if axis == "loss" else [])]:
            add_option(monkeypatch, package, name, value)
        return unchanged

    return add


def part(name: str, cls: Any, before: Any = BEFORE, other: Any = OTHER) -> Callable[..., Change]:
    """A key of a part of the study file."""

    def add(monkeypatch, value):
        later = with_key(cls, before if value == BEFORE else other, before)
        monkeypatch.setattr(arms_module, cls.__name__, later, raising=False)
        return lambda study: study.model_copy(
            update={name: later(**dict(getattr(study, name)))},
        )

    return add


def space(monkeypatch, value):
    """A key of what an arm varies."""

    def later(old: Float | Choice) -> Any:
        return with_option(type(old), value)(**{key: getattr(old, key) for key in vars(old)})

    def change(study: Study) -> Study:
        spaces = {key: later(old) for key, old in study.tuning.space.items()}
        return study.model_copy(
            update={"tuning": study.tuning.model_copy(update={"space": spaces})}
        )

    return change


ADDED = {
    **{axis: (entry(axis), {"runs", "names"}) for axis in ENTRIES},
    "training": (part("training", Training), {"runs", "names"}),
    "schedule": (part("training", Training, "", "late"), {"runs", "names"}),
    "evaluation": (part("evaluation", Evaluation), {"references", "runs", "names"}),
    "tuning": (part("tuning", Tuning), {"names"}),
    "space": (space, {"names"}),
}


@pytest.mark.parametrize("where", ADDED)
def test_an_added_option_changes_nothing_at_what_was_before_it(where, kept, tmp_path, monkeypatch):
    add, _ = ADDED[where]
    assert made_anew(tmp_path, add(monkeypatch, BEFORE)) == kept


@pytest.mark.parametrize("where", ADDED)
def test_at_another_value_everything_it_bears_on_is_new(where, kept, tmp_path, monkeypatch):
    add, changed = ADDED[where]
    found = made_anew(tmp_path, add(monkeypatch, OTHER))
    for kind in changed:
        assert not getattr(found, kind) & getattr(kept, kind)
    if "references" not in changed and where not in ("student", "teacher"):
        assert found.references == kept.references
    if "runs" not in changed:
        assert found.runs == kept.runs


def test_addresses_of_artifacts(context, tiny_model, monkeypatch):
    by = f'bi-encoder(model="{tiny_model}", max_length=16)'

    def addresses() -> list[str]:
        mined = window(context, ranker(context, by), 5)[1].digest
        return [mined, generators.create("span").generate(context).artifact.digest]

    before = addresses()
    for value in (BEFORE, OTHER):
        add_option(monkeypatch, teachers, "bi-encoder", value)
        add_option(monkeypatch, generators, "span", value)
        same = [one == other for one, other in zip(addresses(), before, strict=True)]
        assert same == [value == BEFORE] * 2
        monkeypatch.undo()


MADE_OF_OTHERS = {
    'sum(parts=["infonce", "margin-mse"])': (losses, losses, "infonce"),
    'ensemble(teachers=["bi-encoder", "cross-encoder"])': (teachers, teachers, "bi-encoder"),
    'untied(queries="narrow")': (students, students, "narrow"),
    "asymmetric": (students, teachers, "bi-encoder"),
    'projected(start="procrustes")': (students, students, "truncated"),
    'mined(by="bi-encoder(max_length=64)")': (samplers, teachers, "bi-encoder"),
    "topic-balanced": (samplers, teachers, "cross-encoder"),
    "topic-balanced(margins_by=\"ensemble(teachers=['bi-encoder'])\")": (
        samplers,
        teachers,
        "bi-encoder",
    ),
    "generated": (samplers, generators, "span"),
}


@pytest.mark.parametrize("text", MADE_OF_OTHERS)
def test_an_option_added_to_a_part(text, monkeypatch):
    package, parts, name = MADE_OF_OTHERS[text]
    before = package.create(text).specification
    add_option(monkeypatch, parts, name, BEFORE)
    assert package.create(text).specification == before
    add_option(monkeypatch, parts, name, OTHER)
    assert package.create(text).specification != before


def test_texts_in_identities(monkeypatch):
    """Where the default departs from what was before, the text says the option."""
    identify = teachers.registry.identify
    written = 'ensemble(teachers=["bi-encoder( max_length = 64)"], shares=[1])'
    assert identify(written) == written
    assert identify("bm25") == "bm25"
    add_option(monkeypatch, teachers, "bi-encoder", OTHER)
    assert identify("bi-encoder") == "bi-encoder(added=2.0)" == identify("bi-encoder(added=2.0)")
    assert identify("bi-encoder(added=0.5)") == "bi-encoder"
    assert identify(written) == (
        'ensemble(shares=[1], teachers=["bi-encoder(max_length=64, added=2.0)"])'
    )


def test_what_is_left_out():
    @dataclasses.dataclass
    class Part:
        kept: int = 1
        once: Annotated[float, Since("0.2", before=0.3)] = 0.1 + 0.2
        never: Annotated[int, NOT_IN_IDS] = 3

    assert identity(Part()) == {"kept": 1}
    assert identity({"parts": [Part(once=1.0)]}) == {"parts": [{"kept": 1, "once": 1.0}]}
    assert identity(Budget(steps=5)) == {"steps": 5}
    assert "checkpoint_seconds" not in identity(Training())


def test_an_added_option_is_checked_and_listed_like_any(monkeypatch):
    add_option(monkeypatch, losses, "infonce", OTHER)
    assert str(losses.create("infonce(added=0.5)")) == "infonce(added=0.5)"
    (listed,) = [
        option
        for loss in losses.registry.describe()
        if loss["name"] == "infonce"
        for option in loss["options"]
        if option["name"] == "added"
    ]
    assert listed == {"name": "added", "type": "float", "default": OTHER, "required": False}
