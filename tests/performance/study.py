"""A study of arms that distil one teacher, and the numbers that a script of one arm shares."""

from typing import Any

from tests.performance.setting import CLIP, DECAY, RATE

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
