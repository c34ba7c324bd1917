"""Differences to the baseline as cells, with numbers known by hand."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

import reports
from bench.errors import InputError
from reports.figures._cells import COLOURS
from reports.figures.options import FigureOptions
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make
from tests.support.study_writer import Arm, Plan, Writer

CURVE = (0.1, 0.5)
QUERIES = np.linspace(0.3, 0.65, 8)


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    levels = (0.6, 0.62, 0.5, 0.6)
    arms = [Arm(name, level) for name, level in zip(names, levels, strict=False)]
    return Writer(folder, Plan(arms=arms, baseline=names[0])).write()


def _runs(*shifts, unseen=0.0):
    """A run a shift, which every query of the first test has from `QUERIES`."""
    tests = [{"test": [*(QUERIES + at)], "test-later": [*(QUERIES + unseen)]} for at in shifts]
    return [Run(CURVE, test=test) for test in tests]


@pytest.fixture
def by_hand():
    """Better by 0.1 with every seed; as good on average, with seeds far apart; the second test the
    other way round."""
    return make(
        {
            "base": _runs(0.0, 0.0, 0.0),
            "better": _runs(0.1, 0.1, 0.1, unseen=-0.1),
            "unsure": _runs(-0.2, 0.0, 0.23),
        },
        tests=("test", "test-later"),
    )


def _data(results):
    return reports.figures.create("ablation").data(results)


def _cells(drawn):
    """Of each number with a cell its ground and its frame."""
    (axes,) = drawn.axes
    cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    found = {}
    for text in axes.texts:
        around = [cell for cell in cells if cell.get_bbox().contains(*text.get_position())]
        if around and text.get_text():
            found[text.get_text()] = (around[-1].get_facecolor(), around[-1].get_edgecolor())
    return found


def test_differences_and_what_is_tested_are_known_by_hand(by_hand):
    data = _data(by_hand)
    assert list(data["arm"]) == ["base", "base", "better", "unsure", "better", "unsure"]
    rows = data.set_index(["test", "arm"])
    assert rows.loc[("test", "base"), "value"] == pytest.approx(QUERIES.mean())
    differences = {"better": 0.1, "unsure": 0.01}
    assert rows.loc["test", "difference"].dropna().to_dict() == pytest.approx(differences)
    assert rows.loc["test-later", "difference"].dropna().to_dict() == pytest.approx(
        {"better": -0.1, "unsure": 0.0}
    )
    # All of 8 queries differ by one amount: 2 of 256 signs are as far off, for two arms twice that.
    assert rows.loc[("test", "better"), "p Holm"] == pytest.approx(4 / 256, abs=0.004)
    assert rows.loc["test-later", "p Holm"].isna().all()


def test_only_what_is_sure_is_filled_and_only_what_was_asked_is_marked(by_hand):
    cells = _cells(reports.draw("ablation", by_hand))
    white = (1.0, 1.0, 1.0, 1.0)
    assert cells["+0.100*"] == (COLOURS(1.0), COLOURS(1.0))
    assert cells["−0.100"] == (COLOURS(0.0), COLOURS(0.0))
    ground, frame = cells["+0.01"]  # its p is below 0.05, but 0 is in its interval over seeds
    assert ground == white
    assert frame == COLOURS(0.55)


def test_a_single_seed_fills_and_marks_nothing():
    results = make({"base": _runs(0.0), "better": _runs(0.1)})
    drawn = reports.draw("ablation", results)
    assert _cells(drawn)["+0.100"][0] == (1.0, 1.0, 1.0, 1.0)
    assert "no interval" in words(drawn)
    assert not any("*" in text or "p <" in text for text in words(drawn))


def test_small_differences_are_not_made_to_look_large():
    results = make({"base": _runs(0, 0, 0), "better": _runs(0.002, 0.002, 0.002)})
    assert _cells(reports.draw("ablation", results))["+0.002*"][0] == COLOURS(0.55)


def test_other_measures_are_compared_and_not_tested(study):
    results = study()
    data = _data(results)
    runs = results.summary.query("role == 'final' and status == 'done'")
    means = runs.groupby("arm")[["nDCG@10", "RR@10", "R@100"]].mean()
    gaps = means - means.loc["margin-mse"]
    for row in data[data["difference"].notna()].itertuples():
        assert row.difference == pytest.approx(gaps.loc[row.arm, row.measure])
    assert set(data.loc[data["p Holm"].notna(), "measure"]) == {"nDCG@10"}
    by_another = FigureOptions(measure="RR@10").with_measure(results)
    asked = _data(by_another)
    assert asked["measure"].iloc[0] == "RR@10"
    assert set(asked.loc[asked["p Holm"].notna(), "measure"]) == {"nDCG@10"}


def test_the_baseline_is_named_where_it_is_not_shown(study):
    said = words(reports.draw("ablation", study(), arms=["adaptive-margin"]))
    assert "difference to margin-mse" in said
    assert not any("(baseline)" in text for text in said)


def test_measures_without_room_are_in_the_data_alone(study):
    results = study()
    assert set(_data(results)["measure"]) == {"nDCG@10", "RR@10", "R@100"}
    measures = [f"P@{depth}" for depth in range(1, 9)]
    queries = results.queries.assign(**dict.fromkeys(measures, results.queries["RR@10"]))
    summary = results.summary.assign(**dict.fromkeys(measures, results.summary["RR@10"]))
    changed = results.study.model_copy(update={"measures": ["nDCG@10", *measures]})
    many = replace(results, study=changed, queries=queries, summary=summary)
    assert "P@8" in set(_data(many)["measure"])
    said = words(reports.draw("ablation", many))
    assert "nDCG@10" in said
    assert "P@8" not in said


def test_one_arm_alone_is_compared_with_nothing(study):
    with pytest.raises(InputError, match="can be compared"):
        reports.draw("ablation", study(arms=[{"name": "margin-mse"}]))


@pytest.mark.parametrize("share", np.linspace(0, 1, 11))
def test_black_can_be_read_on_every_colour(share):
    """WCAG 2.2, 1.4.3: a ratio of luminances of at least 4.5."""
    channels = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in to_rgb(COLOURS(share))
    ]
    red, green, blue = channels
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (luminance + 0.05) / 0.05 >= 4.5
