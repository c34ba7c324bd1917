"""Retention: numbers by hand, intervals against scipy, and a figure that tells them."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import reports
from bench.errors import InputError
from bench.results import SIZES, SPEEDS
from reports.analysis.retention import front, retention_table, seeds_interval
from reports.drawing.axes import side_by_side
from reports.formatting import amount, percent, percents
from reports.tables import all_tables
from reports.writing import write_report

INTERVALS = ["seeds low", "seeds high", "queries low", "queries high"]


@pytest.fixture
def kept(study):
    """``kept(teacher, arm=[a seed's values, …])``: a study with these values of its queries."""

    def make(teacher, **students):
        seeds = range(1, len(next(iter(students.values()))) + 1)
        arms = [{"name": name} for name in students]
        results = study(arms=arms, seeds=list(seeds), trials=0, baseline=next(iter(students)))
        runs = [
            ("final", arm, seed, values)
            for arm, rows in students.items()
            for seed, values in zip(seeds, rows, strict=True)
        ]
        summary, tables = results.summary, []
        for role, arm, seed, values in [("reference", "teacher", 0, teacher), *runs]:
            run = (summary["role"] == role) & (summary["arm"] == arm) & (summary["seed"] == seed)
            summary.loc[run, "nDCG@10"] = np.mean(values)
            if role == "final":
                summary.loc[run, "retention"] = np.mean(values) / np.mean(teacher)
            names = [f"q{number}" for number in range(len(values))]
            table = pd.DataFrame({"part": "test", "query": names, "nDCG@10": values})
            tables.append(table.assign(role=role, arm=arm, seed=seed))
        # Another order of the queries: they are told by their names.
        queries = pd.concat([tables[0], *(table[::-1] for table in tables[1:])])
        return replace(results, queries=queries)

    return make


def _row(results, arm):
    return retention_table(results).set_index("arm").loc[arm]


def test_numbers_by_hand(kept):
    row = _row(kept([0.8, 0.4], a=[[0.6, 0.3], [0.5, 0.4], [0.6, 0.0]]), "a")
    assert (row["of"], row["student"], row["seeds"]) == ("teacher", "s", 3)
    assert row["quality"] == pytest.approx(0.4)
    assert row["teacher quality"] == pytest.approx(0.6)
    assert row["retention"] == pytest.approx(0.4 / 0.6)
    # Two queries have three resamples; an extreme one is a quarter of all.
    expected = [(1.7 / 3) / 0.8, (0.7 / 3) / 0.4]
    assert sorted(row[["queries low", "queries high"]]) == pytest.approx(sorted(expected))
    assert row["share"] == pytest.approx(22 / 110)
    assert row["speed-up"] == pytest.approx(110 / 22)
    assert (row["size"], row["teacher size"]) == (22e6, 110e6)
    assert row["query_flops"] == pytest.approx(22e7)


def test_interval_over_queries_is_scipys_paired_bootstrap(kept):
    rng = np.random.default_rng(3)
    teacher = rng.beta(4, 2, 60)
    seeds = [np.clip(teacher * 0.9 + rng.normal(0, 0.1, 60), 0, 1) for _ in range(3)]
    row = _row(kept(teacher, a=seeds, b=seeds[::-1]), "a")
    expected = stats.bootstrap(
        (np.mean(seeds, axis=0), teacher),
        lambda ours, theirs, axis: ours.mean(axis) / theirs.mean(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        rng=np.random.default_rng(4),
    )
    # The error of a percentile of 10,000 resamples is about 0.03 of the deviation.
    tolerance = 0.15 * expected.standard_error
    bounds = expected.confidence_interval
    assert row["queries low"] == pytest.approx(bounds.low, abs=tolerance)
    assert row["queries high"] == pytest.approx(bounds.high, abs=tolerance)


def test_interval_over_seeds_is_students_t_of_logs():
    ratios = [0.91, 0.88, 0.95, 0.9]
    logs = np.log(ratios)
    bounds = stats.t.interval(0.95, 3, logs.mean(), stats.sem(logs))
    assert seeds_interval(ratios) == pytest.approx(tuple(np.exp(bounds)))


@pytest.mark.parametrize("ratios", [[0.9], [0.9, 0.8], [0.9, 0.8, 0.0]])
def test_few_seeds_or_one_that_kept_nothing_have_no_interval_over_seeds(ratios):
    assert all(map(math.isnan, seeds_interval(ratios)))


def test_a_student_equal_to_its_teacher_keeps_everything_for_certain(kept):
    values = np.random.default_rng(0).random(50)
    row = _row(kept(values, a=[values] * 3), "a")
    assert row["retention"] == 1
    assert list(row[INTERVALS]) == pytest.approx([1, 1, 1, 1], abs=1e-12)


def test_resamples_in_which_the_teacher_finds_nothing_have_no_ratio(kept):
    row = _row(kept([1.0, 0.0, 0.0], a=[[0.5, 0.0, 0.0]]), "a")
    assert list(row[["queries low", "queries high"]]) == [0.5, 0.5]


def test_a_failed_seed_is_left_out(results):
    table = retention_table(results).set_index("arm")
    assert list(table["seeds"]) == [3, 3, 2]
    done = results.summary.query("role == 'final' and arm == 'static-margin' and seed != 3")
    row = table.loc["static-margin"]
    assert row["retention"] == pytest.approx(done["retention"].mean())
    assert row["retention"] == pytest.approx(row["quality"] / row["teacher quality"])
    assert math.isnan(row["seeds low"])
    assert row["queries low"] < row["retention"] < row["queries high"]
    (rows,) = next(table for table in all_tables(results) if table.name == "retention").groups
    assert [cell.text for cell in rows[2][1:3]] == ["teacher", "2"]
    assert rows[2][3].text == percent(row["retention"])  # no interval over two seeds
    assert rows[2][4].text == percents(*row[["retention", "queries low", "queries high"]])


def test_arms_of_a_teacher_that_was_not_measured_are_left_out(results):
    mine = results.summary["arm"] == "adaptive-margin"
    results.summary.loc[mine, ["retention", "retention_of"]] = np.nan
    assert list(retention_table(results)["arm"]) == ["margin-mse", "static-margin"]


NEW = ["retention", "retention_of", *SIZES[1:], *SPEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("missing", [NEW, ["retention", "retention_of"]])
def test_a_study_without_retention_has_neither_table_nor_figure(results, missing):
    older = replace(results, summary=results.summary.drop(columns=missing))
    assert retention_table(older).empty
    with pytest.raises(InputError, match="has a retention"):
        reports.draw("retention", older)
    page = write_report(older)
    assert "Retention" not in page.read_text("utf-8")
    assert not list(page.parent.rglob("retention.*"))


def test_what_encodes_a_query_may_be_unknown(results):
    teacher = results.summary["arm"] == "teacher"
    results.summary.loc[teacher, ["query_parameters", "query_seconds"]] = np.nan
    row = _row(results, "margin-mse")
    assert row["share"] == pytest.approx(22 / 110)
    assert math.isnan(row["speed-up"])


@pytest.mark.parametrize("arms", [(), ("teacher", "static-margin")])
def test_a_copy_without_the_runs_folders_has_no_interval_over_queries(results, arms):
    queries = results.queries[results.queries["arm"].isin(arms)]
    copy = replace(results, queries=queries if arms else queries[["run", "arm", "role"]])
    row = _row(copy, "margin-mse")
    assert row[INTERVALS].isna().tolist() == [False, False, True, True]
    drawn = reports.draw("retention", copy)
    assert drawn.axes


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 0.5), (2, 0.7), (3, 0.6), (4, 0.9)], [True, True, False, True]),
        ([(1, 0.5), (1, 0.6), (2, 0.6)], [False, True, False]),  # as small, as good
        ([(1, 0.5), (1, 0.5)], [True, True]),  # neither beats its like
        ([(3, 0.2)], [True]),
    ],
)
def test_the_front(points, expected):
    sizes, retentions = np.array(points).T
    assert front(sizes, retentions).tolist() == expected


