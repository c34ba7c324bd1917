"""Steps and encoding beside sentence-transformers, and how busy the GPU is."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch

from bench import losses
from bench.encoding.device import peak_memory
from bench.encoding.encoder import encode
from bench.encoding.flops import training_flops
from bench.optimization.optimizer import make_optimizer
from bench.optimization.warming import warm_optimizer, warm_shapes
from bench.teachers.none import NoSignals
from bench.training.batches import BatchMaker, Prefetcher
from bench.training.loop import embeddings
from tests.gpu.setting import LENGTH, Setting, free

STEPS, WARMING = 12, 4
SIZES = (32, 128, 512)
"""Triples of a step."""

BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072}  # fmt: skip
"""BERT base: 110 million parameters."""


def each_seconds(steps: Iterator[None]) -> list[float]:
    """Of every step, the first ones left out."""
    found = []
    torch.cuda.synchronize()
    since = time.perf_counter()
    for _ in steps:
        torch.cuda.synchronize()
        now = time.perf_counter()
        found.append(now - since)
        since = now
    return found[WARMING:]


def our_steps(
    setting: Setting, model: str, size: int, length: int = LENGTH
) -> tuple[Callable[[], Iterator[None]], float]:
    """A loop as a run's, and the floating-point operations of a step."""
    device, context = setting.device, setting.context
    towers = device.place(setting.student(model).build(context)).train()
    optimizer = make_optimizer([towers], 0.01)
    maker = BatchMaker(
        setting.stream, towers, *setting.tokens(model, length), NoSignals(), device, seed=1
    )
    warm_optimizer(device)
    for encoder, trials in zip(towers.encoders, maker.trials(size, 1), strict=True):
        warm_shapes(encoder, trials, device)
    loss = losses.create("infonce").build(towers.width, 0)
    flops = training_flops(towers.encoders[0], sum(maker.make(0, size).tokens))

    def steps() -> Iterator[None]:
        ahead = Prefetcher(maker.make, size, (WARMING + STEPS) * size)
        for batch in ahead.from_position(0):
            loss(embeddings(towers, batch, device), batch.signals).backward()
            torch.nn.utils.clip_grad_norm_(towers.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            yield
        ahead.close()

    return steps, flops


def peer(model: str) -> Any:
    """sentence-transformers' model of the same folder, mean-pooled."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(model, max_seq_length=LENGTH)
    pooling = Pooling(transformer.auto_model.config.hidden_size)
    return SentenceTransformer(modules=[transformer, pooling], device="cuda")


def their_steps(setting: Setting, model: str, size: int) -> Callable[[], Iterator[None]]:
    """The inner loop of sentence-transformers' trainer over the same triples; texts are tokenized
    beforehand, as its data loader's workers do."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.util import batch_to_device

    theirs = peer(model).train()
    loss = MultipleNegativesRankingLoss(theirs)
    optimizer = torch.optim.AdamW(theirs.parameters(), fused=True)
    documents = setting.context.collection.documents
    batches = []
    for start in range(0, (WARMING + STEPS) * size, size):
        triples = setting.stream.batch(1, start, start + size)
        columns = (
            setting.stream.queries.take(triples.queries),
            documents.take(triples.positives),
            documents.take(triples.negatives[:, 0]),
        )
        batches.append([theirs.preprocess(list(texts)) for texts in columns])

    def steps() -> Iterator[None]:
        for batch in batches:
            features = [batch_to_device(dict(column), setting.device.torch) for column in batch]
            with torch.autocast(setting.device.torch.type, dtype=torch.bfloat16):
                value = loss(features, None)
            value.backward()
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            yield

    return steps


def kernel_seconds(steps: Callable[[], Iterator[None]]) -> float:
    """Seconds of a step in which kernels ran."""
    running = steps()
    for _ in range(WARMING):
        next(running)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in running:
            pass
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / STEPS


def speed(setting: Setting) -> dict[str, Any]:
    """Seconds of a step beside sentence-transformers', in turns."""
    found = {}
    for size in SIZES:
        ours, flops = our_steps(setting, setting.model, size)
        theirs = their_steps(setting, setting.model, size)
        turns = [(each_seconds(ours()), each_seconds(theirs())) for _ in range(2)]
        own, other = (median([s for turn in turns for s in turn[side]]) for side in (0, 1))
        found[str(size)] = {
            "seconds": own,
            "theirs": other,
            "speed-up": other / own,
            "tflops": flops / own / 1e12,
        }
        free()
    return found


def kernels(setting: Setting) -> dict[str, Any]:
    """How busy the GPU is with 128 triples: the small encoder, and BERT base at 200 tokens."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    base = setting.out / "bert-base"
    tokenizer = AutoTokenizer.from_pretrained(setting.model)
    BertModel(BertConfig(vocab_size=len(tokenizer), **BASE)).save_pretrained(base)
    tokenizer.save_pretrained(base)
    found = {}
    for name, model, length in (("given", setting.model, LENGTH), ("base", str(base), 200)):
        steps, flops = our_steps(setting, model, 128, length)
        seconds = median(each_seconds(steps()))
        found[name] = {
            "seconds": seconds,
            "tflops": flops / seconds / 1e12,
            "kernels": kernel_seconds(steps) / seconds,
            "peak_memory": peak_memory(setting.device),
        }
        free()
    shutil.rmtree(base)
    return found


def encoding(setting: Setting) -> dict[str, Any]:
    """Seconds for all documents beside ``SentenceTransformer.encode``, in half precision."""
    device, documents = setting.device, setting.context.collection.documents
    _, tokens = setting.tokens(setting.model, LENGTH)
    encoder = device.place(setting.student(setting.model).encoder(setting.context))
    texts = documents.texts.to_pylist()
    theirs = peer(setting.model).bfloat16()
    everything, seconds = np.arange(len(documents)), []
    for _ in range(2):
        since = time.perf_counter()
        encode(encoder, tokens, everything, device, "documents")
        torch.cuda.synchronize()
        middle = time.perf_counter()
        theirs.encode(texts, batch_size=256, show_progress_bar=False)
        seconds.append((middle - since, time.perf_counter() - middle))
    own, other = seconds[-1]
    return {"documents": len(texts), "seconds": own, "theirs": other, "speed-up": other / own}
