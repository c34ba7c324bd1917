"""What only a GPU can show, in a few minutes and without a network: true clocks, and their speed.

    python -m tests.gpu.measure --out FOLDER [--model FOLDER] [--collection BEIR_FOLDER]

writes ``gpu.json`` and ``gpu.md``. A part that fails is written down as failed; the others go on.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch

from bench import losses, samplers, students
from bench.artifacts import Artifacts
from bench.collections.open import open_collection
from bench.encoding.device import choose, environment, peak_memory
from bench.encoding.encoder import encode
from bench.encoding.flops import training_flops
from bench.encoding.models import BUNDLED
from bench.encoding.tokens import tokenize
from bench.errors import TrainingError
from bench.lab import Lab
from bench.losses.signals import Embeddings, Signals
from bench.records import RunFolder
from bench.specification import RunSpecification
from bench.study import parse_study
from bench.teachers.none import NoTeaching
from bench.training.batches import Ahead, BatchMaker
from bench.training.loop import embeddings
from bench.training.optimizer import make_optimizer
from bench.training.run import Run
from bench.training.warming import warm_optimizer, warm_shapes

LENGTH, STEPS, WARMING = 256, 12, 4
SIZES = (32, 128, 512)
"""Triples of a step."""

BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072}  # fmt: skip
"""BERT base: 110 million parameters."""


class Setting:
    """The collection, the lab and the model's folder."""

    def __init__(self, model: str, collection: str, out: Path) -> None:
        self.model, self.collection, self.out = model, collection, out
        self.device = choose()
        artifacts = Artifacts(out / "artifacts")
        self.lab = Lab(open_collection(collection, artifacts), artifacts, self.device)
        self.draws = samplers.create("uniform").prepare(self.lab)

    def student(self, model: str, **options: Any) -> Any:
        return students.create("pretrained", model=model, max_length=LENGTH, **options)

    def tokens(self, model: str, length: int) -> tuple[Any, Any]:
        texts = (self.draws.queries, self.lab.collection.documents)
        return tuple(tokenize(part, model, length, self.lab.artifacts) for part in texts)


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
    device, lab = setting.device, setting.lab
    towers = device.put(setting.student(model).build(lab)).train()
    optimizer = make_optimizer([towers], 0.01)
    maker = BatchMaker(
        setting.draws, towers, *setting.tokens(model, length), NoTeaching(), device, seed=1
    )
    warm_optimizer(device)
    for encoder, trials in zip(towers.encoders, maker.trials(size, 1), strict=True):
        warm_shapes(encoder, trials, device)
    loss = losses.create("infonce").build(towers.width, 0)
    flops = training_flops(towers.encoders[0], sum(maker.make(0, size).tokens))

    def steps() -> Iterator[None]:
        ahead = Ahead(maker.make, size, (WARMING + STEPS) * size)
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
    documents = setting.lab.collection.documents
    batches = []
    for start in range(0, (WARMING + STEPS) * size, size):
        triples = setting.draws.batch(1, start, start + size)
        columns = (
            setting.draws.queries.take(triples.queries),
            documents.take(triples.positives),
            documents.take(triples.negatives[:, 0]),
        )
        batches.append([theirs.preprocess(list(texts)) for texts in columns])

    def steps() -> Iterator[None]:
        for batch in batches:
            features = [batch_to_device(dict(column), setting.device.place) for column in batch]
            with torch.autocast(setting.device.place.type, dtype=torch.bfloat16):
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


def free() -> None:
    gc.collect()
    torch.cuda.empty_cache()


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
    device, documents = setting.device, setting.lab.collection.documents
    _, tokens = setting.tokens(setting.model, LENGTH)
    encoder = device.put(setting.student(setting.model).encoder(setting.lab))
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