def test_each_teachers_arms_have_a_front_of_their_own(study):
    names = {"a": 0.6, "b": 0.7, "c": 0.5}
    results = study(arms=[{"name": n, "level": q} for n, q in names.items()], baseline="a")
    assert retention_table(results)["front"].tolist() == [False, True, False]
    results.summary.loc[results.summary["arm"] == "c", "retention_of"] = "untrained"
    results.summary.loc[results.summary["arm"] == "untrained", "parameters"] = 33_000_000
    results = replace(results)  # changed tables: another analysis
    assert retention_table(results)["front"].tolist() == [False, True, True]
    drawn = reports.draw("retention", results)
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()][3:] == ["teacher", "untrained"]


def test_a_front_for_what_is_spent_on_a_query(study):
    """Sizes, FLOPs and seconds each order the arms in a way of their own."""
    results = study(arms=[{"name": name, "level": 0.6} for name in ("margin-mse", "b", "c")])
    arm = results.summary["arm"]
    kept = arm.map({"margin-mse": 0.9, "b": 0.8, "c": 0.7})
    flops = arm.map({"margin-mse": 3.0, "b": 1.0, "c": 2.0})
    seconds = arm.map({"margin-mse": 1.0, "b": 2.0, "c": np.nan})
    results.summary["retention"] = kept
    results.summary["query_flops"] = flops
    results.summary["query_seconds"] = seconds
    table = retention_table(results)
    assert table["front"].tolist() == [True, False, False]  # of equal sizes the best alone
    assert table["front by FLOPs"].tolist() == [True, True, False]
    assert table["front by latency"].tolist() == [True, False, False]


