"""What stands in the cells of the tables, by hand; and every table of a study that has them all."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tomli_w
from scipy import stats

from bench.results import ERRORS, PACE, load_results
from reports.analysis import Analysis
from reports.analysis.quality import quality_table
from reports.analysis.retention import retention_table
from reports.analysis.speed import speed_table
from reports.analysis.statistics import restricted
from reports.formatting import spanned
from reports.page import render
from reports.tables import Table, all_tables
from reports.tables.claims import claim_tables
from reports.tables.data import data_tables
from reports.tables.latex import to_latex
from reports.tables.quality import comparison_table
from reports.tables.retention import retained_table
from reports.tables.speed import reaching, speed_tables
from tests.reports.results_builder import Run, claiming, make

POINTS = 6


def crosses(point, **options):
    """A run that goes from 0.1 to 0.5, on every query, and is there at this point."""
    return Run([[0.1] * 5] * point + [[0.5] * 5] * (POINTS - point), **options)


def bare(point, **options):
    """The same without values by query."""
    return Run([0.1] * point + [0.5] * (POINTS - point), **options)


def never(**options):
    return crosses(POINTS, **options)


def texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group]


def bold(table, key=lambda row: row[:2]):
    """What of each row is bold, by its first cells: the titles of the columns."""
    rows = [row for group in table.groups for row in group]
    return {
        tuple(cell.text for cell in key(row)): [
            title for title, cell in zip(table.header, row, strict=True) if cell.bold
        ]
        for row in rows
    }


def cells(results, name, **options):
    """The rows of the first target, by arm."""
    table = {table.name: table for table in speed_tables(results)}[name]
    return {row[1]: row[2:] for row in texts(table)[: len(table.groups[0])]}


# -- to the target ---------------------------------------------------------------------------------


def test_what_getting_there_took_is_a_mean_with_its_interval():
    """After 300, 400 and 400 examples; 10 s a point, 5 s of artifacts before."""
    baseline = [crosses(point, bills=(("prepare", "x", 5.0),)) for point in (3, 4, 4)]
    half = stats.t.ppf(0.975, 2) * stats.sem([300, 400, 400])
    assert half == pytest.approx(143.42, abs=0.01)  # two digits: tens, of seconds whole ones
    row = cells(make({"b": baseline}), "to-target")["b (baseline)"]
    assert row == ["3/3", "370 [220, 510]", *["37 [22, 51]"] * 2, *["42 [27, 56]"] * 2]


def test_the_target_says_what_quality_it_is():
    results = make({"b": [bare(3)]}, targets=[0.99, 0.5], quality=0.25)
    (table,) = speed_tables(results)  # without another arm there is no ratio
    assert [row[0] for row in texts(table)] == [
        "99 % of the gain: 0.496",
        "50 % of the gain: 0.300",
        "0.25",
    ]
    assert len(table.groups) == 3
    assert "points are up to 100 examples apart" in table.note


def test_an_arm_that_never_got_there_has_used_more_than_its_least_budget():
    arms = {"b": [crosses(3)] * 3, "a": [never(), never(each=90, seconds=1000.0), never()]}
    row = cells(make(arms), "to-target")["a"]
    assert row == ["0/3", "> 450", "> 50", "> 50", "> 50", "> 50"]


def test_an_arm_that_sometimes_got_there_has_a_restricted_mean():
    arms = {"b": [crosses(3)] * 3, "a": [crosses(2), crosses(3), never()]}
    row = cells(make(arms), "to-target")["a"]
    values = restricted([200, 300, math.inf], 500)
    half = stats.t.ppf(0.975, 2) * stats.sem(values)
    assert half == pytest.approx(379.5, abs=0.1)
    # No run takes less than nothing: of the two sides 333 is the narrower one, and has two digits.
    assert row[:2] == ["2/3", "≥ 330 [0, 710]"]


def test_one_horizon_for_all_arms_but_for_those_that_always_got_there():
    """c ends first, after 250 examples: what a's runs took later than that is not compared."""
    arms = {"b": [crosses(4)] * 3, "a": [crosses(1), crosses(3), never()], "c": [never(each=50)]}
    table = reaching(make(arms)).set_index(["target", "arm"]).loc["99 % of the gain"]
    assert table.loc["a", "examples"] == pytest.approx((100 + 250 + 250) / 3)
    assert table.loc["a", "examples horizon"] == 250
    assert table.loc["b", "examples"] == 400
    assert math.isinf(table.loc["b", "examples horizon"])
    assert list(table["examples end"]) == [500, 500, 250]


