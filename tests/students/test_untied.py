"""Two trained towers, and prompts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel

from bench import students, teachers
from bench.encoding.encoder import encode
from bench.encoding.models import load_tokenizer
from bench.errors import InputError
from bench.storage.records import RunFolder
from bench.study.schema import Budget
from tests.support.runs import train
from tests.support.students import Watched, build, by_hand, vectors, write


def test_each_side_is_read_and_encoded_as_its_own(context, tiny_model, other_model):
    options = {"query_prompt": "ask ", "document_prompt": "the "}
    queries = write("static", model=tiny_model, max_length=5, **options)
    documents = write("pretrained", model=other_model, max_length=9, pooling="cls", **options)
    student = students.create("untied", queries=queries, documents=documents)
    asked, found = vectors(student, build(student, context), context)
    for at, part, wanted in [(0, queries, asked), (1, documents, found)]:
        alone = students.create(part)
        assert np.array_equal(vectors(alone, build(alone, context), context)[at], wanted)


def test_both_towers_train(untied, specify, context, tmp_path):
    run = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=4))
    folder = RunFolder(tmp_path / run.id)
    watched = Watched(run, folder, context, keep_student=False, report=lambda message: None)
    watched.execute()
    before = build(run.arm.student, context).state_dict()
    changed = {name for name, value in watched.last.items() if not torch.equal(value, before[name])}
    for side, layers in (("query", 1), ("document", 2)):
        own = {name for name in changed if name.startswith(f"{side}_encoder.transformer.encoder")}
        assert len(own) >= 15 * layers  # a bias of the keys moves no softmax
        assert f"{side}_encoder.transformer.embeddings.word_embeddings.weight" in changed


def test_what_two_towers_are_charged(untied, specify, context, tmp_path):
    """Six operations a token and weight of its own tower."""
    run = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=3))
    folder = train(run, context, tmp_path)
    (bill,) = [bill for bill in folder.bills() if bill.phase == "train"]
    stream, tokenizer = (
        run.arm.sampler.prepare(context),
        load_tokenizer(run.arm.student.models()[0]),
    )
    texts, tokens = 0, [0, 0]
    for step in range(3):
        triples = stream.batch(run.seed, 8 * step, 8 * step + 8)
        queries, documents = set(triples.queries), set(triples.documents.ravel())
        texts += len(queries) + len(documents)
        sides = [
            (context.collection.part("train").queries, queries),
            (context.collection.documents, documents),
        ]
        for side, (all_texts, drawn) in enumerate(sides):
            for text in all_texts.take(sorted(map(int, drawn))):
                tokens[side] += len(tokenizer(text)["input_ids"])
    assert (bill.texts, bill.tokens) == (texts, sum(tokens))
    # By hand in the footprints below.
    assert bill.flops == 6 * (8_608 * tokens[0] + 17_152 * tokens[1])


def test_towers_that_do_not_go_together(context, tiny_model, wide_model):
    tiny, wide = (write("pretrained", model=model) for model in (tiny_model, wide_model))
    with pytest.raises(InputError, match=r"queries are 32 wide and documents 48.*width=48"):
        students.create("untied", queries=tiny, documents=wide).build(context)
    dot = write("pretrained", model=tiny_model, similarity="dot")
    with pytest.raises(InputError, match="queries are compared by cosine and documents by dot"):
        students.create("untied", queries=tiny, documents=dot)
    with pytest.raises(InputError, match="queries: untied is not one encoder"):
        students.create("untied", queries="untied")
    projected = write("projected", student=tiny, width=48)
    towers = build(students.create("untied", queries=projected, documents=wide), context)
    assert (towers.width, towers.shared, len(towers.encoders)) == (48, False, 2)


def test_a_gradient_cache_changes_nothing_of_two_towers(untied, specify, context, tmp_path):
    """Groups of 4,096 tokens are those of a CPU without a cache: equal to the last bit."""
    plain = specify("arm", {"loss": "infonce", "student": untied}, budget=Budget(steps=4))
    training = plain.arm.training.model_copy(update={"gradient_cache": 4096})
    cached = replace(plain, arm=replace(plain.arm, training=training))
    curves = [train(run, context, tmp_path).table("curve") for run in (plain, cached)]
    pd.testing.assert_frame_equal(*(curve.drop(columns="train_seconds") for curve in curves))


def test_a_prompt_is_written_before_the_text(context, tiny_model):
    options = {"model": str(tiny_model), "max_length": 14, "query_length": 6}
    student = students.create(
        "pretrained", **options, query_prompt="query: ", document_prompt="read this: "
    )
    teacher = teachers.create(
        "bi-encoder", **{**options, "query_length": 8}, query_prompt="ask ", document_prompt="the "
    )
    queries, documents = context.collection.part("train").queries, context.collection.documents
    tokenized = teacher.load(queries, context).tokenized
    tokenizer = load_tokenizer(str(tiny_model))
    cut = 0
    for texts, tokens, prompt, length in [
        (queries, student.query_config.tokens(queries, context.artifacts), "query: ", 6),
        (
            documents,
            student.document_config.tokens(documents, context.artifacts),
            "read this: ",
            14,
        ),
        (queries, tokenized.queries, "ask ", 8),
        (documents, tokenized.documents, "the ", 14),
    ]:
        rows = tokens.rows(np.arange(len(texts)))
        assert len(rows) == len(texts)
        for text, row in zip(texts.texts.to_pylist(), rows, strict=True):
            written = tokenizer(prompt + text)["input_ids"]
            wanted = written if len(written) <= length else [*written[: length - 1], written[-1]]
            assert row.tolist() == wanted
            cut += len(written) > length
    assert cut > 20


def test_a_prompt_reaches_the_vectors_of_student_and_teacher(context, tiny_model):
    options = {"model": str(tiny_model), "max_length": 32, "document_prompt": "a passage: "}
    student = students.create("pretrained", **options)
    texts = context.collection.documents.take(range(80))
    written = [f"a passage: {text}" for text in texts]
    wanted = by_hand(AutoModel.from_pretrained(tiny_model), tiny_model, written)
    asked, found = vectors(student, build(student, context), context)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    queries = context.collection.part("train").queries
    plain = by_hand(AutoModel.from_pretrained(tiny_model), tiny_model, queries.texts.to_pylist())
    np.testing.assert_allclose(asked, plain, atol=1e-5)
    loaded = teachers.create("bi-encoder", **options).load(queries, context)
    rows = encode(
        loaded.scorer.encoder, loaded.tokenized.documents, np.arange(80), context.device, "them"
    )
    np.testing.assert_allclose(rows, wanted, atol=1e-5)