def test_the_figure_shows_every_arm_and_its_description_the_numbers(study):
    name = 'asymmetric(queries="narrow") + embed-distill'
    arms = [{"name": "margin-mse"}, {"name": name, "parameters": 2_270_000}]
    results = study(arms=arms)
    figure = reports.figures.create("retention")
    data = figure.data(results)
    row = retention_table(results).set_index("arm").loc[name]
    low, high = (f"{100 * row[f'queries {end}']:.1f}" for end in ("low", "high"))
    told = f"{name} {100 * row['retention']:.1f} [{low}, {high}] % with 2.27 M parameters"
    assert told in figure.alt(results, data)
    assert "teacher 100.0 % with 110 M parameters" in figure.alt(results, data)
    (axes,) = reports.draw("retention", results).axes
    points = [line for line in axes.lines if line.get_marker() != "None"]
    shown = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in points)
    expected = sorted(zip(data["size"], data["retention"], strict=True))
    assert np.allclose(shown, expected)
    assert "teacher" in {text.get_text() for text in axes.texts}


def test_points_of_like_size_stand_side_by_side():
    sizes = np.array([22e6, 22e6, 1e6, 22.1e6, 110e6])
    places = side_by_side(sizes)
    assert places[[2, 4]] == pytest.approx([1e6, 110e6])
    steps = np.diff(np.log(places[[0, 1, 3]]))
    assert steps == pytest.approx([steps[0]] * 2)
    assert steps[0] > 0.1
    assert places[[0, 1, 3]].prod() == pytest.approx(sizes[[0, 1, 3]].prod())


@pytest.mark.parametrize(
    ("value", "text"),
    [(22_713_216, "22.7 M"), (999_999, "1 M"), (850, "850"), (1.5e9, "1.5 G"), (math.nan, "–")],
)
def test_amounts(value, text):
    assert amount(value) == text