def test_runs_that_patience_ended_are_marked():
    arms = {"b": [crosses(3)] * 2, "a": [crosses(2), crosses(2, stopped="patience")]}
    rows = cells(make(arms), "to-target")
    assert (rows["b (baseline)"][0], rows["a"][0]) == ("2/2", "2/2 †")
    assert rows["a"][1] == "200"


def test_where_the_baseline_gains_nothing_there_is_no_target_to_miss():
    results = make({"b": [Run([0.5, 0.4, 0.3])], "a": [Run([0.1, 0.5, 0.5])]}, quality=0.45)
    tables = {table.name: table for table in speed_tables(results)}
    assert cells(results, "to-target")["a"] == ["–"] * 6
    assert cells(results, "speed")["a"] == ["–"] * 6
    assert texts(tables["to-target"])[-2][:3] == ["0.45", "b (baseline)", "0/1"]
    assert texts(tables["to-target"])[-1][:4] == ["0.45", "a", "1/1", "100"]
    nothing = {table.name: table for table in speed_tables(make({"b": [Run([0.5, 0.4, 0.3])]}))}
    assert "The baseline gained nothing: there is no target" in nothing["to-target"].note


def test_a_decaying_schedule_has_no_tables_of_speed():
    assert speed_tables(make({"b": [crosses(3)], "a": [crosses(2)]}, schedule="cosine")) == []


# -- ratios ----------------------------------------------------------------------------------------


def test_ratios_have_the_interval_over_seeds_and_queries():
    results = make({"b": [crosses(p) for p in (4, 3, 4)], "a": [crosses(p) for p in (1, 2, 2)]})
    row = cells(results, "speed")["a"]
    data = speed_table(results)
    data = data[data["target"] == "99 % of the gain"].set_index("quantity")
    assert row[0] == "3/3"
    for text, (_, one) in zip(row[1:6], data.iterrows(), strict=True):
        assert text == spanned(one["ratio"], one["low"], one["high"])
    assert len(row) == 6  # nothing has to stand beside the intervals


def test_intervals_over_seeds_alone_are_said_to_be():
    results = make({"b": [bare(p) for p in (4, 3, 4)], "a": [bare(p) for p in (1, 2, 2)]})
    row = cells(results, "speed")["a"]
    one = speed_table(results).iloc[0]
    assert row[1] == spanned(one["ratio"], one["seeds low"], one["seeds high"])
    assert row[6] == "over seeds alone"


def test_censored_ratios_are_bounds_and_their_coverage_stands_beside_them():
    arms = {"b": [bare(2)] * 3, "a": [bare(3), bare(4), bare(5)], "c": [bare(5)] * 3}
    rows = cells(make(arms), "speed")
    assert rows["a"][0] == "2/3"
    assert rows["a"][1].startswith("≥ ")
    assert rows["a"][2].startswith("≤ ")
    assert rows["a"][6].startswith("over seeds alone, co")
    assert rows["c"][1].startswith("≥ 2.5")


def test_what_is_true_of_some_quantities_alone_names_them():
    """With its artifacts a is there later than b's censored run has ended; by examples earlier."""
    costly = [bare(point, bills=(("prepare", "x", 45.0),)) for point in (1, 2, 1)]
    row = cells(make({"b": [bare(3), bare(4), bare(5)], "a": costly}), "speed")["a"]
    assert row[1].startswith("≤ ")
    assert row[4].startswith("~ ")
    told = dict(part.split(": ") for part in row[6].split("; "))
    assert "cold, tuned" in told
    assert all(text.startswith("over seeds alone") for text in told.values())


