"""The phases that seconds are spent in, and the clocks that charge an arm for some of them.

These two tables are the only place that says which phase is on which clock, and when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A phase of making an artifact, or of a run.

    Attributes:
        label: its name in tables.
        by_example: whether it is due as examples are consumed, each alike; else at once.
        of_artifact: whether an artifact is made in it, which others may use.
        of_trial: whether tuning is charged for it in every trial.
        once: whether a run spends it once, whatever its budget.
    """

    label: str
    by_example: bool = False
    of_artifact: bool = False
    of_trial: bool = False
    once: bool = False


PHASES: Mapping[str, Phase] = {
    "prepare": Phase("artifacts, each once", of_artifact=True),
    "score": Phase("scoring drawn pairs", of_artifact=True, by_example=True),
    "read": Phase("reading artifacts"),
    "train": Phase("training", by_example=True, of_trial=True),
    "mine": Phase("mining by the student", by_example=True, of_trial=True),
    "evaluate": Phase("dev evaluations", of_trial=True),
    "test": Phase("test"),
    "start": Phase("starting", once=True),
    "compile": Phase("warming up", once=True),
    "save": Phase("saving", once=True),
    "wasted": Phase("lost to kills"),
}
"""By the name that bills have, in the order of tables."""

ARTIFACT_PHASES = tuple(name for name, phase in PHASES.items() if phase.of_artifact)
TRIAL_PHASES = tuple(name for name, phase in PHASES.items() if phase.of_trial)
ONCE_PHASES = tuple(name for name, phase in PHASES.items() if phase.once)


@dataclass(frozen=True)
class Clock:
    """What an arm is charged.

    Attributes:
        phases: of a run, and of the artifacts that it needs, each artifact once.
        note: what that is, for the notes of tables.
        trials: whether the arm's tuning trials are charged, too.
    """

    phases: tuple[str, ...]
    note: str
    trials: bool = False

    @property
    def at_once(self) -> list[str]:
        """Phases that are due before the first step."""
        return [name for name in self.phases if not PHASES[name].by_example]

    @property
    def by_example(self) -> list[str]:
        """Phases that are due as examples are consumed."""
        return [name for name in self.phases if PHASES[name].by_example]


CLOCKS: Mapping[str, Clock] = {
    "train": Clock(("train",), "data, forward, backward, optimiser"),
    "warm": Clock(("train", "mine", "read"), "train and reading them"),
    "cold": Clock(
        ("train", "mine", *ARTIFACT_PHASES),
        "train and every artifact the arm needs, as if it had to make them alone",
    ),
    "tuned": Clock(
        ("train", "mine", *ARTIFACT_PHASES),
        "cold and all tuning trials of the arm with their dev evaluations",
        trials=True,
    ),
}


def clocks_with(phase: str) -> list[str]:
    """The names of the clocks that charge a phase."""
    return [name for name, clock in CLOCKS.items() if phase in clock.phases]
