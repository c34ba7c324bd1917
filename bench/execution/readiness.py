"""Whether a study can be carried out as it is written: the one check of `run`, `plan` and `train`.

In steps, as more is there to be looked at: the study alone, its collections, its models' weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.collections.open import resolve
from bench.collections.prepare import is_local
from bench.context import Context
from bench.errors import InputError, did_you_mean
from bench.evaluation.measures import check_measures
from bench.execution.model_checks import check_models, check_weights
from bench.execution.opening import open_context
from bench.storage.artifacts import Artifacts
from bench.study.arms import Arm, resolve_arms
from bench.study.schema import Study


def check_study(study: Study) -> list[Arm]:
    """The arms of a study of which everything is right that is seen without fetching anything.

    Raises:
        InputError: an arm, a measure, a collection or a model that there cannot be.
    """
    arms = resolve_arms(study)
    check_measures(study.measures, study.evaluation.depth)
    for written in (study.collection, *study.test_collections.values()):
        resolve(written)
    check_models(arms)
    return arms


def open_at_hand(study: Study, artifacts: Artifacts) -> Context | None:
    """The study's collections, where they are on disk or have been prepared; none is fetched.

    Raises:
        InputError: a collection that is not as it must be, or has no part of a name.
    """
    sources = [resolve(one) for one in (study.collection, *study.test_collections.values())]
    if all(is_local(one, artifacts) for one in sources):
        return open_context(study, artifacts)
    known = sources[0].part_names()
    for name in study.test:
        if known is not None and name not in known:
            near = did_you_mean(name, known)
            raise InputError(f"collection {sources[0]}: no part is named {name!r}{near}")
    return None


def check_arms(arms: Sequence[Arm], out: Path) -> None:
    """That the models that are at hand can be what the arms make of them.

    Args:
        out: the study's folder; where there is one, weights were looked at when it was made.

    Raises:
        InputError: a model that cannot be what an arm makes of it.
    """
    check_models(arms)
    if not out.exists():
        check_weights(arms)
