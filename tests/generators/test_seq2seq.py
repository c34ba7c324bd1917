"""Queries from encoder–decoders: what is read, how tokens are drawn, and what a kill leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch

from bench import generators
from bench.context import Context
from bench.encoding.models import load_tokenizer
from bench.errors import InputError
from bench.generators import _decoding
from bench.generators._drawing import Draw
from bench.generators._loading import load_seq2seq
from bench.generators._writer import Writer
from bench.storage.files import read_json
from tests.support.collections import WORDS


def written(model, **options) -> generators.Generator:
    return generators.create("seq2seq", model=str(model), **{"query_length": 8, **options})


@pytest.fixture
def varied(lab_of) -> Context:
    """Queries and documents of many lengths, so that most of a batch is padded."""
    texts = [" ".join(WORDS[at : at + 1 + at % 9]) for at in range(24)]
    documents = [f"{text} {' '.join(WORDS[: 1 + at % 5])}" for at, text in enumerate(texts)]
    return lab_of((documents, {"train": texts, "test": ["x"]}), "varied")


PLAIN = {"noise": 0.0, "mask": 0.0, "top_k": 1}


def plainly(model, texts: list[str], ids=None) -> list[str]:
    """What transformers itself writes, greedily, one text at a time."""
    tokenizer, network = load_tokenizer(str(model)), load_seq2seq(str(model))
    found = []
    for at, text in enumerate(texts):
        read = ids[at] if ids else tokenizer(text)["input_ids"]
        options = {"max_new_tokens": 8, "do_sample": False, "num_beams": 1}
        output = network.generate(input_ids=torch.tensor([read]), **options)
        found.append(tokenizer.decode(output[0], skip_special_tokens=True))
    return found


@pytest.mark.parametrize("name", ["bart", "t5"])
def test_without_noise_and_luck_it_is_plain_decoding(name, writers, varied):
    train = varied.collection.part("train")
    made = written(writers[name], **PLAIN).generate(varied)
    wanted = list(dict.fromkeys(plainly(writers[name], train.queries.texts.to_pylist())))
    assert len(wanted) > 5, "the model must not say the same of everything"
    assert made.queries.texts.to_pylist() == [" ".join(text.split()) for text in wanted]


@pytest.mark.parametrize("name", ["bart", "t5"])
def test_documents_with_a_prompt(name, writers, varied):
    options = {"source": "documents", "prompt": "ask: ", "top_k": 1, "per_text": 1, "most": 12}
    made = written(writers[name], **options).generate(varied)
    documents = varied.collection.documents.take(made.sources)
    wanted = plainly(writers[name], [f"ask: {document}" for document in documents])
    assert len(wanted) > 5
    assert made.queries.texts.to_pylist() == [" ".join(text.split()) for text in wanted]


def test_sources_are_the_relevant_documents_in_turn(writers, lab_of, collection_folder):
    context = lab_of(collection_folder)
    made = written(writers["bart"], per_text=3, top_k=0).generate(context)
    relevant = context.collection.part("train").relevant().reshape(-1, 2, 2)[:, :, 1]  # two of each
    assert made.artifact.about["kept"] == 3 * len(relevant)
    assert np.array_equal(made.sources, relevant[:, [0, 1, 0]].ravel())


def test_the_same_again_and_others_with_another_seed(writers, lab_of, collection_folder):
    first, again, other = (
        written(writers["bart"], seed=seed).generate(lab_of(collection_folder, work))
        for work, seed in (("a", 0), ("b", 0), ("a", 1))
    )
    assert first.queries.texts.equals(again.queries.texts)
    assert first.queries.fingerprint == again.queries.fingerprint
    shared = {*first.queries.texts.to_pylist()} & {*other.queries.texts.to_pylist()}
    assert len(shared) < 3


@pytest.mark.parametrize("name", ["bart", "t5"])
def test_a_query_depends_on_no_neighbour(name, writers, varied):
    queries = varied.collection.part("train").queries
    writer = Writer(written(writers[name], top_k=0), varied.device)
    positions = np.arange(len(queries))
    together = writer.write(queries.take(positions), positions)
    for at in (0, 5, len(queries) - 1):
        alone = writer.write(queries.take([at]), np.array([at]))
        assert alone == together[2 * at : 2 * at + 2]
    assert together[0] != together[1]


def test_masks_hide_tokens_and_noise_blurs_them(writers, lab_of, collection_folder):
    context, model = lab_of(collection_folder), writers["bart"]
    queries = context.collection.part("train").queries.texts.to_pylist()
    tokenizer = load_tokenizer(str(model))
    hidden = [
        [tokenizer.cls_token_id]
        + [tokenizer.mask_token_id] * (len(tokenizer(text)["input_ids"]) - 2)
        + [tokenizer.sep_token_id]
        for text in queries
    ]
    made = written(model, **{**PLAIN, "mask": 0.999999}).generate(context)
    wanted = list(dict.fromkeys(plainly(model, queries, hidden)))
    assert made.queries.texts.to_pylist() == [" ".join(text.split()) for text in wanted]
    kept = [
        written(model, **{**PLAIN, "noise": noise, "per_text": 2})
        .generate(context)
        .artifact.about["kept"]
        for noise in (0.0, 2.0)
    ]
    assert kept[0] <= len(queries)  # the two of a text are one
    assert kept[1] > 1.5 * len(queries)


def test_the_share_of_masked_tokens(writers, lab_of, collection_folder):
    writer = Writer(written(writers["bart"], mask=0.3), lab_of(collection_folder).device)
    tokenizer = writer.tokenizer
    ids = np.array([tokenizer.cls_token_id, *range(2000, 12000), tokenizer.sep_token_id])
    masked = writer._masked(ids, np.random.default_rng(0))
    changed = masked != ids
    assert set(masked[changed].tolist()) == {tokenizer.mask_token_id}
    assert changed[1:-1].mean() == pytest.approx(0.3, abs=0.02)
    assert not changed[[0, -1]].any()


def test_unknown_takes_the_place_of_a_mask(writers, lab_of, collection_folder, tmp_path):
    folder = shutil.copytree(writers["t5"], tmp_path / "t5")
    tokenizer = load_tokenizer(str(writers["t5"]))
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    writer = Writer(written(folder, mask=0.5), lab_of(collection_folder).device)
    assert writer.tokenizer.mask_token_id is None
    assert writer.hidden == tokenizer.unk_token_id


@pytest.mark.parametrize(("top_k", "temperature"), [(0, 1.0), (3, 1.0), (0, 0.5), (9, 2.0)])
def test_tokens_are_drawn_with_their_probabilities(top_k, temperature):
    scores = torch.tensor([0.5, 2.0, -1.0, -torch.inf, 1.0])
    count = 20_000
    numbers = ((torch.arange(count) + 0.5) / count)[:, None]
    left = Draw(numbers, top_k, temperature)(torch.zeros(count, 1), scores.expand(count, -1))
    assert (left.isfinite().sum(1) == 1).all()
    frequency = torch.bincount(left.argmax(1), minlength=5) / count
    kept = scores.clone()
    if top_k == 3:
        kept[2] = -torch.inf
    assert torch.allclose(frequency, (kept / temperature).softmax(0), atol=1e-3)


def test_each_step_has_a_number_of_its_own():
    scores = torch.zeros(2, 4)
    draw = Draw(torch.tensor([[0.1, 0.9], [0.9, 0.1]]), 0, 1.0)
    first, second = (draw(torch.zeros(2, 1), scores).argmax(1).tolist() for _ in range(2))
    assert first[0] == second[1] != first[1] == second[0]


def test_rounding_never_draws_what_is_impossible():
    scores = torch.full((50, 1000), -torch.inf)
    scores[:, :900] = torch.randn(50, 900, generator=torch.manual_seed(0))
    nearly_one = torch.full((50, 1), float(np.nextafter(np.float32(1), np.float32(0))))
    sums = scores.softmax(1).cumsum(1)[:, -1:]
    assert (sums < nearly_one).any(), "the case must be there"
    assert (Draw(nearly_one, 0, 1.0)(torch.zeros(50, 1), scores).argmax(1) < 900).all()
    nothing = torch.zeros(50, 1)
    assert (Draw(nothing, 0, 1.0)(nothing, scores.flip(1)).argmax(1) >= 100).all()


def test_no_dev_or_test_query_is_written(writers, lab_of):
    documents = [f"document {word}" for word in ("one", "two", "three", "four", "five", "six")]
    train = ["array of rows", "graph of nodes", "hash of keys", "list of items", "query of words"]
    parts = {"train": train, "dev": ["no dev", "of those"], "test": ["no test"]}
    options = written(writers["bart"])
    texts = options.generate(lab_of((documents, parts), "open")).queries.texts.to_pylist()
    assert len(texts) > 4
    held = {"dev": ["x", texts[1].upper()], "test": [f" {texts[3].replace(' ', '  ')}"]}
    made = options.generate(lab_of((documents, {"train": train, **held}), "held"))
    assert made.queries.texts.to_pylist() == [
        text for at, text in enumerate(texts) if at not in (1, 3)
    ]


def test_a_bill_says_what_was_read_and_written(writers, lab_of, collection_folder):
    context, model = lab_of(collection_folder), writers["bart"]
    made = written(model, top_k=0).generate(context)
    queries = context.collection.part("train").queries.texts.to_pylist()
    tokenizer = load_tokenizer(str(model))
    read = 2 * sum(len(tokenizer(text)["input_ids"]) for text in queries)
    (bill,) = made.artifact.bills
    assert bill.texts == 2 * len(queries)
    assert read < bill.tokens <= read + 2 * 8 * len(queries)
    assert bill.device == context.device.label
    head = 2.0 * 16 * len(tokenizer) * (bill.tokens - read)
    assert head < bill.flops < 1.1 * head  # nearly all of this tiny model


KILLED = """
    from pathlib import Path
    from bench import generators
    from bench.storage.artifacts import Artifacts
    from bench.collections.open import open_collection
    from bench.encoding.device import choose
    from bench.generators import _decoding
    from bench.context import Context

    _decoding.SHARD = 2
    artifacts = Artifacts(Path({artifacts!r}))
    context = Context(open_collection({collection!r}, artifacts), artifacts, choose())
    generators.create({written!r}).generate(context)
