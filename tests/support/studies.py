"""Studies that train for a second or two a run."""

from pathlib import Path


def study_values(collection: Path, model: Path) -> dict:
    """A study that trains for a second or two a run."""
    return {
        "name": "toy",
        "title": "Toy",
        "collection": str(collection),
        "seeds": [1, 2],
        "baseline": "margin-mse",
        "budget": {"examples": 96},
        "training": {"batch_size": 8, "checkpoint_seconds": 0},
        "evaluation": {"points": 3, "depth": 100},
        "tuning": {
            "trials": 2,
            "space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
        },
        "defaults": {"student": {"name": "pretrained", "model": str(model), "max_length": 32}},
        "arms": [
            {"loss": "adaptive-margin"},
            {"loss": "static-margin", "name": "static-margin", "sampler": "mined(last=5)"},
            {
                "loss": "margin-mse",
                "name": "margin-mse",
                "teacher": {"name": "bi-encoder", "model": str(model), "max_length": 32},
            },
        ],
    }


def crossed(collection: Path, model: Path) -> dict:
    """A study with something of everything that is written while it runs."""
    teacher = {"name": "bi-encoder", "model": str(model), "max_length": 32}
    tuned = teacher | {"fine_tune": True, "examples": 32, "batch_size": 8, "negatives": 2}
    values = study_values(collection, model)
    space = {"margin": {"low": 0.1, "high": 1.0}}
    values["tuning"] = {"trials": 3, "pruner": "successive-halving"}
    return values | {
        "seeds": [1],
        "budget": {"examples": 48},
        "arms": [
            {"loss": "static-margin", "sampler": "mined(by='student', refresh=2)", "space": space},
            {"loss": "margin-mse", "name": "margin-mse", "teacher": tuned},
            {"loss": "adaptive-margin"},
        ],
    }