# -- claims ----------------------------------------------------------------------------------------


def test_claims_stand_beside_what_was_measured():
    results = make({"b": [crosses(4)] * 3, "a": [crosses(1)] * 3, "c": [crosses(2)] * 3})
    speed = {"against": "c", "quantity": "train-speed-up"}
    claims = [
        {"says": "fast", "source": "s", "quantity": "convergence", "at_most": 0.3},
        {"says": "faster", **speed, "at_least": 2.5},
        {"says": "not much", **speed, "at_least": 1.5, "at_most": 3},
    ]
    assert claim_tables(results) == []
    (table,) = claim_tables(claiming(results, *claims, matching="all of it"))
    assert texts(table) == [
        ["fast (s)", "a", "convergence", "≤ 0.3", "0.25 [0.25, 0.25]", "supported"],
        ["faster", "a against c", "train-speed-up", "≥ 2.5", "2 [2, 2]", "not supported"],
        ["not much", "a against c", "train-speed-up", "1.5 to 3", "2 [2, 2]", "supported"],
    ]
    assert "declared to match the source's: all of it" in table.note
    assert "to 99 % of the gain of b" in table.note
    assert list(table.data["value"]) == pytest.approx([0.25, 2.0, 2.0])
    assert list(table.data["verdict"]) == ["supported", "not supported", "supported"]
    (table,) = claim_tables(claiming(results, *claims))
    assert [row[-1] for row in texts(table)] == [
        "none: the set-up is not declared to match the source's"
    ] * 3
    assert "is no verdict" in table.note


# -- data ------------------------------------------------------------------------------------------


def test_shares_and_fractions_by_hand():
    """a needs half the queries for what b has with all: 20 to 24 labels of 100."""

    def runs(ends, labels):
        pairs = zip(ends, labels, strict=True)
        return [Run([[0.1] * 5, [end] * 5], labels=used) for end, used in pairs]

    given = {
        0.25: {"b": runs([0.2] * 3, [25] * 3), "a": runs([0.3] * 3, [10, 11, 12])},
        0.5: {"b": runs([0.3] * 3, [50] * 3), "a": runs([0.6] * 3, [20, 22, 24])},
        1.0: {"b": runs([0.5] * 3, [100] * 3), "a": runs([0.6, 0.6, 0.1], [40, 44, 48])},
    }
    results = make(given[1.0], subsets={share: given[share] for share in (0.25, 0.5)})
    shares, fractions = data_tables(results)
    assert texts(shares)[:3] == [
        ["b (baseline)", "25.0", "3", "12", "25", "0.200 ± 0.000", "0.600 ± 0.000", ""],
        ["b (baseline)", "50.0", "3", "25", "50", "0.300 ± 0.000", "0.600 ± 0.000", ""],
        ["b (baseline)", "100.0", "3", "50", "100", "0.500 ± 0.000", "0.600 ± 0.000", ""],
    ]
    assert shares.header[-1] == "untrained"
    assert not any(bold(shares).values())  # all are alike on test
    assert texts(shares)[-1][-1] == "1"  # its best point was the start
    assert len(shares.groups) == 2
    (row,) = [row for row in texts(fractions) if row[:2] == ["99 % of the gain", "a"]]
    # The third seed is there with half of the queries alone: that may be luck.
    mean = (0.20 * 0.22 * 0.48) ** (1 / 3)
    assert row[2:4] == ["2/3", "50.0"]
    assert re.fullmatch(rf"≥ {mean:.2f} \[0\.\d\d, 0\.\d\d\]", row[4])
    assert not any(bold(fractions).values())  # a bound is no least
    (row,) = [row for row in texts(fractions) if row[:2] == ["99 % of the gain", "b (baseline)"]]
    assert row[2:] == ["0/3", "–", "–", "–"]


# -- against the baseline --------------------------------------------------------------------------


