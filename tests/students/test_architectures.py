"""Encoders of the kinds that papers use: what we make of a text is what transformers makes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from bench import students, teachers
from bench.encoding.models import BUNDLED, load_tokenizer
from bench.encoding.packed import pack_padded
from bench.encoding.text_config import TextConfig
from bench.encoding.text_embedding import embed
from bench.errors import InputError
from bench.losses.signals import Signal
from bench.storage.records import RunFolder
from bench.study.schema import Budget, Evaluation
from bench.triples.stream import DrawPlan
from tests.support.students import Watched, build, by_hand, vectors, write

SHAPE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
BERT_LIKE = {**SHAPE, "intermediate_size": 64}
KINDS = {
    "Bert": BERT_LIKE | {"max_position_embeddings": 40},
    "DistilBert": {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64}
    | {"max_position_embeddings": 40},
    # Positions are counted from behind that of the padding: there must be as many more.
    "Roberta": BERT_LIKE | {"max_position_embeddings": 41, "pad_token_id": 0},
    "MPNet": BERT_LIKE | {"max_position_embeddings": 42},
}
"""Each of them reads 40 tokens at most."""


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory) -> str:
    """A folder with random weights of that kind, and the bundled tokenizer."""
    kind, folder = request.param, tmp_path_factory.mktemp("models") / request.param
    tokenizer = load_tokenizer(BUNDLED)
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), **KINDS[kind])
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def plain(model: str, layers=(0, 1, 2)):
    """As transformers loads it, with these of its layers."""
    found = transformers.AutoModel.from_pretrained(model, dtype=torch.float32)
    parts = getattr(found, "encoder", None) or found.transformer
    parts.layer = torch.nn.ModuleList(parts.layer[at] for at in layers)
    return found


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_a_pretrained_student_is_the_model(model, pooling, context):
    student = students.create("pretrained", model=model, pooling=pooling, max_length=24)
    asked, found = vectors(student, build(student, context), context)
    documents = context.collection.documents.take(range(80))
    wanted = by_hand(plain(model), model, documents, 24, pooling)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    queries = context.collection.part("train").queries
    wanted = by_hand(plain(model), model, queries.take(range(len(queries))), 24, pooling)
    np.testing.assert_allclose(asked, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("keep", "kept"), [("first", (0, 1)), ("last", (1, 2)), ("spaced", (0, 2))]
)
def test_a_truncated_student_is_those_layers(model, keep, kept, context):
    student = students.create(
        "truncated", model=model, pooling="cls", layers=2, keep=keep, max_length=32
    )
    found = vectors(student, build(student, context), context)[1]
    documents = context.collection.documents.take(range(80))
    wanted = by_hand(plain(model, kept), model, documents, 32, "cls")
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_padding_changes_nothing(model, context):
    """One group for texts of 3 to 40 tokens, against each by itself."""
    encoder = build(
        students.create("pretrained", model=model, pooling="cls"), context
    ).query_encoder
    draw = np.random.default_rng(0)
    rows = [
        np.array([101, *draw.integers(1000, 30000, length), 102]) for length in (1, 7, 38, 2, 20)
    ]
    group = pack_padded(rows, load_tokenizer(model).pad_token_id, context.device)
    assert len(group.groups) == 1
    with torch.inference_mode():
        found = encoder.embed(group, context.device)
        each = [
            encoder.embed(pack_padded([row], 0, context.device), context.device) for row in rows
        ]
    torch.testing.assert_close(found, torch.cat(each), atol=1e-5, rtol=0)


def test_a_text_of_more_tokens_than_positions_is_said(model, context):
    towers = build(students.create("pretrained", model=model), context)
    side = TextConfig(model, 64, "")
    assert embed(
        towers.query_encoder, replace(side, max_length=40), ["word " * 60], context.device
    ).any()
    with pytest.raises(InputError, match="62 tokens.* reads 40 at most.*max_length"):
        embed(towers.query_encoder, side, ["word " * 60], context.device)


@pytest.fixture
def arm(model, specify):
    """A run of a student and a teacher of that kind."""
    student = write("truncated", model=model, layers=2, pooling="cls", max_length=32)
    teacher = write("bi-encoder", model=model, pooling="cls", max_length=32)
    entry = {"loss": "margin-mse", "student": student, "teacher": teacher}
    return specify(entry=entry, budget=Budget(steps=3), evaluation=Evaluation(points=1, depth=20))


def test_training_moves_every_weight_and_a_gradient_cache_none_more(arm, context, tmp_path):
    def trained(cache: int) -> dict[str, torch.Tensor]:
        training = arm.arm.training.model_copy(update={"gradient_cache": cache, "warmup": 0.0})
        run = replace(arm, arm=replace(arm.arm, training=training))
        watched = Watched(run, RunFolder(tmp_path / run.id), context, False, lambda message: None)
        watched.execute()
        return watched.last

    before, after = build(arm.arm.student, context).state_dict(), trained(0)
    idle = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert not {name for name in idle if name.endswith("weight")}, idle
    cached = trained(4096)
    for name, value in after.items():
        assert torch.equal(value, cached[name]), name


def test_a_bi_encoder_teaches_what_the_model_says(arm, model, context):
    stream = arm.arm.sampler.prepare(context)
    teacher = teachers.create(str(arm.arm.teacher))
    signal_source = teacher.prepare(frozenset(Signal), DrawPlan(stream, 3, 4, 4), context)
    triples = stream.batch(3, 0, 4)
    given = signal_source.signals(triples)
    documents = context.collection.documents
    drawn = np.column_stack([triples.positives, triples.negatives])
    texts = [by_hand(plain(model), model, documents.take(row), 32, "cls") for row in drawn]
    np.testing.assert_allclose(given.documents, np.stack(texts), atol=1e-5)
    queries = context.collection.part("train").queries.take(triples.queries)
    asked = by_hand(plain(model), model, queries, 32, "cls")
    scores = np.einsum("bd,bnd->bn", asked, np.stack(texts))
    np.testing.assert_allclose(given.scores, scores, atol=1e-5)


def test_a_joint_teacher_reads_as_many_tokens(model, context):
    """A pair that just fits, and one of a token more."""
    from bench.encoding.joint import JointForm
    from bench.teachers._scorers import DualPooledScorer

    form = JointForm.of(load_tokenizer(model))
    scorer = DualPooledScorer(plain(model), form).eval()
    query, document = np.full(12, 2000), np.full(31, 3000)  # four special tokens, one is shared
    with torch.inference_mode():
        assert scorer.scores([query], [document[:-2]], context.device).isfinite().all()
        with pytest.raises(InputError, match="teacher reads 40"):
            scorer.scores([query], [document[:-1]], context.device)
