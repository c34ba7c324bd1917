"""Tables as people read them, and as LaTeX."""

import re

import pytest

from reports.tables import all_tables
from reports.tables.latex import escape, to_latex


@pytest.fixture
def tables(results):
    return {table.name: table for table in all_tables(results)}


def _texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group]


def test_results_show_intervals_ranges_and_what_failed(tables):
    rows = {row[0]: row for row in _texts(tables["results"])}
    assert re.fullmatch(r"0\.(\d+) ± 0\.(\d+)", rows["margin-mse (baseline)"][2])
    assert re.fullmatch(r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]", rows["static-margin"][2])
    assert rows["static-margin"][1] == "2/3 (1 failed)"
    assert re.fullmatch(r"0\.\d{3}", rows["bm25"][2])
    assert rows["margin-mse (baseline)"][3] == "–"
    assert re.fullmatch(r"−0\.(\d{2,3}) ± 0\.(\d{2,3})", rows["adaptive-margin"][3])
    assert re.fullmatch(r"−0\.\d{3}", rows["static-margin"][3])


def test_tuning_shows_what_was_tried_and_what_it_took(study):
    arms = [{"name": "margin-mse", "margin": 0.3}, {"name": "b", "tuned": False}]
    results = study(arms=arms, trials=3, nuisance=False)
    last = results.summary.index[results.summary["role"] == "tuning"][-1]
    results.summary.loc[last, "status"] = "failed"
    ours = {table.name: table for table in all_tables(results)}["tuning"]
    tuned, untuned = _texts(ours)
    assert tuned[:2] == ["margin-mse", "3 (1 failed)"]
    assert tuned[-1] == "margin=0.3"
    assert untuned[:4] == ["b", "0", "0", "–"]
    assert untuned[5:] == ["0.0", "–", "–"]


def test_untuned_studies_have_no_table_of_tuning(study):
    assert "tuning" not in {table.name for table in all_tables(study(trials=0))}


def test_the_best_arm_is_bold_and_no_reference_is(tables):
    arms, references = tables["results"].groups
    data = tables["results"].data
    best = data[data["role"] == "final"]["nDCG@10"].idxmax()
    assert [row[2].bold for row in arms] == [index == best for index in range(3)]
    assert not any(cell.bold for row in references for cell in row)


def test_every_table_is_rectangular_and_holds_its_data(tables):
    for table in tables.values():
        assert len(table.header) == len(table.align)
        for row in _texts(table):
            assert len(row) == len(table.header)
        assert len(table.data) % len(_texts(table)) == 0  # that of speed has a row a clock


def test_latex_rows_have_a_cell_for_each_column(study, hostile):
    for table in all_tables(study(arms=[{"name": "margin-mse"}, {"name": hostile}])):
        latex = to_latex(table)
        body = latex.split("\\toprule\n")[1].split("\\bottomrule")[0]
        for line in body.splitlines():
            if line == "\\midrule":
                continue
            assert line.endswith(" \\\\")
            assert len(re.findall(r"(?<!\\)&", line)) == len(table.header) - 1
            plain = re.sub(r"\\[{}]", "", line)
            assert plain.count("{") == plain.count("}")


def test_latex_holds_nothing_that_its_fonts_lack(study, hostile):
    """But for what a name holds: pdflatex stops at the first such letter."""
    for table in all_tables(study(title="plain")):
        assert to_latex(table).isascii(), table.name
    assert escape("≥ ≤ ± − × ÷ → ‖ρ‖ τ † ∞ – … “x” 95 %").isascii()


def test_latex_escapes_whatever_means_something():
    assert escape("a_b & 50% $x$ #1 {~^}") == (
        r"a\_b \& 50\% \$x\$ \#1 \{\textasciitilde{}\textasciicircum{}\}"
    )
    assert escape("[x] ± <1> −2\\") == (
        r"{[}x{]} $\pm$ \textless{}1\textgreater{} $-$2\textbackslash{}"
    )


def test_arms_may_be_named_like_numbers(study):
    arms = [{"name": "1"}, {"name": "0.50", "level": 0.7}]
    tables = {table.name: table for table in all_tables(study(arms=arms, baseline="1"))}
    assert [row[0] for row in _texts(tables["results"])][:2] == ["1 (baseline)", "0.50"]
    assert [row[1] for row in _texts(tables["comparison"])] == ["0.50"]


def test_the_note_of_a_latex_table_stands_below_it_in_the_line(tables):
    for table in tables.values():
        latex = to_latex(table)
        head, below = latex.split("\\end{tabular}\n")
        assert head.startswith(f"% {table.title}\n\\begin{{tabular}}{{{table.align}}}\n")
        (note,) = re.findall(
            r"^\\parbox\{\\linewidth\}\{\\footnotesize\\raggedright (.*)\}$", below, re.M
        )
        assert note == escape(table.note)
        assert "%" not in re.sub(r"\\%", "", note)  # a comment would swallow the brace
        assert note.count("{") == note.count("}")


def test_latex_makes_no_dash_of_hyphens_and_no_star_of_a_name():
    assert escape("a--b---c") == "a-{}-b-{}-{}-c"
    assert escape("*a") == "{*}a"  # a row that begins with one would lose it to \\


def test_notes_are_short(study):
    for table in all_tables(study()):
        assert len(table.note) <= 560, table.name


def test_columns_that_say_nothing_are_left_out(tables):
    assert "matches" not in tables["comparison"].header  # the study states no margin
    assert "lost to kills" not in tables["costs"].header
    assert set(tables["costs"].data) > {"wasted", "train"}  # the data has them


def test_one_arm_alone_is_not_the_best(study):
    (table,) = [
        one for one in all_tables(study(arms=[{"name": "margin-mse"}])) if one.name == "results"
    ]
    assert not any(cell.bold for group in table.groups for row in group for cell in row)
