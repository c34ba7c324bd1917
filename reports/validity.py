"""What a reader must know before believing the numbers, found in the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import Results
from reports.reading import arms, final_runs
from reports.statistics import FEWEST
from reports.wording import count, plain


def warnings(results: Results) -> list[str]:
    """One sentence each; none where nothing is amiss."""
    return [
        *_seeds(results),
        *_baseline(results),
        *_failed(results),
        *_ended_early(results),
        *_examples(results),
        *_environments(results),
        *_schedule(results),
    ]


def _seeds(results: Results) -> Iterator[str]:
    """A sentence for all arms that have equally many seeds done."""
    done = final_runs(results)["arm"].value_counts().reindex(arms(results), fill_value=0)
    planned = len(results.study.seeds)
    for number, rows in done.groupby(done, sort=True):
        names = ", ".join(map(plain, rows.index))
        if number < FEWEST:
            yield (
                f"{number} of {planned} seeds done, fewer than {FEWEST}: {names}. There is no "
                "interval, and no difference can be told from chance."
            )
        elif number < planned:
            yield f"{number} of {planned} seeds done: {names}."


def _baseline(results: Results) -> Iterator[str]:
    name = results.study.baseline
    if name not in set(final_runs(results)["arm"]):
        yield f"The baseline {plain(name)} has no finished run: there are no differences to it."


def _failed(results: Results) -> Iterator[str]:
    summary = results.summary
    for run in summary[summary["status"] == "failed"].to_dict("records"):
        which = {"tuning": f", trial {run['trial']}", "final": f", seed {run['seed']}"}
        place = run["role"] + which.get(run["role"], "")
        yield f"{plain(run['arm'])} ({place}) failed: {plain(run['error'])}"


def _ended_early(results: Results) -> Iterator[str]:
    """Runs that `evaluation.patience` has ended before their budget was used."""
    runs = final_runs(results)
    if "stopped" not in runs:
        return
    early = (runs["stopped"] == "patience").groupby(runs["arm"], sort=False).agg(["sum", "size"])
    for arm, stopped, done in early[early["sum"] > 0].itertuples():
        yield (
            f"{stopped} of {done} final runs of {plain(arm)} ended early (patience): nothing was "
            f"gained on dev-select for {count(results.study.evaluation.patience)} examples. They "
            "are charged what they took, not what the budget allows."
        )


def _examples(results: Results) -> Iterator[str]:
    means = final_runs(results).groupby("arm", sort=False)["examples"].mean()
    if means.nunique() > 1:
        listed = ", ".join(f"{plain(arm)} {count(value)}" for arm, value in means.items())
        yield f"The arms were trained on unequal numbers of examples: {listed}."


def _environments(results: Results) -> Iterator[str]:
    """Devices first: their seconds do not compare; then whatever else differs."""
    environments = final_runs(results)["environment"].drop_duplicates()
    if len(environments) < 2:
        return
    parts = [set(environment.split(", ")) for environment in environments]
    shared = set.intersection(*parts)
    differing = sorted(set.union(*parts) - shared)
    listed = ", ".join(map(plain, differing))
    seconds = any(part.startswith(("device", "threads", "cpus")) for part in differing)
    end = ": their seconds do not compare" if seconds else ""
    yield f"Runs were trained in different environments ({listed}){end}."


def _schedule(results: Results) -> Iterator[str]:
    schedule = results.study.training.schedule
    if schedule != "constant":
        yield (
            f"The learning rate decays ({schedule}): only the last point of a curve is the result "
            "of a whole training; points before it do not show what a smaller budget would give."
        )
