"""Old names of renamed things."""

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

from bench import students
from bench.context import Context
from bench.losses import Embeddings
from bench.students import Student
from bench.students.base import FromModel
from bench.triples.stream import DrawPlan, all_pairs_of

MOVED = {
    "bench.lab.Lab": "bench.context.Context",
    "bench.artifacts.Artifact": "bench.storage.artifacts.Artifact",
    "bench.artifacts.Artifacts": "bench.storage.artifacts.Artifacts",
    "bench.artifacts.Made": "bench.storage.artifacts.BuildReport",
    "bench.artifacts.shard": "bench.storage.artifacts.shard",
    "bench.samplers.base.Draws": "bench.triples.stream.TripleStream",
    "bench.samplers.base.Demand": "bench.triples.stream.DrawPlan",
    "bench.samplers.base.Triples": "bench.triples.stream.Triples",
    "bench.samplers.base.Epochs": "bench.triples.epochs.Epochs",
    "bench.students.base.Side": "bench.encoding.text_config.TextConfig",
    "bench.teachers.base.Teaching": "bench.teachers.base.SignalSource",
    "reports.Shown": "reports.figures.options.FigureOptions",
}


@pytest.mark.parametrize("old", MOVED)
def test_a_class_by_its_old_name(old):
    (module, name), (now, new) = old.rsplit(".", 1), MOVED[old].rsplit(".", 1)
    with pytest.warns(DeprecationWarning, match=f"^{old} is now {MOVED[old]};") as caught:
        assert getattr(import_module(module), name) is getattr(import_module(now), new)
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'Nothing'"):
        _ = import_module(module).Nothing


def test_an_attribute_by_its_old_name():
    vectors = torch.ones(2, 3)
    student = students.create("asymmetric")
    context = Context(None, None, None, {"far": None})  # type: ignore[arg-type]
    for give, wanted in [
        (lambda: Embeddings(vectors, vectors, vectors).comparable().similarity, "dot"),
        (lambda: student.drawn, False),
        (lambda: student.inherits(), student.document_teacher()),
        (lambda: student.query_side, student.query_config),
        (lambda: student.document_side, student.document_config),
        (lambda: context.elsewhere, {"far": None}),
        (lambda: DrawPlan("stream", 0, 1, 1).draws, "stream"),
    ]:
        with pytest.warns(DeprecationWarning, match=r"^\w+\.\w+ is now \w+;") as caught:
            assert give() == wanted
        assert [one.filename for one in caught] == [__file__]


def test_a_student_that_was_written_with_old_names():
    with pytest.warns(DeprecationWarning, match="^Old") as caught:

        @dataclass(frozen=True)
        class Old(Student):
            @property
            def drawn(self) -> bool:
                return True

            def inherits(self) -> str:
                return "a teacher"

    assert [str(one.message).split(";")[0] for one in caught] == [
        "Old.drawn is now randomly_initialised",
        "Old.inherits is now document_teacher",
    ]
    assert caught[0].filename == __file__
    student = Old()
    assert student.randomly_initialised
    assert student.document_teacher() == "a teacher"
    assert student.drawn  # its own: nothing more is said


def test_a_student_that_has_both_names_works_with_two_releases(recwarn):
    @dataclass(frozen=True)
    class Both(FromModel):
        @property
        def drawn(self) -> bool:
            raise AssertionError("not asked")

        @property
        def randomly_initialised(self) -> bool:
            return True

    assert Both().randomly_initialised
    assert not recwarn.list


def test_streams_of_the_release_before():
    plan = DrawPlan(None, 0, 1, 1)  # type: ignore[arg-type]
    assert all_pairs_of(SimpleNamespace()) is None  # type: ignore[arg-type]
    assert all_pairs_of(SimpleNamespace(all_pairs=plan)) is plan  # type: ignore[arg-type]
    with pytest.warns(DeprecationWarning, match="universe is now all_pairs"):
        assert all_pairs_of(SimpleNamespace(universe=plan)) is plan  # type: ignore[arg-type]
