"""A study tried out in a minute, on any machine and without a download: ``bench run --smoke``.

Everything the study names is read, checked and run, with the real code: two steps a run, a tiny
random model in place of every named one, and a few made-up texts in place of every data set of
ir_datasets, with the fields and grades of the real one. It shows that a study works as it is
written. It shows nothing of what comes out, nor that a hub or a data set has what is expected.
"""

from bench.execution.dry_run.stand_ins import stand_ins
from bench.execution.dry_run.study import miniature

__all__ = ["miniature", "stand_ins"]
