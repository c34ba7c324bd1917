"""Runs a miniature of a study, whose bills tell what the whole study will take."""

from __future__ import annotations

from pathlib import Path

from bench import execution
from bench.progress import quiet
from bench.study.budget import Budget
from bench.study.schema import Study, parse_study

STEPS = 3
"""Steps of a probe's runs."""


def probe_study(study: Study) -> Study:
    """The miniature: one untuned run of a few steps for each arm, measured once."""
    values = study.model_dump(mode="json", exclude_none=True)
    for arm in values["arms"]:
        arm.pop("space", None)
    sizes = [arm.training.get("batch_size", 0) for arm in study.arms]
    batch_size = max([study.training.batch_size, *sizes])
    budget = study.budget
    if budget.planned_examples(batch_size) is None:
        budget = Budget(steps=STEPS)
    values["budget"] = budget.smallest(STEPS, batch_size).model_dump(exclude_none=True)
    values["title"] = f"{study.title} (probe)"
    values["seeds"] = study.seeds[:1]
    values["tuning"] = {}
    values["train_shares"] = [1.0]
    values["evaluation"] |= {"points": 1, "patience": 0}
    values["keep_students"] = False
    values["execution"] = {}
    return parse_study(values, "probe")


def run_probe(study: Study, out: Path, artifacts: Path) -> list[str]:
    """Run what is missing of the miniature; the result says which runs failed, and why."""
    outcome = execution.Coordinator(probe_study(study), out, artifacts, None).run()
    quiet()
    return [f"{row.arm}: {row.run.record['error']}" for row in outcome.failed]
