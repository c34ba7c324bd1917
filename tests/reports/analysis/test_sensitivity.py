"""A swept option: which arms are a sweep, and answers that are known by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.study.schema import parse_study
from reports.analysis import Analysis
from reports.analysis.sensitivity import (
    bands_table,
    sensitivity_table,
    sweeps_table,
    transfer_table,
)
from reports.analysis.sweeps import told_apart
from reports.tables.latex import to_latex
from reports.tables.margins import margin_tables

STATIC_MARGIN = {"margin": 0.5, "error": "l2", "in_batch": False, "alignment": "released"}
SPREAD = (-0.01, 0.0, 0.02)
TABLES = (sensitivity_table, sweeps_table, bands_table, transfer_table)


def _arm(loss, test, select, *, name="", student="small", spread=SPREAD, tests=(), **options):
    """An arm with a mean of each measure and how its seeds lie about it."""
    about = np.asarray(spread) - np.mean(spread)
    return {
        "name": name or f"{loss} + {student}",
        "entries": {"loss": loss, "teacher": "none", "student": student, "sampler": "uniform"},
        "tests": {"nDCG@10": test + about, **{key: mean + about for key, mean in tests}},
        "select": select + about / 2,
        "options": options,
    }


def _sweep(tests, selects, **others):
    """Margins 0.1, 0.2, … with these means."""
    return [
        _arm(f"static-margin(margin={margin / 10})", test, select, **others)
        for margin, (test, select) in enumerate(zip(tests, selects, strict=True), 1)
    ]


def _results(folder, arms, status="done", **study):
    """A study of these arms, without what no table here reads."""
    runs, points = [], []
    for arm in arms:
        for at, select in enumerate(arm["select"]):
            label = {"arm": arm["name"], "role": "final", "trial": 0, "seed": at + 1}
            tests = {key: values[at] for key, values in arm["tests"].items()}
            runs.append({**label, **arm["entries"], **arm["options"], "status": status, **tests})
            for point, below in enumerate((0.2, 0.0, 0.1)):
                value = {"dev-select nDCG@10": select - below, "nDCG@10": 0.5}
                points.append({**label, "point": point, **value})
    first = ["arm", "role", "trial", "seed", "loss", "teacher", "student", "sampler", "status"]
    options = list(dict.fromkeys(key for arm in arms for key in arm["options"]))
    tests = list(dict.fromkeys(key for arm in arms for key in arm["tests"]))
    summary = pd.DataFrame(runs).assign(examples=100)
    values = {
        **{"name": "m", "title": "M", "collection": "pydocs", "budget": {"examples": 100}},
        **{"seeds": [1, 2, 3], "baseline": arms[0]["name"], "measures": ["nDCG@10"]},
        **{"arms": [{"name": arm["name"], "loss": "infonce"} for arm in arms], **study},
    }
    return Analysis(
        folder=folder,
        study=parse_study(values, "test"),
        summary=summary[[*first, *options, "examples", *tests]],
        curves=pd.DataFrame(points),
        ledger=pd.DataFrame(),
        queries=pd.DataFrame(),
        loss_defaults={"static-margin": STATIC_MARGIN},
    )


@pytest.fixture
def make(tmp_path):
    return lambda arms, **changes: _results(tmp_path, arms, **changes)


@pytest.fixture
def two_students(make):
    """The small student prefers 0.1 on dev-select and 0.3 on test; the large one 0.3 on both."""
    arms = [
        *_sweep([0.60, 0.50, 0.64], [0.70, 0.65, 0.69]),
        *_sweep([0.50, 0.60, 0.70], [0.60, 0.70, 0.80], student="large", spread=(0.0, 0.01, 0.05)),
        _arm("adaptive-margin", 0.62, 0.9),
        _arm("adaptive-margin", 0.55, 0.9, student="large"),
    ]
    return make(arms)


def _texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group]


def _welch(ours, theirs):
    test = stats.ttest_ind(ours["nDCG@10"], theirs["nDCG@10"], equal_var=False)
    return tuple(test.confidence_interval())


def _runs(results, arm):
    return results.summary[results.summary["arm"] == arm]


def test_the_choice_is_dev_selects_and_regret_is_what_test_says_of_it(two_students):
    table = sensitivity_table(two_students)
    assert list(table["sweep"].unique()) == [
        "static-margin(margin=…) + small",
        "static-margin(margin=…) + large",
    ]
    assert set(table["option"]) == {"margin"}
    small, large = (table[table["student"] == student] for student in ("small", "large"))
    assert list(small["value"]) == [0.1, 0.2, 0.3]
    assert list(small["seeds"]) == [3, 3, 3]
    assert list(small["chosen"]) == [True, False, False]
    assert list(large["chosen"]) == [False, False, True]
    assert list(small["dev-select"]) == pytest.approx([0.70, 0.65, 0.69])
    assert list(small["nDCG@10"]) == pytest.approx([0.60, 0.50, 0.64])
    assert list(small["regret"]) == pytest.approx([0.0, 0.10, -0.04])
    assert list(small["hindsight regret"]) == pytest.approx([0.04, 0.14, 0.0])
    assert list(large["regret"]) == pytest.approx([0.2, 0.1, 0.0])


def test_intervals_are_students_and_welchs(two_students):
    row = sensitivity_table(two_students).set_index("arm").loc["static-margin(margin=0.2) + small"]
    ours = _runs(two_students, "static-margin(margin=0.1) + small")
    theirs = _runs(two_students, row.name)
    values = theirs["nDCG@10"]
    bounds = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    assert tuple(row[["nDCG@10 low", "nDCG@10 high"]]) == pytest.approx(bounds)
    assert tuple(row[["regret low", "regret high"]]) == pytest.approx(_welch(ours, theirs))


def test_the_chosen_value_has_no_regret_and_no_interval_of_it(two_students):
    table = sensitivity_table(two_students)
    chosen = table[table["chosen"]]
    assert (chosen["regret"] == 0).all()
    assert chosen[["regret low", "regret high"]].isna().all(axis=None)


def test_a_sweep_in_a_row(two_students):
    row = sweeps_table(two_students).iloc[0]
    assert (row["values"], row["chosen"], row["test"]) == (3, 0.1, "nDCG@10")
    assert (row["best"], row["worst"]) == (0.3, 0.2)
    numbers = row[["at chosen", "at best", "at worst", "hindsight regret"]]
    assert list(numbers) == pytest.approx([0.60, 0.64, 0.50, 0.04])
    assert row["mean regret"] == pytest.approx(0.60 - (0.60 + 0.50 + 0.64) / 3)
    assert row["worst regret"] == pytest.approx(0.10)


def test_bands_compare_with_the_sweep_of_the_same_student(two_students):
    table = bands_table(two_students)
    assert list(table["arm"]) == ["adaptive-margin + small", "adaptive-margin + large"]
    small, large = table.to_dict("records")
    assert small["difference"] == pytest.approx(0.02)
    assert large["difference"] == pytest.approx(0.55 - 0.70)
    assert (small["beats"], large["beats"], small["values"]) == (2, 1, 3)
    expected = _welch(
        _runs(two_students, "adaptive-margin + large"),
        _runs(two_students, "static-margin(margin=0.3) + large"),
    )
    assert (large["difference low"], large["difference high"]) == pytest.approx(expected)


def test_as_good_is_not_beaten_whatever_the_order_of_the_seeds(make):
    # 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 to the last digit.
    spread = np.array([0.1, 0.2, 0.3])
    sweep = _sweep([0.2] * 3, [0.2, 0.2, 0.1])
    for arm, order in zip(sweep, (slice(None, None, -1), slice(None), slice(None)), strict=True):
        arm["tests"]["nDCG@10"] = spread[order]
    sweep[0]["select"], sweep[1]["select"] = spread[::-1], spread
    other = _arm("adaptive-margin", 0.2, 0.2)
    other["tests"]["nDCG@10"] = spread
    results = make([*sweep, other])
    assert spread.mean() != spread[::-1].mean() or sum(spread) != sum(spread[::-1])
    assert bands_table(results)["beats"].item() == 0
    assert sweeps_table(results)[["chosen", "best", "worst"]].iloc[0].tolist() == [0.1] * 3


@pytest.mark.parametrize("order", [1, -1])
def test_ties_go_to_the_smaller_value_in_any_order_of_the_arms(make, order):
    table = sensitivity_table(make(_sweep([0.5, 0.6, 0.7], [0.6, 0.8, 0.8])[::order]))
    assert list(table["value"]) == [0.1, 0.2, 0.3]
    assert list(table["chosen"]) == [False, True, False]


def test_a_value_chosen_with_another_student(two_students):
    table = transfer_table(two_students)
    assert list(zip(table["from"], table["to"], strict=True)) == [
        ("small", "large"),
        ("large", "small"),
    ]
    assert set(table["sweep"]) == {"static-margin(margin=…)"}
    there, back = table.to_dict("records")
    assert (there["from's choice"], there["own choice"]) == (0.1, 0.3)
    assert (there["at from's choice"], there["at own choice"]) == pytest.approx((0.5, 0.7))
    assert there["regret"] == pytest.approx(0.2)
    assert back["regret"] == pytest.approx(0.60 - 0.64)
    expected = _welch(
        _runs(two_students, "static-margin(margin=0.3) + large"),
        _runs(two_students, "static-margin(margin=0.1) + large"),
    )
    assert (there["regret low"], there["regret high"]) == pytest.approx(expected)


def test_where_both_choose_the_same_nothing_is_lost_or_unsure(make):
    sweeps = [_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7], student=name) for name in ("a", "b")]
    table = transfer_table(make([*sweeps[0], *sweeps[1]]))
    assert list(table["regret"]) == [0.0, 0.0]
    assert table[["regret low", "regret high"]].isna().all(axis=None)


def test_other_values_do_not_transfer(make):
    one, other = (_sweep([0.5] * 4, [0.5] * 4, student=name) for name in ("a", "b"))
    assert transfer_table(make([*one, *other[:3]])).empty
    assert len(transfer_table(make([*one[:3], *other[:3]]))) == 2


def test_only_the_student_may_differ_where_a_value_transfers(make):
    plain = [arm for name in ("a", "b") for arm in _sweep([0.5] * 3, [0.5] * 3, student=name)]
    batch = [
        _arm(arm["entries"]["loss"][:-1] + ", in_batch=true)", 0.5, 0.5, student=student)
        for arm in plain
        if (student := arm["entries"]["student"])
    ]
    table = transfer_table(make([*plain, *batch]))
    assert list(table["sweep"].value_counts()) == [2, 2]
    assert (table["from"] != table["to"]).all()


def test_each_test_has_its_own_best(make):
    fiqa = [[("nDCG@10 (fiqa)", mean)] for mean in (0.3, 0.2, 0.1)]
    arms = _sweep([0.5, 0.6, 0.7], [0.5, 0.8, 0.6])
    for arm, extra in zip(arms, fiqa, strict=True):
        arm["tests"] |= {key: mean + np.asarray(SPREAD) - 0.01 / 3 for key, mean in extra}
    results = make(arms, test_collections={"fiqa": "pydocs"})
    table = sweeps_table(results).set_index("test")
    assert list(table.index) == ["nDCG@10", "nDCG@10 (fiqa)"]
    assert list(table["chosen"]) == [0.2, 0.2]
    assert list(table["best"]) == [0.3, 0.1]
    assert list(table["hindsight regret"]) == pytest.approx([0.1, 0.1])
    assert list(sensitivity_table(results)["nDCG@10 (fiqa)"]) == pytest.approx([0.3, 0.2, 0.1])
    assert len(margin_tables(results)[1].data) == 2


def test_a_value_left_out_is_the_default(make):
    arms = _sweep([0.5, 0.6], [0.5, 0.6])
    table = sensitivity_table(make([*arms, _arm("static-margin", 0.7, 0.9)]))
    assert list(table["value"]) == [0.1, 0.2, 0.5]
    assert list(table["chosen"]) == [False, False, True]


def test_another_option_at_its_default_is_the_same_written_or_not(make):
    arms = _sweep([0.5, 0.6], [0.5, 0.6])
    third = _arm('static-margin(margin=0.4, error="l2")', 0.7, 0.9)
    table = sensitivity_table(make([*arms, third]))
    assert len(table) == 3
    assert set(table["sweep"]) == {"static-margin(margin=…)"}


def test_a_loss_that_is_not_installed_is_told_by_what_is_written(make):
    arms = [_arm(f"theirs(k={k})", 0.5, 0.5) for k in (1, 2, 3)]
    table = sensitivity_table(make([*arms, _arm("theirs", 0.9, 0.9)]))
    assert list(table["value"]) == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"entries": {"sampler": "listwise(negatives=3)"}},
        {"entries": {"teacher": "bi-encoder"}},
        {"entries": {"student": "other"}},
        {"entries": {"loss": "static-margin(margin=0.3, in_batch=true)"}},
        {"entries": {"loss": "triplet(margin=0.3)"}},
        {"options": {"training.batch_size": 64}},
        {"options": {"loss.margin": 0.3}},
    ],
)
def test_an_arm_that_differs_in_more_is_in_no_sweep(make, change):
    arms = _sweep([0.5] * 4, [0.5] * 4)
    for part, values in change.items():
        arms[2][part] |= values
    table = sensitivity_table(make(arms))
    assert list(table["value"]) == [0.1, 0.2, 0.4]


def test_an_arm_that_says_what_the_study_says_differs_in_nothing(make):
    arms = _sweep([0.5] * 3, [0.5] * 3)
    arms[1]["options"] |= {"training.batch_size": 32}
    assert len(sensitivity_table(make(arms, training={"batch_size": 32}))) == 3
    assert sensitivity_table(make(arms, training={"batch_size": 16})).empty


def test_what_was_tuned_beside_the_option_does_not_tell_arms_apart(make):
    arms = _sweep([0.5] * 3, [0.5] * 3)
    for arm, rate in zip(arms, (1e-4, 2e-4, 3e-4), strict=True):
        arm["options"] |= {"training.learning_rate": rate}
    assert sensitivity_table(make(arms)).empty
    tuning = {"trials": 2, "space": {"learning_rate": {"low": 1e-5, "high": 1e-3}}}
    assert len(sensitivity_table(make(arms, tuning=tuning))) == 3


def test_a_grid_of_two_options_is_a_sweep_of_each(make):
    arms = [
        _arm(f"gram-match(gram={gram}, order={order})", 0.5, 0.5)
        for gram in (1.0, 2.0, 3.0)
        for order in (4.0, 5.0, 6.0)
    ]
    table = sweeps_table(make(arms))
    assert list(table["values"]) == [3] * 6
    assert table["sweep"].is_unique
    assert set(table["option"]) == {"gram", "order"}
    assert "gram-match(gram=…, order=4.0)" in set(table["sweep"])


@pytest.mark.parametrize(
    "arms",
    [
        _sweep([0.5, 0.6], [0.5, 0.6]),
        [_arm(f"infonce(negatives={at!r})", 0.5, 0.5) for at in ("both", "batch", "triples")],
        [_arm(f"x(flag={at})", 0.5, 0.5) for at in ("true", "2", "3")],
        [_arm("not ( an entry", 0.5, 0.5)],
    ],
)
def test_no_sweep_no_rows(make, arms):
    results = make(arms)
    assert margin_tables(results) == []
    for table in TABLES:
        assert table(results).empty
        assert len(table(results).columns) > 9


def test_a_tuned_study_has_no_sweep(results):
    assert margin_tables(results) == []


def test_runs_that_failed_are_nothing(make):
    assert sensitivity_table(make(_sweep([0.5] * 3, [0.5] * 3), status="failed")).empty


def test_an_arm_without_a_done_run_leaves_the_others(make):
    results = make(_sweep([0.5] * 4, [0.5] * 4))
    results.summary.loc[results.summary["arm"].str.contains("0.3"), "status"] = "failed"
    assert list(sensitivity_table(results)["value"]) == [0.1, 0.2, 0.4]


def test_two_seeds_have_means_and_no_intervals(make):
    spread = (-0.01, 0.01)
    sweeps = [
        *_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7], spread=spread),
        *_sweep([0.5, 0.6, 0.7], [0.7, 0.8, 0.9], spread=spread, student="b"),
    ]
    results = make([*sweeps, _arm("adaptive-margin", 0.65, 0.5, spread=spread)], seeds=[1, 2])
    for table in (function(results) for function in TABLES):
        bounds = [column for column in table.columns if column.endswith((" low", " high"))]
        assert len(table)
        assert table[bounds].isna().all(axis=None)
    assert list(sensitivity_table(results)["regret"])[:3] == pytest.approx([0, -0.1, -0.2])
    tables = margin_tables(results)
    assert not any("±" in text for table in tables for row in _texts(table) for text in row)


def test_without_dev_select_nothing_is_chosen(make):
    results = make([*_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7]), _arm("adaptive-margin", 0.6, 0.6)])
    del results.curves["dev-select nDCG@10"]
    table = sensitivity_table(results)
    assert not table["chosen"].any()
    assert table["regret"].isna().all()
    assert list(table["hindsight regret"]) == pytest.approx([0.2, 0.1, 0.0])
    assert bands_table(results)["difference"].isna().all()
    texts = {table.name: _texts(table) for table in margin_tables(results)}
    assert texts["sweeps"][0][2:4] == ["–", "–"]


def test_seeds_that_no_training_made_better_are_counted(make):
    results = make([*_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7]), _arm("infonce", 0.5, 0.5)])
    curves = results.curves
    worse = curves["arm"].str.contains("0.3") & (curves["point"] == 0) & (curves["seed"] < 3)
    worse |= (curves["arm"] == "infonce + small") & (curves["point"] == 0)
    curves.loc[worse, "dev-select nDCG@10"] = 0.95
    assert list(sensitivity_table(results)["untrained"]) == [0, 0, 2]
    assert [row[2] for row in _texts(margin_tables(results)[0])] == ["3", "3", "3 (2 untrained)"]
    assert bands_table(results)["untrained"].item() == 3


def test_tables_as_people_read_them(two_students):
    tables = {table.name: table for table in margin_tables(two_students)}
    assert list(tables) == ["margins", "sweeps", "bands", "transfer"]
    for table in tables.values():
        assert len(table.header) == len(table.align)
        assert all(len(row) == len(table.header) for row in _texts(table))
        assert len(_texts(table)) == len(table.data)
        assert len(table.groups) == (1 if table.name == "transfer" else 2)
        assert "nothing was chosen" in table.note
    first, second, third = tables["margins"].groups[0]
    assert [row[1].bold for row in (first, second, third)] == [True, False, False]
    assert [cell.text for cell in first][1:4] == ["0.1", "3", "0.700"]
    assert [cell.text for cell in first][-2:] == ["0", "0.040"]
    assert third[-2].text.startswith("−0.040 ± 0.")
    assert _texts(tables["bands"])[0][-1] == "2 of 3"
    assert _texts(tables["transfer"])[0][:5] == [
        *("static-margin(margin=…)", "small", "large", "0.1", "0.3")
    ]
    assert "oracle" in tables["margins"].note
    assert "oracle" in tables["sweeps"].note


def test_hostile_names_stay_names(make, hostile):
    arms = [
        *_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7], student="<script>"),
        *_sweep([0.5, 0.6, 0.7], [0.9, 0.8, 0.7], student="a\x1b[31m\nb"),
        _arm("adaptive-margin", 0.6, 0.6, name=hostile, student="<script>"),
        _arm("adaptive-margin", 0.6, 0.6, name="<script>", student="<script>"),
    ]
    tables = margin_tables(make(arms))
    bands = {table.name: _texts(table) for table in tables}["bands"]
    assert [row[1] for row in bands] == [hostile, "<script>"]
    assert all(text.isprintable() for table in tables for row in _texts(table) for text in row)
    assert not any("<script>" in to_latex(table) for table in tables)


def test_students_are_told_apart_by_what_they_differ_in():
    texts = [f'p(model="{name}", length=20)' for name in ("a", "b")]
    assert [told_apart(text, texts) for text in texts] == ['p(model="a")', 'p(model="b")']
    assert told_apart("s(length=3)", ["s(length=3)", *texts]) == "s"
