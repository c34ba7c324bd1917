"""Studies side by side: what is compared, what is warned of, what is written."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.errors import InputError
from reports.comparison.figures import Quality, SpeedUp
from reports.comparison.labels import label_studies, values_text
from reports.comparison.quality import compare_agreement, compare_differences, compare_quality
from reports.comparison.reaching import compare_reaching
from reports.comparison.setups import compare_setups, comparison_warnings
from reports.comparison_writing import write_comparison
from reports.figures.options import FigureOptions
from reports.style import alike, applied, looks
from tests.reports.figure_legibility import illegible, words
from tests.reports.page.test_page import Reader
from tests.reports.results_builder import Run, claiming, make
from tests.support.study_writer import Arm, Plan, Writer

ALONE = """
import sys
from pathlib import Path
import bench.results
from reports.comparison_writing import write_comparison
write_comparison([bench.results.load_results(folder) for folder in sys.argv[2:]], Path(sys.argv[1]))
for heavy in ("torch", "transformers", "matplotlib.pyplot"):
    assert heavy not in sys.modules, heavy
"""

SLOW, FAST = (0.2, 0.4, 0.6, 0.6, 0.6), (0.2, 0.6, 0.6, 0.6, 0.6)


def _study(name, arms, folder=None, **study):
    """Arms by their values of test queries, the same for three seeds: the first is the baseline."""
    runs = {arm: [Run(SLOW if at == 0 else FAST, test={"test": values})] * 3
            for at, (arm, values) in enumerate(arms.items())}  # fmt: skip
    results = make(runs)
    changed = results.study.model_copy(update={"name": name, **study})
    entries = dict.fromkeys(("loss", "teacher", "student", "sampler"), "x")
    summary = results.summary.assign(**entries, parameters=1)
    return replace(results, folder=folder or Path(name), study=changed, summary=summary)


@pytest.fixture
def two():
    """``a`` is better by 0.2 in one study and worse by 0.2 in the other; ``b`` is in one alone."""
    base = (0.5, 0.5, 0.5, 0.5)
    return label_studies([
        _study("one", {"base": base, "a": (0.7,) * 4, "b": (0.5,) * 4}),
        _study("two", {"base": base, "a": (0.3,) * 4}),
    ])  # fmt: skip


def _texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group]


def _drawn(forest, studies):
    return forest.beside(
        {label: FigureOptions().select(forest, of) for label, of in studies.items()}
    )


def test_labels_are_what_tells_all_studies_apart(tmp_path):
    one, two = (_study(name, {"base": (0.5,)}) for name in ("one", "two"))
    assert list(label_studies([one, two])) == ["one", "two"]
    other = _study("one", {"base": (0.5,)}, Path("elsewhere"), collection="scifact")
    assert list(label_studies([one, other])) == ["pydocs", "scifact"]
    seeds = [_study("one", {"base": (0.5,)}, tmp_path / where / "one") for where in "xy"]
    assert list(label_studies(seeds)) == ["x/one", "y/one"]
    inside = [_study("one", {"base": (0.5,)}, folder) for folder in (tmp_path, tmp_path / "in")]
    assert list(label_studies(inside)) == [tmp_path.name, f"{tmp_path.name}/in"]


def test_labels_that_print_alike_are_numbered(tmp_path):
    folders = [tmp_path / "a\tb", tmp_path / "a b"]
    same = [_study("one", {"base": (0.5,)}, folder) for folder in folders]
    assert list(label_studies(same)) == ["study 1", "study 2"]


def test_one_folder_twice_is_refused(tmp_path):
    study = _study("one", {"base": (0.5,)}, tmp_path)
    link = tmp_path.parent / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(InputError, match="given twice"):
        label_studies([study, replace(study, folder=link)])


def test_what_is_the_same_of_all_is_said_once():
    assert values_text({"a": "5", "b": "5"}) == "5"
    assert values_text({"a": "5", "b": "6", "c": "5"}) == "5 (a, c); 6 (b)"


def test_an_arm_has_one_look_in_all_studies(two):
    one = two["one"]
    other = _study("other", {"base": (0.5,), "b": (0.5,), "a": (0.5,)})  # in another order
    assert looks(one)["a"] == looks(other)["b"]
    with alike([one, other]):
        assert looks(one) == looks(other)
        assert len({look.colour for look in looks(one).values()}) == 3
    assert looks(one) != looks(other)


def test_quality_has_a_row_an_arm_and_a_column_a_study(two):
    table = compare_quality(two)
    assert table.header == ["arm", "one", "two"]
    rows = {row[0]: row[1:] for row in _texts(table)}
    assert list(rows) == ["base", "a", "b"]
    assert rows["b"][1] == "–"
    assert all("†" in text for text in rows["base"])
    bold = {(row[0].text, at) for row in table.groups[0] for at in (1, 2) if row[at].bold}
    assert bold == {("a", 1), ("base", 2)}
    data = table.data.set_index(["study", "arm"])
    assert data.loc[("two", "a"), "value"] == pytest.approx(0.3)
    assert next(iter(table.data)) == "study"


def test_differences_are_to_each_studys_own_baseline(two):
    data = compare_differences(two).data.set_index(["study", "arm"])
    assert data.loc[("one", "a"), "difference"] == pytest.approx(0.2)
    assert data.loc[("two", "a"), "difference"] == pytest.approx(-0.2)
    assert data.loc[("two", "a"), "losses"] == 4
    rows = _texts(compare_differences(two))
    assert [row[:3] for row in rows] == [["a", "one", "base"], ["a", "two", "base"],
                                         ["b", "one", "base"]]  # fmt: skip


def test_an_arm_of_several_studies_is_counted_by_its_intervals():
    def row(arm, low, high):
        return {"arm": arm, "low": low, "high": high}

    rows = [
        row("a", 0.1, 0.2),
        row("a", -0.2, -0.1),
        row("a", -0.1, 0.1),
        row("a", *[math.nan] * 2),
    ]
    (table,) = compare_agreement(pd.DataFrame([*rows, row("alone", 0.1, 0.2)]))
    assert _texts(table) == [["a", "4", "1", "1", "1", "1"]]
    assert table.header == ["arm", "studies", "better", "not told apart", "worse", "no interval"]
    assert compare_agreement(pd.DataFrame(rows[:1])) == []


def test_reaching_the_baseline_by_hand(two):
    table = compare_reaching(two)
    # The baseline is there after 200 examples and 20 s, the others after 100 and 10.
    assert [row[:4] for row in _texts(table)] == [
        ["a", "one", "3/3", "3/3"],
        ["a", "two", "3/3", "3/3"],
        ["b", "one", "3/3", "3/3"],
    ]
    shown = ["0.5 [0.5, 0.5]", "2 [2, 2]", "2 [2, 2]", "seeds"]
    assert all(row[4:] == shown for row in _texts(table))
    cold = table.data[table.data["quantity"] == "cold"]
    assert list(cold["ratio"]) == pytest.approx([2, 2, 2])


def test_what_never_gets_there_is_a_bound_or_said():
    late, cut = Run((0.2,) * 5), Run((0.2, 0.2))  # the baseline is there after 20 of their 40, 10 s
    arms = {"base": [Run(SLOW)] * 3, "late": [late] * 3, "cut": [cut] * 3}
    one = replace(make(arms), folder=Path("one"))
    rows = _texts(compare_reaching({"one": one}))
    assert rows[0][:6] == ["late", "one", "0/3", "3/3", "≥ 2 [2, 2]", "≤ 0.5 [0.5, 0.5]"]
    assert rows[1][:6] == ["cut", "one", "0/3", "3/3", "–", "–"]
    with applied():
        drawn = _drawn(SpeedUp(), {"one": one, "two": one})
    assert words(drawn).count("not within the budget") == 2


def test_a_claim_is_a_line_in_its_own_studys_panel_alone(two):
    claim = {"quantity": "cold-speed-up", "at_least": 3.0, "source": "a paper"}
    other = {"quantity": "tuned-speed-up", "at_least": 9.0}

    def lines(axes):
        return {line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]}

    with applied():
        plain = _drawn(SpeedUp(), two)
        claimed = _drawn(SpeedUp(), two | {"one": claiming(two["one"], claim, other)})
    assert [lines(axes) for axes in plain.axes] == [{1.0}, {1.0}]
    assert [lines(axes) for axes in claimed.axes] == [{1.0, 3.0}, {1.0}]
    assert claimed.axes[0].get_xlim()[1] > 3
    assert any("dotted: cold ≥ 3× (a paper)" in text for text in words(claimed))
    assert illegible(claimed) == []
    assert not any("dotted" in text for text in words(plain))


def test_set_ups_that_agree_are_not_warned_of(two):
    assert comparison_warnings(two) == []
    assert list(compare_setups(two).data["study"]) == ["one", "two"]


def test_what_differs_is_warned_of(two):
    other = two["two"].study
    budget = other.budget.model_copy(update={"examples": 800})
    changes = {"budget": budget, "primary": "RR@10", "measures": ["RR@10"]}
    study = other.model_copy(update=changes)
    summary = two["two"].summary.rename(columns={"nDCG@10": "RR@10"})
    summary = summary.assign(environment="device cpu × 8, machine arm64, torch 2.0")
    curves = two["two"].curves.rename(columns=lambda name: name.replace("nDCG@10", "RR@10"))
    queries = two["two"].queries.rename(columns={"nDCG@10": "RR@10"})
    second = replace(two["two"], study=study, summary=summary, curves=curves, queries=queries)
    first = two["one"]
    first = replace(
        first, summary=first.summary.assign(environment="device cpu × 2, machine x86_64, torch 2.1")
    )
    said = " ".join(comparison_warnings({"one": first, "two": second}))
    for part in (
        "differ in budget: 400 examples (one); 800 examples (two)",
        "differ in measure: nDCG@10 on test (one); RR@10 on test (two)",
        "differ in machine: device cpu × 2, machine x86_64 (one); device cpu × 8, machine arm64",
        "their seconds never compare",
        "different versions: torch 2.1 (one); torch 2.0 (two)",
    ):
        assert part in said


def _written(folder, arms, **plan):
    folder.mkdir(parents=True)
    return Writer(folder, Plan(arms=arms, baseline="margin-mse", trials=0, **plan)).write()


@pytest.fixture
def pair(tmp_path, hostile):
    """Two studies on disk that share the names of arms, one of them hostile."""
    first = _written(tmp_path / "x" / "s", [Arm("margin-mse", 0.62), Arm(hostile, 0.7)])
    arms = [Arm("margin-mse", 0.6), Arm(hostile, 0.5), Arm("y" * 300, 0.61)]
    return [first, _written(tmp_path / "y" / "s", arms, title="<img src=x>")]


@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no Chinese: boxes are drawn
@pytest.mark.slow
def test_the_report_is_whole_and_the_same_again(pair, tmp_path, hostile):
    out = tmp_path / "out"
    assert write_comparison(pair, out, FigureOptions()) == out / "index.html"
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    names = {path.relative_to(out).as_posix() for path in first}
    for name in ("quality", "speed-up"):
        assert {f"figures/{name}.{end}" for end in ("png", "svg", "pdf", "csv")} <= names
    assert {"figures/convergence-of-1.svg", "figures/convergence-of-2.csv"} <= names
    for name in ("quality", "differences", "agreement", "reaching", "set-ups"):
        assert {f"tables/{name}.csv", f"tables/{name}.tex"} <= names
        assert next(iter(pd.read_csv(out / "tables" / f"{name}.csv"))) in ("study", "arm")
    page = (out / "index.html").read_text("utf-8")
    assert hostile in Reader(page).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "x/s" in page
    write_comparison(pair, out)
    assert {path: path.read_bytes() for path in first} == first


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("style", ["paper", "slide"])
@pytest.mark.parametrize("forest", [Quality(), SpeedUp()], ids=["quality", "speed-up"])
def test_forests_can_be_read(forest, style, pair, hostile):
    known = label_studies(pair)
    with applied(style):
        drawn = _drawn(forest, known)
        assert illegible(drawn) == []
    said = words(drawn)
    assert any("".join(text.split()).startswith("<script>alert(1)</script>") for text in said)
    assert any(text.startswith("yyy") and text.endswith("…") for text in said)


@pytest.mark.slow
def test_no_torch_is_needed(pair, tmp_path):
    command = [sys.executable, "-c", ALONE, str(tmp_path / "out"), *(str(of.folder) for of in pair)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, check=True, env=environment)


@pytest.mark.slow
def test_a_page_leads_to_the_studies_own_reports(pair, tmp_path):
    own = pair[0].folder / "report"
    own.mkdir()
    (own / "index.html").touch()
    page = write_comparison(pair, tmp_path / "out").read_text("utf-8")
    assert 'href="../x/s/report/index.html"' in page
    assert 'href="../y/s' not in page


@pytest.mark.slow
def test_only_the_arms_that_are_asked_for_are_drawn(pair, tmp_path):
    write_comparison(pair, tmp_path / "out", FigureOptions(arms=["yyy*"]))
    figures = tmp_path / "out" / "figures"
    assert "y" * 300 in (figures / "quality.csv").read_text("utf-8")
    assert not list(figures.glob("convergence*"))  # one study alone has such an arm
    with pytest.raises(InputError, match="no arm 'zzz'"):
        write_comparison(pair, tmp_path / "out", FigureOptions(arms=["zzz"]))


def test_nothing_but_such_a_report_is_replaced(pair, tmp_path):
    with pytest.raises(InputError, match="something else"):
        write_comparison(pair, pair[0].folder)
    assert (pair[0].folder / "study.toml").is_file()
    with pytest.raises(InputError, match="own report"):
        write_comparison(pair, pair[0].folder / "report")


def test_studies_without_a_baseline_or_without_test_values(tmp_path):
    arms = [Arm("margin-mse", failed=(1, 2, 3)), Arm("a")]
    headless = _written(tmp_path / "x" / "s", arms)
    untested = _written(tmp_path / "y" / "s", [Arm("margin-mse"), Arm("a", 0.8)])
    nothing = untested.summary.assign(**{"nDCG@10": math.nan})
    untested = replace(untested, queries=untested.queries.iloc[:0], summary=nothing)
    known = label_studies([headless, untested])
    said = " ".join(comparison_warnings(known))
    assert "x/s: the baseline margin-mse has no finished run" in said
    assert "y/s: there are no test values by query" in said
    rows = {row[0]: row[1:] for row in _texts(compare_quality(known))}
    assert rows["margin-mse"] == ["–†", "–†"]
    assert rows["a"][0] != "–"
    assert rows["a"][1] == "–"
    assert compare_differences(known).data.empty
    ratios = {row[1]: row[2:] for row in _texts(compare_reaching(known))}
    assert ratios["x/s"] == ["–"] * 6
    assert ratios["y/s"][0] == "3/3"


@pytest.mark.parametrize("out", ["other", "one/report", "third/report"])
def test_only_a_report_of_several_studies_is_replaced(tmp_path, out):
    studies = []
    for name in ("one", "two", "third"):
        (tmp_path / name).mkdir()
        studies.append(Writer(tmp_path / name, Plan(trials=0)).write())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    (tmp_path / "third" / "report").mkdir()
    (tmp_path / "third" / "report" / "index.html").touch()
    with pytest.raises(InputError, match=r"something else here|own report is here"):
        write_comparison(studies[:2], tmp_path / out)
    assert (tmp_path / "other" / "mine.txt").exists()
    assert (tmp_path / "third" / "report" / "index.html").exists()
