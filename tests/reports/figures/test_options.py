"""What figures are asked to show, and that nothing else hangs on it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import reports
from bench.errors import InputError
from reports import figures
from reports.analysis import selectors
from reports.analysis.selectors import arms, best_on_select
from reports.figures.options import FigureOptions
from reports.writing import write_report
from tests.reports.figure_legibility import words

MANY = [{"name": f"arm {number:02}", "level": 0.5 + 0.01 * number} for number in range(20)]


def _shown(results, *asked, figure="convergence"):
    """The arms of the rows that are drawn."""
    rows = FigureOptions(asked).select(figures.create(figure), results).rows
    return [arm for arm in arms(results) if arm in set(rows["arm"])]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), ["margin-mse", "adaptive-margin", "static-margin"]),
        (("static-margin",), ["static-margin"]),
        (("*-margin",), ["adaptive-margin", "static-margin"]),
        (("adaptive-margin", "margin-mse"), ["margin-mse", "adaptive-margin"]),
        (("adaptive-margin,margin-mse",), ["margin-mse", "adaptive-margin"]),
    ],
)
def test_arms_by_name_or_pattern(results, asked, expected):
    assert _shown(results, *asked) == expected


def test_a_name_that_is_a_pattern_or_has_commas_is_a_name(study):
    names = ["margin-mse", "a[1], b*", "a1, b"]
    results = study(arms=[{"name": name} for name in names])
    assert _shown(results, "a[1], b*") == ["a[1], b*"]
    assert _shown(results, "a1, b") == ["a1, b"]


def test_references_stay_whichever_arms_are_shown(results):
    drawn = reports.draw("convergence", results, arms=["static-margin"])
    said = words(drawn)
    assert "bm25" in said
    assert not any("adaptive-margin" in text for text in said)


def test_an_arm_keeps_its_look_whichever_arms_are_shown(results):
    def colour(**asked):
        drawn = reports.draw("convergence", results, **asked)
        return {
            line.get_color()
            for axes in drawn.axes
            for line in axes.lines
            if line.get_marker() == "^"
        }

    assert colour() == colour(arms=["static-margin"]) != set()


def test_of_many_arms_the_baseline_and_the_best_on_dev_select_are_shown(study):
    results = study(arms=MANY, baseline="arm 00")
    shown = _shown(results)
    assert len(shown) == figures.create("convergence").most == 12
    best = best_on_select(results).query("role == 'final'").groupby("arm")["value"].mean()
    others = best.drop("arm 00").nlargest(11).index
    assert set(shown) == {"arm 00", *others}
    note = FigureOptions().select(figures.create("convergence"), results).note
    assert note.startswith("12 of 20 arms: the baseline and those that are best on dev-select")


@pytest.mark.slow
def test_the_data_beside_a_figure_has_all_arms(study):
    results = study(arms=MANY, baseline="arm 00")
    page = write_report(results)
    data = pd.read_csv(page.parent / "figures" / "convergence.csv")
    assert set(data["arm"]) >= {arm["name"] for arm in MANY}
    assert "12 of 20 arms" in page.read_text("utf-8")


def _measured_otherwise(results):
    """RR@10 prefers another point, and other arms, than nDCG@10 by which they were chosen."""
    curves = results.curves.copy()
    for half in ("", "dev-select "):
        curves[f"{half}RR@10"] = 1 - curves[f"{half}nDCG@10"]
    return replace(results, curves=curves)


def test_another_measure_is_shown_of_the_points_that_were_chosen_by_the_primary_one(results):
    results = _measured_otherwise(results)
    other = FigureOptions(measure="RR@10").with_measure(results)
    assert other.study.primary == "RR@10"
    before, now = selectors.tested_points(results), selectors.tested_points(other)
    assert list(before.index) == list(now.index)
    assert np.allclose(now["RR@10"], 1 - before["nDCG@10"])
    assert best_on_select(other).equals(best_on_select(results))
    drawn = reports.draw("convergence", results, measure="RR@10")
    assert any("RR@10" in text for text in words(drawn))
    note = FigureOptions(measure="RR@10").select(figures.create("convergence"), other).note
    assert note == "Shown by RR@10; nDCG@10 is what everything was chosen by."


@pytest.mark.slow
def test_tables_and_answers_are_of_the_primary_measure_and_all_arms(results):
    usual = write_report(results).parent
    tables = {path.name: path.read_text() for path in (usual / "tables").iterdir()}
    asked = write_report(results, FigureOptions(["static-margin"], "RR@10", "slide", 20.0)).parent
    assert tables == {path.name: path.read_text() for path in (asked / "tables").iterdir()}


def test_a_slide_is_wide_and_its_text_large(results):
    paper, slide = (reports.draw("convergence", results, style=name) for name in reports.STYLES)
    assert paper.get_figwidth() == pytest.approx(3.3)
    assert slide.get_figwidth() == pytest.approx(10)
    sizes = [drawn.axes[0].xaxis.label.get_fontsize() for drawn in (paper, slide)]
    assert sizes == pytest.approx([7.5, 135 / 7])
    larger = reports.draw("convergence", results, font_size=9.8)
    assert larger.axes[0].xaxis.label.get_fontsize() == pytest.approx(10.5)
    assert larger.get_figwidth() == pytest.approx(3.3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"arms": ["static-margn"]}, "no arm 'static-margn', did you mean 'static-margin'"),
        ({"arms": ["x*"]}, "no arm 'x"),
        ({"measure": "nDCG@1O"}, "no measure 'nDCG@1O', did you mean 'nDCG@10'"),
        ({"style": "papr"}, "no style 'papr', did you mean 'paper'"),
        ({"font_size": 12.0}, "from 5 to 10 points"),
    ],
)
def test_a_wish_that_cannot_be_met_is_said_and_nothing_is_written(results, asked, message):
    with pytest.raises(InputError, match=message):
        reports.draw("convergence", results, **asked)
    with pytest.raises(InputError, match=message):
        write_report(results, FigureOptions(**asked))
    assert not (results.folder / "report").exists()


def test_references_alone_are_no_figure(study):
    arms = [{"name": "margin-mse"}, {"name": "fails", "failed": (1, 2, 3)}]
    results = study(arms=arms)
    with pytest.raises(InputError, match="no final run"):
        reports.draw("convergence", results, arms="fails")
    assert not list(
        (write_report(results, FigureOptions(["fails"])).parent / "figures").glob("conv*")
    )
