"""The page in a browser: it sorts, filters, prints, fits, and does nothing else."""

import re
import shutil
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from reports.analysis import Analysis
from reports.page import Picture, render
from reports.tables import Table, all_tables
from reports.tables.base import Cell
from reports.writing import write_report
from tests.support.study_writer import Arm, Plan, Writer

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs a Chromium in PATH"),
    pytest.mark.filterwarnings("ignore:Glyph"),
]

HOSTILE = "<script>alert(1)</script>"
LONG = "arm-" + "x" * 296
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="330" height="220"><path d="M0 0h9v9"/></svg>'

# Each column rising, as it must stand after one click.
RISING = {
    "spread": ["−0.020", "0.101 ± 0.090", "0.345* ± 0.002", "0.4 [0.1, 0.9]", "–"],
    "bound": ["< 0.001", "≥ 3.2 [2.1, 4.9]", "> 8.1", "12", "∞"],
    "count": ["9", "85 (2 pruned)", "1,234", "1,234,567", ""],
    "amount": ["500", "1.2 k", "940 k", "22.7 M", "1.1 G"],
    "interval": ["[−0.3, 0.1]", "[+0.1, +0.2]", "[2.1, 4.9]", "[10, 11]", "–"],
    "power": ["−1e3", "2.8e-05", "3e−4", "0.01", "–"],
    "words": ["2 of a", "10 of a", "b", "c", "–"],
}
A4 = 794
"""The width of a sheet of paper in pixels."""

UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true; })"

ORDER = [3, 0, 4, 2, 1]
"""How the rows stand before."""


