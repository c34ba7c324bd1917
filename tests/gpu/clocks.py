"""Whether equal work takes equal seconds, and what happens where memory or a process ends."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pandas as pd
import torch

from bench.errors import TrainingError
from bench.storage.records import RunFolder
from bench.study.schema import parse_study
from bench.training.run import Run
from bench.training.specification import RunSpecification
from tests.gpu.setting import Setting, free


def specification(setting: Setting, **training: Any) -> RunSpecification:
    """A run of 128 steps."""
    from bench.study.arms import resolve_arms

    entry = f"truncated(layers=2, max_length=128, model='{setting.model}')"
    study = parse_study(
        {
            "name": "gpu",
            "title": "gpu",
            "collection": str(setting.context.collection.name),
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
    (arm,) = resolve_arms(study)
    return RunSpecification.of(study, arm, setting.context, 1, [])


def same_work(setting: Setting) -> dict[str, Any]:
    """Train seconds of equal runs, in the order in which they came."""
    run, found = specification(setting), []
    for number in range(5):
        folder = RunFolder(setting.out / f"same-{number}")
        Run(run, folder, setting.context, keep_student=False, report=lambda message: None).execute()
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
        Run(run, folder, setting.context, keep_student=False, report=lambda message: None).execute()
        said = "nothing"
    except TrainingError as error:
        said = str(error)
    del taken
    free()
    return {"said": said, "free again": torch.cuda.mem_get_info()[0]}


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
