"""The list of jobs, and in which order they may be done by however many workers."""

import pickle
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.execution.jobs import Agenda, Job, list_jobs
from bench.study.arms import resolve_arms
from bench.study.schema import TUNING_SEEDS, Study, parse_study


def study(**changes) -> Study:
    values = {
        "name": "jobs",
        "title": "Jobs",
        "collection": "pydocs",
        "seeds": [3, 1, 2],
        "baseline": "a",
        "train_shares": [0.5, 1.0],
        "budget": {"examples": 320},
        "tuning": {"trials": 3, "space": {"learning_rate": [1e-4, 1e-3]}},
        "arms": [
            {"name": "a", "loss": "adaptive-margin"},
            {"name": "b", "loss": "margin-mse", "teacher": "bi-encoder"},
        ],
    }
    return parse_study(values | changes, "test")


def test_a_job_is_a_value():
    jobs = list_jobs(study(), resolve_arms(study()))
    assert pickle.loads(pickle.dumps(jobs)) == jobs
    assert len({job.key for job in jobs}) == len(jobs)
    assert [Job(*job.key) for job in jobs] == jobs


def test_the_order_of_one_process():
    asked = study()
    jobs = list_jobs(asked, resolve_arms(asked))
    roles = [job.role for job in jobs]
    assert roles == ["reference"] * 3 + ["tuning"] * 12 + ["final"] * 12
    assert [job.arm for job in jobs[:3]] == ["bm25", "untrained", "teacher"]
    assert [(job.arm, job.share, job.trial) for job in jobs[3:15]] == [
        (arm, share, trial) for arm in "ab" for share in (0.5, 1.0) for trial in range(3)
    ]
    assert {job.seed for job in jobs[3:15]} == {TUNING_SEEDS}
    finals = jobs[15:]
    assert [job.seed for job in finals] == [3] * 4 + [1] * 4 + [2] * 4
    orders = {tuple((job.arm, job.share) for job in finals[at : at + 4]) for at in (0, 4, 8)}
    assert len(orders) > 1  # a random one for each seed
    assert {frozenset(order) for order in orders} == {
        frozenset((arm, share) for arm in "ab" for share in (0.5, 1.0))
    }


def test_jobs_are_described():
    assert Job("reference", "bm25").describe() == "bm25 · reference"
    assert Job("tuning", "a", trial=2, seed=9).describe() == "a · tuning · trial 2 · seed 9"
    shared = Job("final", "a", share=0.25, seed=1)
    assert shared.describe(trial=4) == "a · 0.25 of the train queries · final · trial 4 · seed 1"


@settings(deadline=None, max_examples=60)
@given(
    workers=st.integers(1, 6),
    sampler=st.sampled_from(["tpe", "random", "quasi-random", "grid"]),
    pruner=st.sampled_from(["none", "median"]),
    random=st.randoms(use_true_random=False),
)
def test_any_number_of_workers_does_each_job_once_after_what_it_needs(
    workers, sampler, pruner, random
):
    tuning = {"trials": 2, "sampler": sampler, "pruner": pruner}
    asked = study(tuning=tuning | {"space": {"learning_rate": [1e-4, 1e-3]}})
    arms = resolve_arms(asked)
    agenda, running, done, side_by_side = Agenda(asked, arms), [], [], 0
    while len(agenda):
        for job in agenda.ready():
            if len(running) == workers:
                break
            agenda.begin(job)
            running.append(job)
            check_needs(job, done, sequential=sampler == "tpe" or pruner != "none")
        trials = Counter((job.arm, job.share) for job in running if job.role == "tuning")
        side_by_side = max(side_by_side, *trials.values(), 0)
        assert running, "nothing can begin"
        job = running.pop(random.randrange(len(running)))
        done.append(job)
        agenda.finish(job)
    assert sorted(done, key=repr) == sorted(list_jobs(asked, arms), key=repr)
    if sampler == "tpe" or pruner != "none":
        assert side_by_side == 1
    elif workers > 3:
        assert side_by_side == 2


def check_needs(job: Job, done: list[Job], sequential: bool) -> None:
    trials = {one.trial for one in done if (one.role, one.arm, one.share) == ("tuning", *of(job))}
    if job.role == "final":
        assert trials == {0, 1}
        assert Job("reference", "teacher") in done  # which all students are compared with
    elif job.role == "tuning" and sequential:
        assert trials == set(range(job.trial))


def of(job: Job) -> tuple[str, float]:
    return job.arm, job.share


def test_dropped_jobs_are_done_no_more():
    asked = study()
    arms = resolve_arms(asked)
    agenda = Agenda(asked, arms)
    dropped = [job for job in list_jobs(asked, arms) if job.arm == "a" and job.role == "final"]
    agenda.drop(dropped)
    assert len(agenda) == 27 - len(dropped)
    seen = []
    while len(agenda):
        job = next(agenda.ready())
        agenda.begin(job)
        agenda.finish(job)
        seen.append(job)
    assert not set(seen) & set(dropped)
