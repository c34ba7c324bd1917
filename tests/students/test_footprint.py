"""What serving a student takes."""

import numpy as np
import pytest

from bench import students
from bench.encoding.models import load_tokenizer
from bench.study.schema import Evaluation
from bench.training.evaluator import Evaluator
from tests.support.students import build, fresh, write


def mean_tokens(texts, model) -> float:
    tokenizer = load_tokenizer(str(model))
    return float(np.mean([len(tokenizer(text)["input_ids"]) for text in texts.texts.to_pylist()]))


@pytest.mark.parametrize("name", ["shared", "untied", "asymmetric"])
def test_a_footprint_by_hand(name, untied, context, tmp_path, tiny_model, wide_model):
    """A tiny model: tables of 30,522 words, 64 positions and 2 types of 32, that is 978,816.

    Its norm has 64 parameters. A layer: attention 4 · (32² + 32) = 4,224, forward
    2 · 32 · 64 + 64 + 32 = 4,192, norms 128, together 8,544. One layer and the norm are 8,608, two
    17,152. The wide one: 30,588 · 48 = 1,468,224, norm 96, a layer 4 · (48² + 48) = 9,408 and
    2 · 48 · 64 + 64 + 48 = 6,256 and 192, together 15,856; two and the norm are 31,808.
    """
    tables, one, two, wide_tables, wide_two = 978_816, 8_608, 17_152, 1_468_224, 31_808
    head = 32 * 48 + 48
    queries = write("truncated", layers=1, model=tiny_model, max_length=32)
    teacher = write("bi-encoder", model=wide_model, max_length=32)
    written, wanted = {
        "shared": (
            write("pretrained", model=tiny_model, max_length=32),
            (tables + two, tables + two, tables + two, tables, two, two),
        ),
        "untied": (
            untied,
            (2 * tables + one + two, 2 * tables + one + two, tables + one, 2 * tables, one, two),
        ),
        "asymmetric": (
            write("asymmetric", queries=queries, teacher=teacher),
            (
                tables + one + head + wide_tables + wide_two,
                tables + one + head,
                tables + one + head,
                tables + wide_tables,
                one + head,
                wide_two,
            ),
        ),
    }[name]
    context = fresh(context, tmp_path)
    student = students.create(written)
    towers = build(student, context)
    evaluator = Evaluator(context, student, Evaluation())
    size, again = (evaluator.footprint(towers, trained=True) for _ in range(2))
    assert again == size  # timed once
    assert len(list((tmp_path / "encoding-speed").glob("*/seconds.json"))) == 1
    assert (
        size.parameters,
        size.trained_parameters,
        size.query_parameters,
        size.embedding_parameters,
    ) == wanted[:4]
    dev, documents = context.collection.part("dev").queries, context.collection.documents
    assert size.query_flops == pytest.approx(2 * wanted[4] * mean_tokens(dev, tiny_model))
    assert size.document_flops == pytest.approx(2 * wanted[5] * mean_tokens(documents, tiny_model))
    assert size.query_seconds > 0
    assert size.document_seconds > 0
    untrained = evaluator.footprint(towers, trained=False)
    assert untrained.trained_parameters == 0
    assert untrained.parameters == size.parameters