def test_the_comparison_shows_rounded_what_its_data_has():
    rng = np.random.default_rng(1)
    values = rng.uniform(0.2, 0.6, (3, 40))
    arms = {
        "b": [bare(3, test={"test": row}) for row in values],
        "a": [bare(3, test={"test": row - rng.uniform(0, 0.2, 40)}) for row in values],
    }
    table = comparison_table(quality_table(make(arms, margin=0.2)))
    ((test, arm, gap, both, between, p, size, counts, matches),) = texts(table)
    row = table.data.iloc[0]

    def bounds(over):
        return "[{:+.2f}, {:+.2f}]".format(row[f"{over}low"], row[f"{over}high"]).replace("-", "−")

    assert (test, arm, p) == ("test", "a", "< 0.001")
    assert 0.0355 < row["high"] - row["difference"] < 0.095  # one digit: hundredths
    assert gap == f"{row['difference']:+.2f}*".replace("-", "−")
    assert (both, between) == (bounds(""), bounds("queries "))
    assert size == f"{row['effect size']:+.2f}".replace("-", "−")
    assert counts == "0 / 0 / 40"
    assert matches == "yes"
    assert "above −0.2, the study's margin" in table.note


# -- the best --------------------------------------------------------------------------------------

ALL_BUT_ONE = "99 % of the gain"
QUICK, TARGET = ["examples", "train", "warm", "cold", "tuned"], "99 % of the gain: 0.496"
FASTER = ["examples", "train ×", "warm ×", "cold ×", "tuned ×"]


def _speed(arms):
    return {table.name: bold(table) for table in speed_tables(make(arms))}


def test_the_first_at_the_target_and_the_fastest_are_bold():
    arms = {"b": [bare(4)] * 3, "a": [bare(2)] * 3, "c": [bare(1), bare(1), never()]}
    tables = _speed(arms)
    assert tables["to-target"][TARGET, "a"] == QUICK  # c is not always there
    assert tables["to-target"][TARGET, "b (baseline)"] == []
    assert tables["to-target"][TARGET, "c"] == []
    # c's restricted mean is less than a's, but it takes at least that: a bound the wrong way.
    assert tables["speed"][TARGET, "a"] == FASTER
    assert tables["speed"][TARGET, "c"] == []


def test_an_arm_slower_than_the_baseline_is_not_the_fastest():
    tables = _speed({"b": [bare(1)] * 3, "a": [bare(3)] * 3, "c": [bare(2)] * 3})
    assert tables["to-target"][TARGET, "b (baseline)"] == QUICK
    assert not any(tables["speed"].values())


def test_a_bound_the_right_way_is_bold():
    """The baseline is censored: a is at least so much faster."""
    tables = _speed({"b": [bare(2), bare(2), Run([0.1, 0.1, 0.5])], "a": [bare(1)] * 3})
    assert tables["speed"][TARGET, "a"] == FASTER


def test_what_is_best_at_each_target_has_nothing_to_do_with_the_others():
    early, late = [0.1, 0.3, 0.3, 0.3, 0.5, 0.5, 0.5], [0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 0.5]
    baseline = [0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.5]
    arms = {"b": [Run(baseline)] * 3, "early": [Run(early)] * 3, "late": [Run(late)] * 3}
    results = make(arms, targets=[0.99, 0.4])
    rows = {table.name: bold(table) for table in speed_tables(results)}["to-target"]
    assert rows["99 % of the gain: 0.496", "late"] == QUICK
    assert rows["40 % of the gain: 0.260", "early"] == QUICK
    assert sum(map(bool, rows.values())) == 2