def specification(setting: Setting, **training: Any) -> RunSpecification:
    """A run of 128 steps."""
    from bench.arms import expand

    entry = f"truncated(layers=2, max_length=128, model='{setting.model}')"
    study = parse_study(
        {
            "name": "gpu",
            "title": "gpu",
            "collection": str(setting.lab.collection.name),
            "seeds": [1],
            "baseline": "infonce",
            "budget": {"steps": 128},
            "training": {"batch_size": 64, **training},
            "evaluation": {"points": 2},
            "defaults": {"student": entry},
            "arms": [{"loss": "infonce"}],
        },
        "gpu",
    )
    (arm,) = expand(study)
    return RunSpecification(
        arm=arm,
        budget=study.budget,
        evaluation=study.evaluation,
        select_by=study.primary,
        tests={},
        seed=1,
        collection=setting.lab.collection.fingerprint,
        precision=setting.device.precision,
        student_weights=arm.student.weights(),
        teacher_weights=arm.teacher.weights(),
    )


def same_work(setting: Setting) -> dict[str, Any]:
    """Train seconds of equal runs, in the order in which they came."""
    run, found = specification(setting), []
    for number in range(5):
        folder = RunFolder(setting.out / f"same-{number}")
        Run(run, folder, setting.lab, keep_student=False, report=lambda message: None).execute()
        record = folder.record()
        bills = {bill.phase: bill.seconds for bill in folder.bills() if bill.what == "run"}
        found.append(
            {
                "train": bills["train"],
                "compile": bills["compile"],
                "first_steps": record["first_steps"],
                "tenths": [seconds for _, seconds in record["tenths"]],
                "peak_memory": record["peak_memory"],
            }
        )
        free()
    trained = [one["train"] for one in found]
    return {"runs": found, "first by fifth": trained[0] / trained[-1]}


def out_of_memory(setting: Setting) -> dict[str, Any]:
    """What a run says that needs more than there is."""
    taken = torch.empty(torch.cuda.mem_get_info()[0] - (3 << 29), dtype=torch.uint8, device="cuda")
    folder = RunFolder(setting.out / "too-large")
    run = specification(setting, batch_size=2048)
    try:
        Run(run, folder, setting.lab, keep_student=False, report=lambda message: None).execute()
        said = "nothing"
    except TrainingError as error:
        said = str(error)
    del taken
    free()
    return {"said": said, "free again": torch.cuda.mem_get_info()[0]}


def loss_curves(setting: Setting) -> dict[str, float]:
    """Of every loss without a teacher, value and gradients: the largest relative difference from
    the CPU's, in float32."""
    found = {}
    draw = torch.Generator().manual_seed(1)
    sides = [torch.randn(shape, generator=draw) for shape in ((32, 64), (32, 64), (32, 1, 64))]
    for name in losses.registry.names():
        if name == "sum":
            continue  # of others
        loss = losses.create(name)
        if loss.needs():
            continue
        values = []
        for place in (torch.device("cpu"), setting.device.place):
            torch.manual_seed(1)
            own = [side.to(place).detach().requires_grad_() for side in sides]
            objective = loss.build(64, 0)
            if isinstance(objective, torch.nn.Module):
                objective.to(place)
            value = objective(Embeddings(*own), Signals())
            value.backward()
            values.append([value.detach().cpu(), *(side.grad.cpu() for side in own)])
        found[name] = max(
            float((one - other).abs().max() / one.abs().max().clamp_min(1e-6))
            for one, other in zip(*values, strict=True)
        )
    return found


def precision(setting: Setting) -> dict[str, float]:
    """The smallest cosine of a text's vector in half precision, joined or padded, with that in
    float32."""
    half = setting.device
    exact = replace(half, precision="float32", joining=None)
    encoder = half.put(setting.student(setting.model).encoder(setting.lab)).eval()
    _, tokens = setting.tokens(setting.model, LENGTH)
    rows = tokens.rows(np.arange(min(300, len(tokens))))
    with torch.inference_mode():
        wanted, joined, padded = (
            encoder.embed(encoder.pack(rows, tokens.padding, device), device)
            for device in (exact, half, replace(half, joining=None))
        )
    cosine = torch.nn.functional.cosine_similarity
    return {
        "joined": float(cosine(wanted, joined).min()),
        "padded": float(cosine(wanted, padded).min()),
    }


