"""The closing table in a terminal."""

import io

from rich.console import Console

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