def test_the_best_of_a_share_and_the_least_fraction_are_bold():
    def runs(end, labels, test):
        return [Run([[0.1] * 5, [end] * 5], labels=labels, test={"test": [test]})] * 3

    given = {
        0.25: {"b": runs(0.2, 25, 0.2), "a": runs(0.6, 10, 0.3)},
        0.5: {"b": runs(0.3, 50, 0.4), "a": runs(0.6, 20, 0.3)},
        1.0: {"b": runs(0.5, 100, 0.5), "a": runs(0.6, 40, 0.5)},
    }
    results = make(given[1.0], subsets={share: given[share] for share in (0.25, 0.5)})
    shares, fractions = data_tables(results)
    assert [key for key, titles in bold(shares).items() if titles == ["test"]] == [
        ("b (baseline)", "50.0"),
        ("a", "25.0"),
    ]
    first = {key: titles for key, titles in bold(fractions).items() if key[0] == ALL_BUT_ONE}
    assert first == {
        (ALL_BUT_ONE, "b (baseline)"): [],
        (ALL_BUT_ONE, "a"): ["fraction of labels"],
    }


def test_the_most_kept_of_each_teacher_is_bold(results):
    table = retention_table(results)
    rows = bold(retained_table(results, table), key=lambda row: row[:1])
    most = table.loc[table["retention"].idxmax(), "arm"]
    assert {arm for (arm,), titles in rows.items() if titles} == {most}
    assert rows[most,] == ["% kept [over seeds]"]
    # With a teacher of its own it is compared with nobody.
    alone = table.assign(of=[f"teacher {at}" for at in range(len(table))])
    assert not any(bold(retained_table(results, alone), key=lambda row: row[:1]).values())


# -- significance ----------------------------------------------------------------------------------


def _marks(results):
    """The arms with a mark in the two tables that have one, and the notes."""
    tables = {table.name: table for table in all_tables(results)}
    measured = {row[0] for row in texts(tables["results"]) if "*" in row[2]}
    compared = {row[1] for row in texts(tables.get("comparison", _NONE)) if "*" in row[2]}
    return measured, compared, tables["results"].note


_NONE = Table("", "", "", [], "", [], pd.DataFrame())


LEVELS = [{"name": "b", "level": 0.6}, {"name": "worse", "level": 0.4}, {"name": "c"}]


def test_arms_that_differ_are_marked_in_both_tables(study):
    measured, compared, note = _marks(study(arms=LEVELS, baseline="b"))
    assert measured == compared == {"worse"}
    assert "* differs from the baseline with p < 0.05" in note


def test_of_one_seed_and_without_queries_nothing_is_marked(study):
    single = study(arms=LEVELS, baseline="b", seeds=[1])
    assert quality_table(single)["p Holm"].min() < 0.05
    assert _marks(single)[:2] == (set(), set())
    results = study(arms=LEVELS, baseline="b")
    unknown = replace(results, queries=results.queries.iloc[:0])
    assert _marks(unknown)[:2] == (set(), set())
    assert "*" not in _marks(unknown)[2]


# -- all of it -------------------------------------------------------------------------------------

COMMAS = "margin-mse, fine-tuned"
SHARES = (0.5, 1.0)


