"""A teacher's model with its texts, ready to give signals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bench.storage.artifacts import Artifact
    from bench.teachers._scorers import Scorer
    from bench.teachers._tokenized_texts import TokenizedTexts


class ScoringTeacher(Protocol):
    """A teacher that is a model, as `LoadedTeacher` uses it."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> dict[str, Any]: ...

    @property
    def specification(self) -> dict[str, Any]: ...

    def weights(self) -> str: ...

    def scorer(self) -> Scorer: ...


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher's model with its texts, ready to give signals.

    Attributes:
        tuned: its fine-tuned weights; `None` if it is used without fine-tuning.
    """

    teacher: ScoringTeacher
    tokenized: TokenizedTexts
    tuned: Artifact | None

    @cached_property
    def scorer(self) -> Scorer:
        """The model on the device, loaded when first used."""
        scorer = self.teacher.scorer()
        if self.tuned is not None:
            scorer.restore(self.tuned.folder / "model.safetensors")
        return self.tokenized.context.device.place(scorer).eval()

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifact of its fine-tuned weights, if there is one."""
        return () if self.tuned is None else (self.tuned,)

    @property
    def specification(self) -> dict[str, object]:
        """What its signals depend on, apart from the texts."""
        return {
            "teacher": self.teacher.specification,
            "weights": self.teacher.weights(),
            "tuned": self.tuned.digest if self.tuned else None,
            "precision": self.tokenized.context.device.precision,
        }
