"""Two models of one width, and an untied student."""

import pytest
import torch

from tests.support.models import write_model
from tests.support.students import write


@pytest.fixture(scope="session")
def other_model(tmp_path_factory):
    """The tiny model drawn again: as wide, with other weights."""
    from transformers import BertModel

    from bench.encoding.models import load_tokenizer

    folder = write_model(tmp_path_factory.mktemp("models") / "other", width=32)
    torch.manual_seed(1)
    BertModel(BertModel.from_pretrained(folder).config).save_pretrained(folder)
    load_tokenizer(str(folder)).save_pretrained(folder)
    return folder


@pytest.fixture
def untied(tiny_model) -> str:
    """A tower of one layer for queries, of two for documents, as a study writes it."""
    queries = write("truncated", layers=1, model=tiny_model, max_length=32)
    documents = write("pretrained", model=tiny_model, max_length=32)
    return write("untied", queries=queries, documents=documents)