STUDY = """
title = "On a GPU"
collection = "{collection}"
seeds = [1, 2, 3]
measures = ["nDCG@10", "R@100"]
baseline = "margin-mse"
budget = {{ steps = 128 }}
training = {{ batch_size = 64, learning_rate = 2e-4 }}
evaluation = {{ points = 4 }}
defaults = {{ student = "truncated(layers=2, max_length=128, model='{model}')" }}
arms = [
  {{ name = "infonce", loss = "infonce(temperature=0.05)" }},
  {{ name = "twin", loss = "infonce(temperature=0.0500001)" }},
  {{ loss = "adaptive-margin" }},
  {{ loss = "distributed-margin" }},
  {{ loss = "margin-mse", teacher = "bi-encoder(model='{model}', max_length=128)" }},
]
"""
"""Five arms, of which two do the same work; were they one, they would be one run."""


def study(setting: Setting) -> dict[str, Any]:
    """A study, killed without warning once and gone on with; its table, and how far apart the train
    seconds of equal arms are, seed by seed."""
    work = setting.out / "study"
    work.mkdir()
    written = STUDY.format(collection=setting.collection, model=setting.model)
    (work / "study.toml").write_text(written)
    out = work / "out"
    command = [
        *(sys.executable, "-m", "bench", "run", str(work / "study.toml"), "--no-mlflow"),
        *("--out", str(out), "--artifacts", str(setting.out / "artifacts")),
    ]
    with (work / "log").open("w") as log:
        first = subprocess.Popen(command, stdout=log, stderr=log)
        while first.poll() is None and len([*out.glob("runs/*/run.json")]) < 5:
            time.sleep(0.5)
        time.sleep(1.0)
        first.kill()
        killed = first.wait()
        since = time.perf_counter()
        code = subprocess.run(command, stdout=log, stderr=log).returncode
    found: dict[str, Any] = {"killed": killed, "exit": code, "seconds": time.perf_counter() - since}
    if code:
        return {**found, "said": (work / "log").read_text()[-2000:]}
    table = pd.read_csv(out / "summary.csv")
    table = table[table["role"] == "final"]
    seconds = table.pivot(index="seed", columns="arm", values="train_seconds")
    found["first by twin, seed by seed"] = (seconds["infonce"] / seconds["twin"]).tolist()
    found["train seconds"] = seconds.to_dict()
    columns = ["arm", "seed", "status", "train_seconds", "nDCG@10", "R@100"]
    found["runs"] = table[columns].to_dict("records")
    return found


PARTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "same work": same_work,
    "speed": speed,
    "kernels": kernels,
    "encoding": encoding,
    "losses": loss_curves,
    "precision": precision,
    "study": study,
    "out of memory": out_of_memory,
}


def page(found: dict[str, Any]) -> str:
    lines = [f"# On {found['environment']['device']}", ""]
    for name in PARTS:
        lines += [f"## {name}", "", "```json", json.dumps(found.get(name), indent=1), "```", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=BUNDLED)
    parser.add_argument("--collection", default="pydocs(documents=1500)")
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", nargs="*", default=list(PARTS))
    given = parser.parse_args()
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    work = out.parent / f"{out.name}-work"
    setting = Setting(given.model, given.collection, work)
    found: dict[str, Any] = {"environment": environment(setting.device)}
    for name in given.only:
        since = time.perf_counter()
        try:
            found[name] = PARTS[name](setting)
        except Exception:
            found[name] = {"failed": traceback.format_exc()}
            free()
        print(name, f"{time.perf_counter() - since:.1f} s", json.dumps(found[name])[:1500])
        (out / "gpu.json").write_text(json.dumps(found, indent=1))
        (out / "gpu.md").write_text(page(found))


if __name__ == "__main__":
    main()