"""


@pytest.mark.slow
def test_a_kill_between_shards_changes_nothing(
    writers, lab_of, collection_folder, tmp_path, monkeypatch
):
    options = written(writers["bart"], query_length=24)
    quiet = options.generate(lab_of(collection_folder, "quiet"))
    values = {
        "artifacts": str(tmp_path / "killed"),
        "collection": str(collection_folder),
        "written": str(options),
    }
    command = [sys.executable, "-c", textwrap.dedent(KILLED).format(**values)]
    process = subprocess.Popen(command)
    while process.poll() is None:
        shards = [*(tmp_path / "killed").glob("generated-queries/.*.work/.shards.json")]
        if shards and len(json.loads(shards[0].read_text())) >= 2:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    assert process.wait() == -signal.SIGKILL, "it was finished before it could be killed"
    (work,) = (tmp_path / "killed").glob("generated-queries/.*.work")
    shutil.copytree(tmp_path / "killed", tmp_path / "marked")
    monkeypatch.setattr(_decoding, "SHARD", 2)
    resumed = options.generate(lab_of(collection_folder, "killed"))
    assert resumed.queries.texts.equals(quiet.queries.texts)
    assert np.array_equal(resumed.sources, quiet.sources)
    for kind in ("texts", "tokens", "flops"):
        assert getattr(resumed.artifact.bills[0], kind) == getattr(quiet.artifact.bills[0], kind)
    assert [path.name for path in resumed.artifact.folder.glob("*.npy")] == []

    # What was there is taken and not written again.
    first = tmp_path / "marked" / work.relative_to(tmp_path / "killed") / "shard-0.npy"
    rows = np.load(first)
    rows["text"][0] = "left by the first"
    np.save(first, rows)
    marked = options.generate(lab_of(collection_folder, "marked"))
    assert marked.queries.take([0]) == ["left by the first"]
    assert marked.queries.texts.slice(1).equals(quiet.queries.texts.slice(1))


def test_only_encoder_decoders_in_safetensors(
    writers, lab_of, collection_folder, tmp_path, tiny_model
):
    context = lab_of(collection_folder)
    with pytest.raises(InputError, match="a bert model is no encoder–decoder"):
        written(tiny_model).generate(context)
    folder = shutil.copytree(writers["bart"], tmp_path / "pickled")
    torch.save(load_seq2seq(str(folder)).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    unseen = folder.rename(tmp_path / "unseen")  # a folder is looked at once a process
    with pytest.raises(InputError, match="no weights in safetensors"):
        written(unseen).generate(context)


def test_an_artifact_is_of_its_weights(writers, lab_of, collection_folder, tmp_path):
    folder = shutil.copytree(writers["bart"], tmp_path / "writer")
    options = written(folder)
    assert (
        options.weights() == written(writers["bart"]).weights() != written(writers["t5"]).weights()
    )
    made = options.generate(lab_of(collection_folder))
    record = read_json(made.artifact.folder / "artifact.json")
    assert record["made_from"]["weights"] == options.weights()
    assert record["made_from"]["precision"] == "float32"
