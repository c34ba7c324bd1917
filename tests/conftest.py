"""Small real things to test on: a collection, an encoder, a study, a run.

Nothing here imports torch until a test asks for it: those of the reports run without it.
"""

from functools import partial
from pathlib import Path

import pytest

from tests.support.collections import write_collection
from tests.support.studies import study_values


@pytest.fixture(scope="session")
def collection_folder(tmp_path_factory) -> Path:
    return write_collection(tmp_path_factory.mktemp("collections") / "toy")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A randomly initialised BERT of 2 layers and width 32, with the bundled tokenizer."""
    from tests.support.models import write_model

    return write_model(tmp_path_factory.mktemp("models") / "tiny", width=32)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory) -> Path:
    """The same of width 48."""
    from tests.support.models import write_model

    return write_model(tmp_path_factory.mktemp("models") / "wide", width=48)


@pytest.fixture
def toy_values(collection_folder, tiny_model) -> dict:
    return study_values(collection_folder, tiny_model)


@pytest.fixture
def toy_file(toy_values, tmp_path) -> Path:
    import tomli_w

    path = tmp_path / "toy.toml"
    path.write_text(tomli_w.dumps(toy_values))
    return path


@pytest.fixture(scope="module")
def context(tmp_path_factory, collection_folder):
    """The small collection, with artifacts of its own."""
    from bench.collections.open import open_collection
    from bench.context import Context
    from bench.encoding.device import choose
    from bench.storage.artifacts import Artifacts

    artifacts = Artifacts(tmp_path_factory.mktemp("artifacts"))
    return Context(open_collection(str(collection_folder), artifacts), artifacts, choose())


@pytest.fixture
def specify(context, toy_values):
    """``specify(arm, …)``: a run of the toy study on its collection."""
    from tests.support.runs import specify_run

    return partial(specify_run, context, toy_values)
