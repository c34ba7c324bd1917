"""Tables as Markdown, as a renderer that is not ours shows them."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.formatting import plain
from reports.tables import all_tables
from reports.tables.base import Cell, Table
from reports.tables.markdown import escape, to_markdown

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class _Page(HTMLParser):
    """The cells of a page's table, what of them is bold, and its paragraphs."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.bold, self.sides, self.paragraphs = [], [], [], []
        self.tags, self.into = set(), None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.into = self.rows[-1]
            if tag == "th":
                self.sides.append(dict(attributes)["style"].removeprefix("text-align:"))
        elif tag == "p":
            self.paragraphs.append("")
            self.into = self.paragraphs
        elif tag == "strong":
            self.bold.append((len(self.rows), len(self.rows[-1]) if self.rows else 0))

    def handle_endtag(self, tag):
        if tag in ("td", "th", "p"):
            self.into = None

    def handle_data(self, text):
        if self.into is not None:
            self.into[-1] += text


def _page(table):
    return _Page(RENDERER.render(to_markdown(table)))


def _table(*rows, header=("arm", "nDCG@10"), title="Title", note="A note."):
    return Table("t", title, note, header, "l" + "r" * (len(header) - 1), [rows], pd.DataFrame())


def test_a_table_by_hand():
    table = _table([Cell("a_b"), Cell("0.5 ± 0.1", bold=True)], [Cell("c | d"), Cell("")])
    assert to_markdown(table) == (
        "**Title**\n\n"
        "| arm | nDCG@10 |\n"
        "| :--- | ---: |\n"
        "| a\\_b | **0.5 ± 0.1** |\n"
        "| c \\| d |  |\n\n"
        "A note.\n"
    )
    page = _page(table)
    assert page.rows == [["arm", "nDCG@10"], ["a_b", "0.5 ± 0.1"], ["c | d", ""]]
    assert page.bold == [(0, 0), (2, 2)]
    assert page.sides == ["left", "right"]
    assert page.paragraphs == ["Title", "A note."]


def test_lines_are_joined():
    assert escape("a\nb\r\nc") == "a b c"


TAGS = {"p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
texts = st.text(
    st.sampled_from("\\`*_{}[]<>()#+-.!|~&$=:;\"'/@^%ab1 é±") | st.characters(codec="utf-8"),
    max_size=30,
).map(plain)


@given(st.lists(texts, min_size=2, max_size=2), st.booleans(), texts)
def test_whatever_it_holds_is_shown_as_it_is(row, bold, heading):
    table = _table([Cell(row[0]), Cell(row[1], bold and bool(row[1]))], header=("arm", heading))
    page = _page(table)
    assert page.rows == [["arm", heading], row]
    assert page.tags <= TAGS
    assert ((2, 2) in page.bold) == (bold and bool(row[1]))


@pytest.mark.parametrize(
    "text", ["**x**", "<b>x</b>", "[a](b)", "a|b", "`a`", "&lt;", "\\|", "~~x~~"]
)
def test_notes_and_titles_too(text):
    page = _page(_table([Cell("a"), Cell("b")], title=text, note=f"Of {text}."))
    assert page.paragraphs == [text, f"Of {text}."]
    assert page.tags <= TAGS


def test_every_table_of_a_study_reads_as_it_is(study, hostile):
    for table in all_tables(study(arms=[{"name": "margin-mse"}, {"name": hostile}])):
        page = _page(table)
        rows = [row for group in table.groups for row in group]
        assert page.rows == [list(table.header), *([cell.text for cell in row] for row in rows)]
        assert page.paragraphs == [table.title, table.note]
        assert page.tags <= TAGS
        assert len(page.bold) == 1 + sum(cell.bold for row in rows for cell in row)
        assert not re.search(r"(?<!\\)<", to_markdown(table))
