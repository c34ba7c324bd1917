"""Columns of a study's tables."""

from bench.storage import clocks

_clocks = dict.fromkeys(["train", "cold", "warm", *clocks.CLOCKS])
CLOCKS = tuple(f"{name}_seconds" for name in _clocks)
"""Columns of charged seconds, in the order that summary.csv has had since its first version."""

SPEEDS = ("query_seconds", "document_seconds")
PACE = ("reference_step_start", "reference_step_end")
TENTHS = ("first_tenth", "last_tenth")
"""Columns of the seconds of a step within the first and the last tenth of the budget."""

TIMED = (*CLOCKS, *SPEEDS, *PACE, *TENTHS, "peak_memory")
"""Columns of seconds, and bytes: what differs between two otherwise equal runs."""

ERRORS = ("query_error", "document_error")
"""Columns of how far a student's vectors are from its teacher's."""

AGREEMENT = ("overlap@10", "kendall_tau")
"""Columns of curves.csv: how far a student ranks as its teacher does."""

LABELS = ("train_queries", "labels")
"""Columns of how many of each a run has used up, its teachers' fine-tuning included."""

SIZES = (
    "parameters",
    "trained_parameters",
    "query_parameters",
    "embedding_parameters",
    "query_flops",
    "document_flops",
)
"""Columns of what serving a student takes (`bench.evaluation.footprint.Footprint`)."""

RUN_LABELS = ("arm", "role", "trial", "seed")
"""What tells the runs of one share of the train queries apart, in every table."""

FIRST = (
    "study",
    "arm",
    "role",
    "loss",
    "teacher",
    "student",
    "sampler",
    "trial",
    "seed",
    "status",
)
"""The columns that a summary begins with; options that vary follow."""

COUNTS = ("examples", "steps")
LAST = (
    "retention",
    "retention_of",
    "train_share",
    *LABELS,
    *ERRORS,
    *PACE,
    *TENTHS,
    "peak_memory",
    "best_point",
    "stopped",
    "unpriced",
    "environment",
    "run",
    "error",
)
"""The columns that a summary ends with."""
TEXTS = ("study", "arm", "loss", "teacher", "student", "sampler", "retention_of", "run")
"""Columns of text that may look like numbers."""


def measure_column(measure: str, part: str) -> str:
    """The column of a measure on a test part."""
    return measure if part == "test" else f"{measure} ({part})"
