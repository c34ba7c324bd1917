"""What of a run's record MLflow is given: parameters and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.lazy import Library
from bench.results import SIZES, SPEEDS, Row

if TYPE_CHECKING:
    import mlflow
else:
    mlflow = Library("mlflow")

LONGEST = 500
"""Most characters of a value that MLflow keeps; the record itself is beside it, as a file."""


def parameters(row: Row) -> list[Any]:
    """The run's labels, entries and options."""
    labels = ("arm", "role", "trial", "seed", "train_share")
    values = {name: getattr(row, name) for name in labels}
    return [
        mlflow.entities.Param(key, str(value)[:LONGEST])
        for key, value in {**values, **row.entries, **row.options}.items()
    ]


def metrics(row: Row) -> list[Any]:
    """The curve, the means of each test part, sizes and speeds, by the examples trained on."""
    record = row.run.record
    return [
        mlflow.entities.Metric(metric_name(name), float(value), 0, int(examples))
        for name, value, examples in [*_curve(row), *_means(row), *_costs(record)]
    ]


def metric_name(name: str) -> str:
    """A measure's name in the characters that MLflow allows: nDCG@10 → nDCG_at_10."""
    return re.sub(r"[^\w./ -]", "_", name.replace("@", "_at_"))


_Values = Iterator[tuple[str, Any, Any]]
"""(name, value, examples)."""


def _curve(row: Row) -> _Values:
    for point in row.run.curve:
        for name, value in point.items():
            if name != "point" and value == value:
                yield name, value, point["examples"]


def _means(row: Row) -> _Values:
    for part, measures in row.run.means.items():
        for name, value in measures.items():
            yield f"{part}/{name}", value, row.run.record["examples"]


def _costs(record: Mapping[str, Any]) -> _Values:
    for name in (*SIZES, *SPEEDS):
        if record.get(name) is not None:
            yield name, record[name], record["examples"]
