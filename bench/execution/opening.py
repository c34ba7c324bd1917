"""Opens the collections that a study trains and tests on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench import encoding
from bench.collections.leaks import check_apart
from bench.collections.open import open_collection
from bench.context import Context
from bench.storage.artifacts import Artifacts
from bench.study.schema import Study

if TYPE_CHECKING:
    from bench.encoding.device import Device


def open_context(study: Study, artifacts: Artifacts) -> Context:
    """The study's collections, prepared if necessary, and the device.

    Raises:
        InputError: a collection is malformed, a part does not exist, or a test collection shares
            relevant pairs with train or dev.
    """
    collection = open_collection(study.collection, artifacts)
    for part in ("train", "dev", *study.test):
        collection.part(part)
    test_collections = {}
    for name, spec in study.test_collections.items():
        test_collections[name] = open_collection(spec, artifacts)
        check_apart(collection, name, test_collections[name])
    return Context(collection, artifacts, _device(study), test_collections)


def _device(study: Study) -> Device:
    """The device of this process, with the precision of the study's workers."""
    precision = study.training.precision
    device = encoding.choose(precision)
    if study.execution.elsewhere_on_gpus and precision == "auto":
        return replace(device, precision="bf16")
    if not study.execution.elsewhere_on_gpus:
        encoding.check_precision(device)
    return device
