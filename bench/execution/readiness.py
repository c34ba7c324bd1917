"""Checks that a study can be carried out, for `run`, `plan` and `train` alike.

The checks come in steps: the study alone, then its collections, then its models' weights.
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
    """Check all that can be checked without downloads, and return the study's arms.

    Raises:
        InputError: an arm, a measure, a collection or a model cannot work.
    """
    arms = resolve_arms(study)
    check_measures(study.measures, study.evaluation.depth)
    for spec in (study.collection, *study.test_collections.values()):
        resolve(spec)
    check_models(arms)
    return arms


def open_local(study: Study, artifacts: Artifacts) -> Context | None:
    """The study's collections if all are on this machine; `None` if a download is necessary.

    Raises:
        InputError: a collection is malformed, or has no part of a name.
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
    """Check that the arms can use their models; models that are not on this machine are skipped.

    Args:
        out: the study's folder; if it exists, weights were checked when it was made.

    Raises:
        InputError: an arm cannot use a model.
    """
    check_models(arms)
    if not out.exists():
        check_weights(arms)
