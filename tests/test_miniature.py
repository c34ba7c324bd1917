"""What options say becomes of them in a dry run."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from bench import students
from bench.miniature import AtMost, ModelWidth, shrunk_options
from bench.registry import entry_texts


@dataclass(frozen=True)
class Options:
    rounds: Annotated[int, Ge(1), AtMost(3)] = 2000
    every: Annotated[int, Ge(0), AtMost(1)] = 0
    limit: Annotated[int, Ge(0), AtMost(16, zero=16)] = 0
    width: Annotated[int, ModelWidth()] = 768
    layers: Annotated[int, Ge(1)] = 6


def test_what_takes_long_is_cut_down():
    assert shrunk_options(Options()) == {"rounds": 3, "every": 0, "limit": 16, "width": 64}


def test_what_is_small_stays():
    small = Options(rounds=2, every=9, limit=5, width=6)
    assert shrunk_options(small) == {"rounds": 2, "every": 1, "limit": 5, "width": 1}


def test_entries_inside_an_entry_are_known_by_their_annotation():
    found = entry_texts(students.create("projected"))
    assert {option: registry.kind for option, registry in found.items()} == {
        "student": "students",
        "teacher": "teachers",
    }
    assert entry_texts(students.create("pretrained")) == {}
