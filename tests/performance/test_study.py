"""A whole study of arms with a teacher, against as many scripts of sentence-transformers."""

import shutil
import sys
from pathlib import Path
from typing import Any

import tomli_w

from tests.performance.pairs import PAIRS, Ratio
from tests.performance.setting import CLIP, DECAY, RATE, kept_artifacts
from tests.performance.test_start import BENCH, seconds

COLLECTION, LAYERS, LENGTH = "pydocs(documents=1500)", 2, 32

TEACHER: dict[str, Any] = {"max_length": 64, "examples": 320, "negatives": 3, "batch_size": 8}
"""A cross-encoder that is fine-tuned."""

LOSSES = ("margin-mse", "list-kl", "ranknet", "adr-mse", "lambda")

STUDY: dict[str, Any] = {
    "name": "study",
    "title": "Five losses that distil one teacher",
    "collection": COLLECTION,
    "seeds": [1, 2, 3],
    "test": ["test", "test-unseen"],
    "baseline": LOSSES[0],
    "budget": {"examples": 320},
    "training": {"batch_size": 32, "learning_rate": RATE, "weight_decay": DECAY, "clip": CLIP},
    "evaluation": {"points": [0.2, 0.5, 1.0], "pool": 100},
    "defaults": {
        "student": f"truncated(layers={LAYERS}, max_length={LENGTH})",
        "teacher": "cross-encoder({})".format(
            ", ".join(f"{name}={value}" for name, value in TEACHER.items())
        ),
    },
    "arms": [{"loss": loss} for loss in LOSSES],
}


def test_study(table, tmp_path):
    script = (sys.executable, "-m", "tests.performance.script")
    seconds(*script)  # which keeps the collection, for both
    scripts = len(LOSSES) * len(STUDY["seeds"])
    pairs = []
    for turn in range(PAIRS):
        order = (True, False) if turn % 2 == 0 else (False, True)
        took = {ours: _study(tmp_path) if ours else seconds(*script) for ours in order}
        pairs.append((took[True], took[False]))
    ratio = Ratio(tuple(pairs), share=scripts)
    row = table.at_least(f"a study of 5 arms × 3 seeds, against {scripts} scripts", ratio, 3)
    assert row.reached, row


def _study(folder: Path) -> float:
    file, out, artifacts = folder / "study.toml", folder / "out", folder / "artifacts"
    file.write_text(tomli_w.dumps(STUDY))
    for old in (out, artifacts):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(kept_artifacts().root / "collection", artifacts / "collection")
    return seconds(BENCH, "run", file, "--out", out, "--artifacts", artifacts)
