"""Students beside their teacher: gaps and courses by hand, and ranks as scipy's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.results import ERRORS
from reports.analysis.teacher_agreement import AGREEMENT, COLLAPSE, geometry_table, theory_table
from reports.tables.geometry import geometry_tables
from tests.reports.results_builder import PRIMARY, Run, make

TEACHERS = {"t": 0.8, "other": 0.6}


def watched(runs, teachers=TEACHERS):
    """A study of arms as (teacher, [dev-curve ends], [query errors], [document errors]).

    A run's tested point is its second of three; what is watched there tells points apart.
    """
    results = make(
        {
            arm: [Run([0.1, end, 0.05], select=[0.1, 0.9, 0.2]) for end in given[1]]
            for arm, given in runs.items()
        }
    )
    summary = results.summary.copy()
    for at, name in enumerate(ERRORS, start=2):
        summary[name] = [value for given in runs.values() for value in given[at]]
    summary["retention_of"] = [given[0] for given in runs.values() for _ in given[1]]
    curves = results.curves.assign(
        **{
            "overlap@10": results.curves["point"] / 10,
            "kendall_tau": results.curves["point"] / -5,
            "mean_cosine": np.where(results.curves["point"] == 0, np.nan, results.curves["point"]),
            "mean_target": np.nan,
        }
    )
    reference = {"role": "reference", "trial": -1, "seed": 0, "point": 0}
    rows = [
        {**reference, "arm": name, PRIMARY: value, f"dev-select {PRIMARY}": value}
        for name, value in teachers.items()
    ]
    curves = pd.concat([curves, pd.DataFrame(rows)], ignore_index=True)
    return replace(results, summary=summary, curves=curves)


ARMS = {
    "a": ("t", [0.5, 0.6, 0.7], [0.1, 0.2, 0.3], [1.0, 1.0, 1.0]),
    "b": ("other", [0.4, 0.4, 0.4], [0.5, 0.5, 0.5], [0.0, 0.0, 0.0]),
    "c": (None, [0.3, 0.3, 0.3], [None] * 3, [None] * 3),
}


def test_gap_and_agreement_are_of_the_tested_point_and_the_arms_own_teacher():
    table = geometry_table(watched(ARMS)).set_index("arm")
    assert list(table.index) == ["a", "b", "c"]
    assert list(table["teacher"]) == ["t", "other", ""]
    assert list(table["seeds"]) == [3, 3, 3]
    row = table.loc["a"]
    expected = stats.t.interval(0.95, 2, 0.2, stats.sem([0.3, 0.2, 0.1]))
    assert row["gap"] == pytest.approx(0.8 - 0.6)
    assert (row["gap low"], row["gap high"]) == pytest.approx(expected)
    assert (row["query_error"], row["document_error"]) == pytest.approx((0.2, 1.0))
    assert (row["overlap@10"], row["kendall_tau"]) == pytest.approx((0.1, -0.2))
    assert table.loc["b", "gap"] == pytest.approx(0.2)


def test_the_course_is_from_before_the_first_point_to_before_the_last():
    row = geometry_table(watched(ARMS)).iloc[0]
    assert (row["mean_cosine first"], row["mean_cosine last"]) == (1.0, 2.0)
    assert np.isnan(row["mean_target last"])


def test_an_arm_without_a_teacher_has_its_course_and_no_gap():
    row = geometry_table(watched(ARMS)).set_index("arm").loc["c"]
    assert np.isnan(row[[*ERRORS, "gap", "gap low"]].astype(float)).all()
    assert row["mean_cosine last"] == 2.0


def test_a_teacher_that_was_not_measured_leaves_no_gap():
    table = geometry_table(watched(ARMS, teachers={"t": 0.8})).set_index("arm")
    assert np.isnan(table.loc["b", "gap"])
    assert table.loc["a", "gap"] == pytest.approx(0.2)


def test_records_of_older_versions_have_no_distances():
    results = watched(ARMS)
    old = replace(
        results,
        summary=results.summary.drop(columns=[*ERRORS, "retention_of"]),
        curves=results.curves.drop(columns=[*AGREEMENT, *COLLAPSE]),
    )
    table = geometry_table(old)
    assert list(table["teacher"]) == [""] * 3
    assert table.drop(columns=["arm", "teacher", "seeds"]).isna().all(axis=None)
    assert theory_table(old).empty
    assert geometry_tables(old) == []


def test_a_gap_alone_is_no_table_of_geometry():
    results = watched(ARMS)
    gaps = replace(
        results,
        summary=results.summary.drop(columns=list(ERRORS)),
        curves=results.curves.drop(columns=[*AGREEMENT, *COLLAPSE]),
    )
    assert geometry_table(gaps)["gap"].notna().any()
    assert geometry_tables(gaps) == []


def test_arms_without_a_finished_run_are_left_out():
    results = watched(ARMS)
    failed = results.summary["arm"] == "b"
    summary = results.summary.assign(status=np.where(failed, "failed", "done"))
    assert list(geometry_table(replace(results, summary=summary))["arm"]) == ["a", "c"]
    nobody = replace(results, summary=results.summary.assign(status="failed"))
    assert geometry_table(nobody).empty
    assert theory_table(nobody).empty
    assert geometry_tables(nobody) == []


def _many(count, teacher="t", seed=0, prefix="arm"):
    rng = np.random.default_rng(seed)
    return {
        f"{prefix} {at}": (teacher, *(list(rng.uniform(0.1, 0.7, 2)) for _ in range(3)))
        for at in range(count)
    }


def test_the_correlation_is_spearmans_over_the_means_of_arms():
    arms = _many(6)
    table = theory_table(watched(arms)).set_index("error")
    assert list(table.index) == [*ERRORS, "both"]
    gaps = [0.8 - np.mean(given[1]) for given in arms.values()]
    runs = [0.8 - end for given in arms.values() for end in given[1]]
    sides = {name: [given[at] for given in arms.values()] for at, name in enumerate(ERRORS, 2)}
    sides["both"] = list(np.add(*sides.values()))
    for name, values in sides.items():
        row = table.loc[name]
        expected = stats.spearmanr(np.mean(values, axis=1), gaps).statistic
        assert row["correlation"] == pytest.approx(expected)
        assert row["correlation of runs"] == pytest.approx(
            stats.spearmanr(np.ravel(values), runs).statistic
        )
        assert (row["teacher"], row["arms"], row["runs"]) == ("t", 6, 12)


def test_the_nearer_the_better_is_a_positive_correlation():
    arms = {f"{at}": ("t", [0.7 - at / 10], [at / 10], [0.0]) for at in range(5)}
    table = theory_table(watched(arms)).set_index("error")
    assert table.loc["query_error", "correlation"] == pytest.approx(1.0)
    assert table.loc["query_error", "p"] == pytest.approx(2 / 120)
    assert "document_error" not in table.index  # all the same: no order


def test_three_arms_say_nothing_and_teachers_are_not_mixed():
    arms = {**_many(3, "t"), **_many(4, "other", seed=1, prefix="else")}
    assert set(theory_table(watched(arms))["teacher"]) == {"other"}
    assert theory_table(watched(_many(3))).empty


def test_arms_without_vectors_of_the_teachers_width_are_left_out():
    arms = _many(6)
    arms["arm 0"] = (*arms["arm 0"][:2], [None, None], [None, None])
    assert set(theory_table(watched(arms))["arms"]) == {5}


def test_arms_without_a_teacher_are_no_teachers_arms():
    arms = {name: (None, *given[1:]) for name, given in _many(5).items()}
    assert theory_table(watched(arms)).empty


def test_both_tables_as_people_read_them():
    tables = {table.name: table for table in geometry_tables(watched({**_many(5), **ARMS}))}
    assert list(tables) == ["geometry", "theory"]
    cells = {row[0].text: [cell.text for cell in row] for row in tables["geometry"].groups[0]}
    half = stats.t.ppf(0.975, 2) * stats.sem([0.3, 0.2, 0.1])
    assert cells["a"][1:] == [
        *("t", "0.200", "1.000", "0.100", "−0.200"),
        *(f"+0.20 ± {half:.2f}", "1.00 → 2.00"),
    ]
    assert cells["c"][1:] == ["–", "–", "–", "0.100", "−0.200", "–", "1.00 → 2.00"]
    assert "target" not in tables["geometry"].header  # of no arm is it known
    rows = [[cell.text for cell in row] for row in tables["theory"].groups[0]]
    assert [row[:3] for row in rows] == [
        ["t", "queries", "6"],
        ["t", "documents", "6"],
        ["t", "both", "6"],
    ]
