"""What a student keeps of its teacher: by any measure, with both intervals."""

from dataclasses import replace

import numpy as np
import pytest

import reports
from reports.analysis.retention import retention_table
from reports.figures import create
from reports.figures.options import FigureOptions
from tests.support.study_writer import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


def test_another_measure_is_divided_by_the_teachers_of_it(results):
    shown = FigureOptions(measure="RR@10").with_measure(results)
    table = retention_table(shown).set_index("arm")
    summary = results.summary.set_index(["role", "arm"])
    kept = summary.loc[("final", "adaptive-margin"), "RR@10"].mean()
    theirs = summary.loc[("reference", "teacher"), "RR@10"].item()
    row = table.loc["adaptive-margin"]
    assert (row["quality"], row["teacher quality"]) == pytest.approx((kept, theirs))
    assert row["retention"] == pytest.approx(kept / theirs)
    assert row["queries low"] < row["retention"] < row["queries high"]
    assert row["seeds low"] < row["retention"] < row["seeds high"]
    assert row["retention"] != retention_table(results).set_index("arm").loc[row.name, "retention"]
    (axes,) = reports.draw("retention", results, measure="RR@10").axes
    assert axes.get_ylabel() == "retention of RR@10 on test"


def test_the_measure_that_chose_has_the_summarys_retention_bit_for_bit(results):
    again = replace(FigureOptions(measure="RR@10").with_measure(results), chosen_by="RR@10")
    for measured, name in ((results, "nDCG@10"), (again, "RR@10")):
        summary = results.summary.set_index("arm")
        by_hand = summary[name] / summary.loc["teacher", name]
        finals = results.summary["role"] == "final"
        results.summary.loc[finals, "retention"] = by_hand[finals.to_numpy()].to_numpy()
        same = FigureOptions(measure=name).with_measure(replace(results, chosen_by="R@100"))
        assert retention_table(same).equals(retention_table(measured))


def test_where_the_teacher_finds_nothing_there_is_none(results):
    results.summary.loc[results.summary["arm"] == "teacher", "RR@10"] = 0.0
    assert retention_table(FigureOptions(measure="RR@10").with_measure(results)).empty
    assert not retention_table(results).empty


def test_both_intervals_are_drawn_and_sizes_stand_at_the_foot(tmp_path):
    results = case(tmp_path, ("margin-mse", "b", "c"))
    table = create("retention").data(results).query("role == 'final'")
    (axes,) = reports.draw("retention", results).axes
    bars = [line for line in axes.lines if len(set(line.get_xdata())) == 1 < len(line.get_xdata())]
    spans = [bar.get_ydata() for bar in bars]
    ends = ["seeds low", "seeds high"], ["queries low", "queries high"]
    expected = [row[list(pair)].tolist() for _, row in table.iterrows() for pair in ends]
    assert np.allclose(spans, expected)
    broad, thin = (bar.get_linewidth() for bar in bars[:2])
    assert broad > 3 * thin
    (ticks,) = axes.collections
    assert [segment[0][0] for segment in ticks.get_segments()] == pytest.approx(list(table["size"]))
