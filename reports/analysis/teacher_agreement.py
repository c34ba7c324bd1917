"""How near students are to their teacher, and whether their space has collapsed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.results import ERRORS
from reports.analysis.base import Analysis, cached
from reports.analysis.resampling import FEWEST_PAIRS, rank_correlation
from reports.analysis.selectors import RUN, arms, final_runs, tested_points
from reports.analysis.statistics import interval

AGREEMENT = ("overlap@10", "kendall_tau")
COLLAPSE = ("mean_cosine", "mean_target")

_COLUMNS = (
    *("arm", "teacher", "seeds", *ERRORS, *AGREEMENT, "gap", "gap low", "gap high"),
    *(f"{name} {when}" for name in COLLAPSE for when in ("first", "last")),
)
_THEORY = ("teacher", "error", "arms", "correlation", "p", "runs", "correlation of runs")


@cached
def geometry_table(results: Analysis) -> pd.DataFrame:
    """A row an arm with final runs.

    Columns: arm, teacher (the reference row it is compared with; empty for none), seeds;
    query_error and document_error, mean distances of vectors to the teacher's on dev-curve
    (`bench.training.teacher_agreement`); overlap@10 and kendall_tau of its dev-curve rankings
    with the teacher's, at the tested point; gap, the teacher's quality on dev-curve minus the
    student's, with Student's t interval; mean_cosine (of two different documents of a batch: 1 is
    collapse) and mean_target (of the loss) over the steps before the first evaluation point and
    before the last. Means over seeds.
    """
    runs = student_runs(results)
    rows = []
    for arm in arms(results):
        own = runs[runs["arm"] == arm]
        if own.empty:
            continue
        gap = interval(own["gap"])
        row = {"arm": arm, "teacher": own["teacher"].iloc[0], "seeds": len(own)}
        row |= {name: own[name].mean() for name in (*ERRORS, *AGREEMENT)}
        row |= {"gap": gap.mean, "gap low": gap.low, "gap high": gap.high}
        ends = [f"{name} {when}" for name in COLLAPSE for when in ("first", "last")]
        rows.append(row | {name: own[name].mean() for name in ends})
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def theory_table(results: Analysis) -> pd.DataFrame:
    """Whether students nearer to their teacher's vectors are nearer to its quality.

    A row a teacher and error (query, document, both added up): Spearman's ρ of the error and the
    gap on dev-curve over the means of arms, with an exact or permutation p-value, and over all runs
    as a description (the seeds of an arm are not independent). Rows with fewer than four arms are
    left out. Source: arXiv 2301.12005 (EmbedDistill), whose bound on the gap grows with both
    errors; a bound that is vacuous can still be right about the order, which is all that is tested.
    """
    runs = student_runs(results).assign(
        both=lambda rows: rows[list(ERRORS)].sum(axis=1, skipna=False)
    )
    rows = []
    for teacher, same in runs.groupby("teacher", sort=False):
        for error in (*ERRORS, "both"):
            known = same.dropna(subset=[error, "gap"])
            means = known.groupby("arm")[[error, "gap"]].mean()
            if len(means) < FEWEST_PAIRS or not teacher:
                continue
            rho, p_value = rank_correlation(means[error].tolist(), means["gap"].tolist())
            all_runs, _ = rank_correlation(known[error].tolist(), known["gap"].tolist())
            if not np.isnan(rho):
                rows.append((teacher, error, len(means), rho, p_value, len(known), all_runs))
    return pd.DataFrame(rows, columns=list(_THEORY))


def student_runs(results: Analysis) -> pd.DataFrame:
    """Final runs with all that is known of each."""
    points, primary = results.curves, results.study.primary
    runs = final_runs(results).reindex(columns=[*RUN, *ERRORS, "retention_of"])
    places = pd.MultiIndex.from_frame(runs[RUN])
    tested = points.loc[tested_points(results).index].reindex(columns=[*RUN, primary, *AGREEMENT])
    tested = tested.set_index(RUN).reindex(places)
    references = points[points["role"] == "reference"].set_index("arm")[primary]
    teacher = runs["retention_of"].astype(object).fillna("")
    runs = runs.assign(
        teacher=teacher,
        gap=teacher.map(references).to_numpy() - tested[primary].to_numpy(),
        **{name: tested[name].to_numpy() for name in AGREEMENT},
    )
    trained = points[(points["role"] == "final") & (points["point"] > 0)]
    watched = trained.reindex(columns=[*RUN, *COLLAPSE]).groupby(RUN)
    for when, found in (("first", watched.first()), ("last", watched.last())):
        for name in COLLAPSE:
            runs[f"{name} {when}"] = found[name].reindex(places).to_numpy()
    return runs
