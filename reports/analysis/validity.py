"""What a reader must know before believing the numbers, found in the numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.claims import UNDECIDED, reasons_for_doubt, verdicts
from reports.analysis.clocks import unequal_clocks
from reports.analysis.data_fraction import by_share
from reports.analysis.selectors import arms, final_runs
from reports.analysis.statistics import FEWEST
from reports.formatting import count, named, percent, plain

JUDGED, SHALLOW = "Judged@10", 0.2
"""The column of the share judged, and the share unjudged from which judgements are shallow."""


_ENVIRONMENT = ["role", "environment"]
_MACHINE = ("device", "threads", "cpus", "machine", "workers")


def warnings(results: Analysis) -> list[str]:
    """One sentence each; none where nothing is amiss."""
    return [
        *_seeds(results),
        *_baseline(results),
        *_failed(results),
        *_ended_early(results),
        *_untrained(results),
        *_incomplete(results),
        *_examples(results),
        *_environments(results),
        *unequal_clocks(results),
        *_schedule(results),
        *reasons_for_doubt(results),
        *_undecided(results),
        *_read_before(results),
        *_unjudged(results),
        *(f"{plain(line)}." for line in results.caveats.warnings),
        *_unmoved(results),
    ]


def _seeds(results: Analysis) -> Iterator[str]:
    """A sentence for all arms that have equally many seeds done."""
    done = final_runs(results)["arm"].value_counts().reindex(arms(results), fill_value=0)
    planned = len(results.study.seeds)
    for number, rows in done.groupby(done, sort=True):
        names = ", ".join(map(named, rows.index))
        if number < FEWEST:
            yield (
                f"{number} of {planned} seeds done, fewer than {FEWEST}: {names}. There is no "
                "interval, and no difference can be told from chance."
            )
        elif number < planned:
            yield f"{number} of {planned} seeds done: {names}."


def _baseline(results: Analysis) -> Iterator[str]:
    name = results.study.baseline
    if name not in set(final_runs(results)["arm"]):
        yield f"The baseline {named(name)} has no finished run: there are no differences to it."


def _failed(results: Analysis) -> Iterator[str]:
    for share, there in by_share(results).items():
        of_share = f", {percent(share)} % of the train queries" if share < 1 else ""
        for run in there.summary[there.summary["status"] == "failed"].to_dict("records"):
            which = {"tuning": f", trial {run['trial']}", "final": f", seed {run['seed']}"}
            place = run["role"] + which.get(run["role"], "") + of_share
            yield f"{named(run['arm'])} ({place}) failed: {plain(run['error'])}"


def _ended_early(results: Analysis) -> Iterator[str]:
    """Runs that `evaluation.patience` has ended before their budget was used."""
    runs = final_runs(results)
    if "stopped" not in runs:
        return
    early = (runs["stopped"] == "patience").groupby(runs["arm"], sort=False).agg(["sum", "size"])
    for arm, stopped, done in early[early["sum"] > 0].itertuples():
        yield (
            f"{stopped} of {done} final runs of {named(arm)} ended early (patience): nothing was "
            f"gained on dev-select for {count(results.study.evaluation.patience)} examples. They "
            "are charged what they took, not what the budget allows."
        )


def _untrained(results: Analysis) -> Iterator[str]:
    """Runs whose best point on dev-select was the one before any training."""
    runs = final_runs(results).reindex(columns=["arm", "best_point"])
    started = (runs["best_point"] == 0).groupby(runs["arm"], sort=False).agg(["sum", "size"])
    told = [
        f"{named(arm)} ({untrained} of {done})"
        for arm, untrained, done in started[started["sum"] > 0].itertuples()
    ]
    if told:
        yield (
            "dev-select preferred the untrained student to every later point, so that it is what "
            f"test measured, in final runs of {', '.join(told)}."
        )


def _incomplete(results: Analysis) -> Iterator[str]:
    """Values by query that are not there, without which there are fewer intervals and tests."""
    runs = set(final_runs(results).reindex(columns=["run"])["run"].dropna())
    for name, of in (("dev", results.dev), ("queries", results.queries)):
        missing = runs - set(of.reindex(columns=["run"])["run"])
        if missing and missing != runs:  # of all of them: an older record, or the tables alone
            yield (
                f"Values by query are missing ({name}.parquet) of {len(missing)} of {len(runs)} "
                "final runs: where they are needed there is no interval, or none over queries."
            )


def _examples(results: Analysis) -> Iterator[str]:
    means = final_runs(results).groupby("arm", sort=False)["examples"].mean()
    if means.nunique() > 1:
        listed = ", ".join(f"{named(arm)} {count(value)}" for arm, value in means.items())
        yield f"The arms were trained on unequal numbers of examples: {listed}."


def _environments(results: Analysis) -> Iterator[str]:
    """Machines, threads and versions that differ: of trials and smaller shares too."""
    rows = [there.summary.reindex(columns=_ENVIRONMENT) for there in by_share(results).values()]
    rows = pd.concat(rows)
    environments = rows.loc[rows["role"] != "reference", "environment"].dropna().unique()
    if len(environments) < 2:
        return
    parts = [set(environment.split(", ")) for environment in environments]
    shared = set.intersection(*parts)
    differing = sorted(set.union(*parts) - shared)
    listed = ", ".join(map(plain, differing))
    seconds = any(part.startswith(_MACHINE) for part in differing)
    end = ": their seconds do not compare" if seconds else ""
    yield f"Runs were trained in different environments ({listed}){end}."


def _undecided(results: Analysis) -> Iterator[str]:
    """Claims that the intervals overlap."""
    for one in verdicts(results):
        if one.verdict == UNDECIDED:
            yield (
                f"The interval of {named(one.claim.arm)}'s {one.claim.quantity} overlaps the claim "
                f"({plain(one.claim.says)}): it is undecided."
            )


def _read_before(results: Analysis) -> Iterator[str]:
    if number := len(results.former):
        runs = "1 run" if number == 1 else f"{number} runs"
        yield (
            f"Test was read before: {runs} in this folder measured it for an earlier version of "
            "the study. Whoever changed the study since may have seen what came of them."
        )


def _unjudged(results: Analysis) -> Iterator[str]:
    """Where much of what is ranked first has never been judged, and counts as a miss."""
    rows = results.queries.reindex(columns=["arm", "role", "part", JUDGED])
    for part, own in rows[rows["role"] == "final"].dropna().groupby("part", sort=False):
        unjudged = 1 - own.groupby("arm")[JUDGED].mean()
        if unjudged.max() > SHALLOW:
            bounds = dict.fromkeys(map(percent, (unjudged.min(), unjudged.max())))
            yield (
                f"Judgements of {plain(part)} are shallow: of each query's first ten documents "
                f"{' to '.join(bounds)} % are unjudged, by arm, and count as "
                "not relevant. An arm that finds what nobody judged is not rewarded."
            )


def _unmoved(results: Analysis) -> Iterator[str]:
    """Arms whose students are, as far as dev shows, what they were before training."""
    columns = [name for one in results.study.measures for name in (one, f"dev-select {one}")]
    points = results.curves[results.curves["role"] == "final"]
    for arm, own in points.groupby("arm", sort=False):
        values = own.reindex(columns=["seed", *columns]).groupby("seed")
        if own["point"].max() > 0 and (values.nunique() == 1).all(axis=None):
            yield (
                f"Nothing that is measured on dev changed while {named(arm)} was trained: it may "
                "have learnt nothing."
            )


def _schedule(results: Analysis) -> Iterator[str]:
    schedule = results.study.training.schedule
    if schedule != "constant":
        yield (
            f"The learning rate decays ({schedule}): only the last point of a curve is the result "
            "of a whole training; points before it do not show what a smaller budget would give."
        )
