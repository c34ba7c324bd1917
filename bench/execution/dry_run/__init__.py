"""Dry runs: try a study in a minute, on any machine, without downloads (``bench run --smoke``).

The study is read, checked and run with the real code, but with two steps per run, tiny random
models in place of those that are named, and a few made-up texts in place of data sets of
ir_datasets, with their fields and grades. A dry run shows that a study works as it is written. It
says nothing about results, nor whether hubs and data sets have what is expected.
"""

from bench.execution.dry_run.stand_ins import stand_ins
from bench.execution.dry_run.study import miniature

__all__ = ["miniature", "stand_ins"]
