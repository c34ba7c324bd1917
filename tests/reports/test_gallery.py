"""The study that the README shows: its records are committed, and its report follows from them."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.results import load_results
from reports.analysis import Analysis
from reports.analysis.selectors import tuned_arms
from reports.analysis.speed import speed_table
from reports.analysis.targets import to_target
from reports.headlines import headline
from reports.terminal import closing_table
from reports.writing import write_report

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
STUDY = ROOT / "reports" / "gallery" / "quickstart"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The committed records, and no report."""
    folder = tmp_path_factory.mktemp("gallery") / "quickstart"
    shutil.copytree(STUDY, folder, ignore=shutil.ignore_patterns("report", ".gitignore"))
    return Analysis.of(load_results(folder))


def test_the_report_has_the_committed_numbers(results):
    report = write_report(results).parent
    kept = sorted(path.relative_to(STUDY / "report") for path in STUDY.rglob("report/*/*.csv"))
    made = sorted(path.relative_to(report) for path in report.rglob("*.csv"))
    assert kept == made
    assert len(kept) > 20
    for path in kept:
        ours, theirs = (pd.read_csv(folder / path) for folder in (report, STUDY / "report"))
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, obj=str(path))


def test_the_readme_shows_its_figures():
    shown = re.findall(r'<img src="([^"]+)" [^>]*alt="([^"]+)"', README)
    assert len(shown) == 2
    for path, alt in shown:
        image = ROOT / path
        assert STUDY in image.parents
        assert image.read_bytes().startswith(b"\x89PNG")
        assert len(alt) > 60


def test_the_readme_prints_its_closing_table(results):
    console = Console(width=80, record=True, quiet=True)
    console.print(closing_table(results))
    table = [line.strip() for line in console.export_text().splitlines()[2:] if line.strip()]
    shown = [line.strip() for line in README.splitlines()]
    assert [line for line in table if line not in shown] == []


def test_the_readme_says_what_it_took(results):
    environments = results.summary["environment"].dropna().unique()
    assert len(environments) == 1
    torch = re.search(r"torch ([\d.]+)", environments[0])
    assert torch
    assert f"torch {torch[1]}" in README
    final = results.summary.query("role == 'final'")
    assert f"{int(final['examples'].max())} training triples" in README
    assert set(tuned_arms(results)) == set(final["arm"])


def test_the_answer_by_hand(results):
    """99 % of the way from before training to the end, the mean of seeds; the first of two points
    in a row; geometric means. A baseline that is there at its last point alone is never confirmed:
    its whole budget is a lower bound."""
    curves = results.curves.query("role == 'final'")
    means = curves[curves["arm"] == "margin-mse"].groupby("point")["nDCG@10"].mean()
    target = means.iloc[0] + 0.99 * (means.iloc[-1] - means.iloc[0])
    points = curves[curves["arm"] == "infonce"].pivot(index="point", columns="seed")
    twice = (points["nDCG@10"] >= target) & (points["nDCG@10"].shift(-1) >= target)
    first = twice.idxmax()
    assert twice.any().all()
    examples = [points["examples"].loc[point, seed] for seed, point in first.items()]
    assert examples == [64, 64, 64]
    baseline = curves[curves["arm"] == "margin-mse"].pivot(index="point", columns="seed")
    there = (baseline["nDCG@10"] >= target) & (baseline["nDCG@10"].shift(-1) >= target)
    assert not there.any(axis=None)
    assert baseline["examples"].iloc[-1].tolist() == [320, 320, 320]
    said = headline(results)
    assert "infonce reached 99 % of the gain of margin-mse with at most 0.20 [" in said
    assert 64 / 320 == 0.2
    row = speed_table(results).query("arm == 'infonce' and quantity == 'examples' and gain == 0.99")
    assert row["ratio"].item() == pytest.approx(0.2)
    assert to_target(results)["quality"].iloc[0] == pytest.approx(target)
    missed = "adaptive-margin and distributed-margin did not get to it within the budget"
    for arm in ("adaptive-margin", "distributed-margin"):
        runs = curves[curves["arm"] == arm].pivot(index="point", columns="seed", values="nDCG@10")
        assert not ((runs >= target) & (runs.shift(-1) >= target)).any(axis=None)
    assert missed in said
