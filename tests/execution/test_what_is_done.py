"""What a plan counts as done, beside what `bench run` then does."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

from bench.commands.plan import plan_study
from bench.execution.coordinator import Coordinator
from bench.study.schema import parse_study


@pytest.mark.slow
def test_what_is_done_is_what_a_run_would_not_do_again(
    toy_values, collection_folder, tmp_path, monkeypatch, capsys
):
    """With a study that was changed since, a damaged record, and on another machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    values = toy_values | {"seeds": [1], "tuning": {"trials": 1, "space": {"warmup": [0.0, 0.1]}}}

    def plan(**changes) -> tuple[int, int]:
        """How many runs are done, and how many `bench run` did."""
        Path("toy.toml").write_text(tomli_w.dumps(values | changes))
        plan_study("toy.toml", [], out, artifacts, probe=False)
        told = capsys.readouterr().out
        rows = [line.split("│") for line in told.splitlines() if line.count("│") == 10]
        references = told.count("│ yes  │")
        return sum(int(row[7]) for row in rows) + references, told

    out, artifacts = tmp_path / "out", tmp_path / "artifacts"
    done, told = plan()
    assert done == 0
    assert "another version" not in told

    def carry_out(**changes) -> tuple[int, int]:
        outcome = Coordinator(parse_study(values | changes, "toy"), out, artifacts, None).run()
        assert not outcome.failed
        return outcome.done_before, outcome.done_now

    assert carry_out() == (0, 9)
    done, told = plan()
    assert done == 9
    assert "time: 0 s" in told
    for changes, before in (
        ({"title": "B", "measures": ["nDCG@10", "R@20"]}, 9),
        ({"seeds": [1, 2]}, 9),
        ({"budget": {"examples": 64}}, 3),
        ({"training": {"batch_size": 16}}, 3),
        ({"arms": values["arms"][1:]}, 7),
    ):
        done, told = plan(**changes)
        assert done == before, changes
        assert "another version of this study; runs that are the same are reused" in told
    assert carry_out(seeds=[1, 2]) == (9, 3)
    summary = pd.read_csv(out / "summary.csv")
    for run, left in (
        (summary.query("arm == 'teacher'")["run"].iloc[0], 8),
        (summary.query("role == 'final' and seed == 1")["run"].iloc[0], 7),
    ):
        record = out / "runs" / run / "run.json"
        record.write_text("{")
        assert "what is there already is not known: " in plan()[1]
        shutil.rmtree(record.parent)
        assert plan()[0] == left
    moved = artifacts.rename(tmp_path / "elsewhere")
    assert plan()[0] == 7  # the collection is a folder, and is prepared again
    assert moved.is_dir()