def _numbers() -> Table:
    columns = list(RISING.values())
    rows = [[Cell(f"row {at}"), *(Cell(column[at]) for column in columns)] for at in ORDER]
    return Table(
        name="claims",
        title="Numbers",
        note="",
        header=["arm", *RISING],
        align="l" + "r" * (len(columns) - 1) + "l",
        groups=[rows, [[Cell("other group"), *(Cell("0") for _ in columns)]]],
        data=pd.DataFrame(),
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Analysis:
    arms = [Arm("margin-mse"), Arm(HOSTILE, failed=(2,)), Arm(LONG), *map(Arm, "abcde")]
    return Writer(tmp_path_factory.mktemp("study"), replace(Plan(), arms=arms)).write()


@pytest.fixture(scope="module")
def address(results) -> str:
    """The page without its figures, and with a table of ours."""
    tables = [_numbers(), *all_tables(results)]
    path = results.folder / "page.html"
    path.write_text(render(results, tables, [Picture("f", "Results", "c", "a", SVG)]), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """Opens pages, and writes down what they should not do."""

    browser: object
    amiss: list

    def __call__(self, address, width=1280, **settings):
        viewport = {"width": width, "height": 900}
        page = self.browser.new_context(viewport=viewport, **settings).new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.amiss.append(message.text))
        page.on("pageerror", lambda error: self.amiss.append(str(error)))
        page.on("dialog", lambda dialog: (self.amiss.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self._requested(request.url, address))
        page.goto(address)
        return page

    def _requested(self, url, address):
        if url != address and not url.startswith("data:"):
            self.amiss.append(url)


@pytest.fixture
def opened(chromium):
    """``opened(address, width=…, color_scheme=…)``: a page that must not complain."""
    pages = Opened(chromium, [])
    yield pages
    for context in chromium.contexts:
        context.close()
    assert pages.amiss == []


def _table(page, name):
    return page.locator(f"table[aria-labelledby=table-{name}]")


def _column(table, at, group=0):
    cells = table.locator("tbody").nth(group).locator(f"tr > :nth-child({at + 1})")
    return cells.all_inner_texts()


def test_a_whole_report_opens_without_complaint(results, opened):
    page = opened(write_report(results).as_uri())
    broken = "images => images.filter(image => !image.naturalWidth).length"
    assert page.locator("figure img").count() >= 3
    assert page.locator("figure img").evaluate_all(broken) == 0
    assert page.locator("th[scope=row]", has_text=HOSTILE).count()


def test_what_gets_into_the_page_is_not_run(address, opened):
    page = opened(address)
    page.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
    }""")
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in opened.amiss.pop()


@pytest.mark.parametrize("name", RISING)
def test_a_click_sorts_numbers_as_they_are_printed(address, opened, name):
    page = opened(address)
    table, at = _table(page, "claims"), 1 + list(RISING).index(name)
    head, button = table.locator("thead th").nth(at), table.get_by_role("button", name=name)
    assert _column(table, at) == [RISING[name][row] for row in ORDER]
    button.click()
    assert _column(table, at) == RISING[name]
    assert head.get_attribute("aria-sort") == "ascending"
    button.click()
    known = [text for text in RISING[name] if text not in ("–", "")]
    assert _column(table, at) == [*reversed(known), *RISING[name][len(known) :]]
    assert head.get_attribute("aria-sort") == "descending"
    assert _column(table, 0, group=1) == ["other group"]


def test_the_keyboard_sorts_and_equal_rows_stay(address, opened):
    page = opened(address)
    table = _table(page, "runs")
    page.locator("summary", has_text="runs").press("Enter")
    for name, key in (("seed", "Space"), ("role", "Enter")):
        table.get_by_role("button", name=name, exact=True).press(key)
    rows = list(zip(_column(table, 1), map(int, filter(None, _column(table, 3))), strict=False))
    assert [role for role, _ in rows] == sorted(role for role, _ in rows)
    finals = [seed for role, seed in rows if role == "final"]
    assert finals == sorted(finals)
    assert len(set(finals)) > 1
    assert table.locator("th[aria-sort]").all_inner_texts() == ["role"]


def test_every_column_of_numbers_of_a_report_is_ordered(address, opened):
    page = opened(address)
    page.evaluate(UNFOLD)
    checked = 0
    for table in page.locator(".scroll table").all()[1:]:
        for head in table.locator("thead th.r").all():
            if not head.locator("button").count():
                continue
            head.locator("button").click()
            at = head.evaluate("head => head.cellIndex")
            for group in range(table.locator("tbody").count()):
                found = [_printed(text) for text in _column(table, at, group)]
                known = [number for number in found if number is not None]
                assert found == sorted(known) + [None] * (len(found) - len(known))
                checked += len(known) > 1
    assert checked > 30


def _printed(text):
    """The first number of a cell, read here without the page's own script."""
    plain = text.replace("−", "-").replace(",", "").replace("∞", "inf").lstrip("[≥≤<>~ ")
    first, prefix, *_ = [*re.split(r"[\s/*\]]+", plain), ""]
    if not re.search(r"\d|inf", first):
        return None
    return float(first) * {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(prefix, 1)


def test_a_filter_leaves_the_rows_that_have_all_words(address, opened):
    page = opened(address)
    block = page.locator("details", has=_table(page, "runs"))
    block.locator("summary").click()
    rows, count = block.locator("tbody tr"), block.locator("output")
    every = rows.count()
    assert count.inner_text() == f"{every} rows"
    block.get_by_role("searchbox", name="Filter rows").fill("TUNING margin-mse")
    shown = [row for row in rows.all() if row.is_visible()]
    assert count.inner_text() == f"{len(shown)} of {every} rows" == f"2 of {every} rows"
    assert all("margin-mse" in row.inner_text() and "tuning" in row.inner_text() for row in shown)
    block.get_by_role("searchbox").fill("no such thing")
    assert count.inner_text() == "No row matches."
    assert count.get_attribute("aria-live") == "polite"
    block.get_by_role("searchbox").fill("")
    assert all(row.is_visible() for row in rows.all())


def test_small_tables_have_no_filter(address, opened):
    page = opened(address)
    block = page.locator("div.table", has=_table(page, "environments"))
    assert block.get_by_role("searchbox").count() == 0
    assert block.get_by_role("button").count() == 0  # one row: nothing to sort


# The text of every element that has some, against the first ground behind it.
CONTRASTS = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = parts(colour).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const isText = node => node.nodeType === 3 && node.data.trim();
  const own = element => [...element.childNodes].some(isText);
  return [...document.body.querySelectorAll('*')].filter(own).map(element => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(address, opened, scheme):
    page = opened(address, color_scheme=scheme)
    page.evaluate(UNFOLD)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 200
    assert min(contrasts) >= 4.5
    assert _is_dark(page) == (scheme == "dark")


def _is_dark(page):
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return max(map(int, re.findall(r"\d+", ground))) < 128


def test_the_reader_chooses_a_dark_page_and_it_stays(address, opened):
    page = opened(address, color_scheme="light")
    button = page.get_by_role("button", name="Dark page")
    assert (button.get_attribute("aria-pressed"), _is_dark(page)) == ("false", False)
    button.click()
    assert (button.get_attribute("aria-pressed"), _is_dark(page)) == ("true", True)
    page.reload()
    assert (button.get_attribute("aria-pressed"), _is_dark(page)) == ("true", True)
    button.press("Enter")
    assert not _is_dark(page)
    page.emulate_media(color_scheme="dark")
    assert not _is_dark(page)


def test_a_page_that_may_store_nothing_can_be_dark_too(address, opened):
    page = opened(address)
    page.add_init_script("""for (const name of ['getItem', 'setItem'])
      Storage.prototype[name] = () => { throw new DOMException('denied', 'SecurityError'); };""")
    page.reload()
    page.get_by_role("button", name="Dark page").click()
    assert _is_dark(page)


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_but_tables_and_commands_scrolls_sideways(address, opened, width):
    page = opened(address, width=width)
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    blocks = page.locator("h1, h2, h3, p, ul, figure, nav, .filter, .scroll, pre")
    beyond = "(all, width) => all.filter(o => o.getBoundingClientRect().right > width + 1).length"
    assert blocks.evaluate_all(beyond, width) == 0


def test_print_shows_everything_and_no_buttons(address, opened):
    page = opened(address, width=A4, color_scheme="dark")
    page.get_by_role("searchbox").first.fill("no such thing")
    page.emulate_media(media="print")
    unseen = "all => all.filter(o => !o.checkVisibility() || !o.getBoundingClientRect().height)"
    assert page.locator("tbody td, tbody th").evaluate_all(f"{unseen}.length") == 0
    assert page.locator("details pre").last.is_visible()
    for control in ("header button", "input", "output", "nav"):
        assert not any(one.is_visible() for one in page.locator(control).all())
    assert not _is_dark(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= A4


def test_tab_leads_from_the_skip_link_through_the_page(address, opened):
    page = opened(address)
    focused = "(o => [o.textContent.trim(), o.matches(':focus-visible')])(document.activeElement)"
    order = []
    for _ in range(4):
        page.keyboard.press("Tab")
        order.append(page.evaluate(focused))
    expected = ["Skip to the page", "Dark page", "Results", "Reaching the baseline"]
    assert order == [[text, True] for text in expected]
    page.reload()
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.bounding_box()["width"] > 50
    skip.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_without_script_everything_can_be_read(address, opened):
    page = opened(address, java_script_enabled=False)
    assert page.locator("button, input").count() == 0
    assert page.locator(".answer").is_visible()
    assert _table(page, "results").locator("tbody tr").first.is_visible()
    page.locator("summary", has_text="runs").click()
    assert _table(page, "runs").locator("tbody tr").first.is_visible()