def _whole(study, hostile, title="Margins"):
    """On disk: a study with shares, claims, a sweep, distances and values by query."""
    names = [COMMAS, hostile, *(f"margin {at}" for at in (1, 2, 3)), "other"]
    results = study(
        arms=[
            {"name": name, "level": 0.7 - at / 50, "artifacts": {"tokens 1": 3.0 + at}}
            for at, name in enumerate(names)
        ],
        baseline=COMMAS,
        trials=0,
        title=title,
    )
    folder = results.folder
    rng = np.random.default_rng(3)
    summary, curves = results.summary.copy(), results.curves.copy()
    final = summary["role"] == "final"
    loss = {name: f"static-margin(margin={name[-1]})" for name in names if "margin " in name}
    summary["loss"] = summary["arm"].map(loss).where(final).fillna("infonce")
    for at, name in enumerate((*ERRORS, *PACE, "train_queries", "labels")):
        summary[name] = np.where(final, rng.uniform(1, 1.05, len(summary)) * 10**at, np.nan)
    for name in ("overlap@10", "kendall_tau", "mean_cosine", "mean_target"):
        curves[name] = rng.uniform(-1, 1, len(curves))
    for run in summary[final].itertuples():
        where = folder / "runs" / run.run
        points = curves[(curves["arm"] == run.arm) & (curves["role"] == "final")]
        rows = [
            {"point": point.point, "query": f"d{at}", "nDCG@10": point[-1] + noise}
            for point in points[points["seed"] == run.seed][["point", "nDCG@10"]].itertuples()
            for at, noise in enumerate((-0.1, 0.0, 0.1))
        ]
        pd.DataFrame(rows).to_parquet(where / "dev.parquet", index=False)
        shutil.copytree(where, folder / "runs" / f"{run.run}-half")
    tables = {"summary": summary, "curves": curves, "ledger": results.ledger}
    for name, table in tables.items():
        own = table[table["role"] != "reference"].assign(train_share=SHARES[0])
        if name == "summary":
            own["run"] += "-half"
        every = pd.concat([table.assign(train_share=1.0), own])
        every.to_csv(folder / f"{name}.csv", index=False)
    values = json.loads(results.study.model_dump_json(exclude_none=True))
    values["train_shares"] = list(SHARES)
    values["comparison"] = {"margin": 0.02, "quality": 0.6, "matching": "<b>all</b> of it"}
    values["claims"] = [
        {"says": f"<i>{quantity}</i>", "arm": hostile, "quantity": quantity, "at_most": 0.5}
        for quantity in ("data-fraction", "convergence", "cold-speed-up", "retention")
    ]
    (folder / "study.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    return Analysis.of(load_results(folder))


THEMES = [
    *("claims", "results", "comparison", "to-target", "speed", "data-shares", "data-fraction"),
    *("retention", "margins", "sweeps", "bands", "geometry", "theory", "arms"),
    *("charges", "costs", "artifacts"),
]


@pytest.fixture
def whole(study, hostile):
    return _whole(study, hostile)


def test_every_table_is_rectangular_renders_and_hides_no_name(whole, hostile):
    tables = all_tables(whole)
    assert [table.name for table in tables] == THEMES
    page = render(whole, tables, [])
    assert "<script>alert" not in page
    assert "<i>" not in page
    assert "<b>" not in page
    for table in tables:
        assert len(table.header) == len(table.align)
        assert {len(row) for row in texts(table)} == {len(table.header)}
        assert len(table.data) >= len(texts(table))
        assert f'id="table-{table.name}"' in page
        assert all(text.isprintable() for row in texts(table) for text in row)
        assert not any(re.search(r"\bnan\b|None", text) for row in texts(table) for text in row)
        lines = to_latex(table).split("\\toprule\n")[1].split("\\bottomrule")[0].splitlines()
        rows = [line for line in lines if line != "\\midrule"]
        assert len(rows) == len(texts(table)) + 1
        for row in rows:
            assert row.endswith(" \\\\")
            assert len(re.findall(r"(?<!\\)&", row)) == len(table.header) - 1
    of_arms = {table.name for table in tables} - {"theory", "margins", "sweeps"}
    for table in tables:
        if table.name in of_arms:
            assert any(hostile in text for row in texts(table) for text in row), table.name


AGAIN = """
import sys
import bench.results, reports
reports.write_report(bench.results.load_results(sys.argv[1]))
for heavy in ("torch", "transformers", "optuna", "mlflow", "matplotlib.pyplot"):
    assert heavy not in sys.modules, heavy
"""


@pytest.mark.slow
def test_the_whole_report_is_written_without_torch(whole):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", AGAIN, str(whole.folder)]
    subprocess.run(command, check=True, env=environment)
    folder = whole.folder / "report"
    assert {path.stem for path in (folder / "tables").iterdir()} == set(THEMES)
    for table in all_tables(whole):
        written = pd.read_csv(folder / "tables" / f"{table.name}.csv")
        assert list(written) == list(table.data)
        assert len(written) == len(table.data)
    page = (folder / "index.html").read_text("utf-8")
    assert f"“{COMMAS}”" in page
    for heading in ("Claims", "Reaching the baseline", "Sensitivity", "Students and teachers"):
        assert f">{heading}</h" in page
