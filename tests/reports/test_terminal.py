"""The closing table in a terminal."""

import io
import re

from rich.console import Console

from reports.analysis.arm_table import arm_table
from reports.formatting import mean, spread
from reports.terminal import closing_table


def _printed(results, width=140):
    printed = io.StringIO()
    Console(width=width, file=printed).print(closing_table(results))
    return printed.getvalue()


def test_the_closing_table_shows_arms_then_references(results):
    text = _printed(results)
    assert text.index("margin-mse (baseline)") < text.index("static-margin") < text.index("bm25")
    assert "2/3 (1 failed)" in text
    assert "test nDCG@10" in text


def test_names_are_no_markup(study):
    name = "[red]x[/red] [/] \\"
    assert name in _printed(study(arms=[{"name": "margin-mse"}, {"name": name}]))


def test_it_fits_a_narrow_terminal(results, study):
    assert max(map(len, _printed(results, width=80).splitlines())) <= 80
    lines = _printed(study(arms=[{"name": "margin-mse"}]), width=80).splitlines()
    assert any("margin-mse (baseline)" in line for line in lines)  # no name is broken


def test_means_have_the_digits_that_their_interval_leaves(results):
    row = arm_table(results).set_index("arm").loc["adaptive-margin"].to_dict()
    measured = f"{spread(row, 'nDCG@10')}  +{mean(row, 'dev nDCG@10')} "
    assert re.search(measured, _printed(results))
