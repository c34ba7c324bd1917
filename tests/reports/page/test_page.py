"""The page: complete, honest, self-contained, and nothing in it is what data made of it."""

import base64
import hashlib
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from reports.analysis.validity import warnings
from reports.page import SECTIONS, render
from reports.page.links import links_of
from reports.page.records import bills_table, environments_table, runs_table, unpriced
from reports.tables import all_tables
from reports.writing import write_report
from tests.reports.results_builder import Run, make


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    VOID = ("meta", "img", "br", "input")

    def __init__(self, page):
        super().__init__()
        self.tags, self.values, self.text, self._open = [], [], "", []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.values += [(tag, *attribute) for attribute in attributes]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def _page(results):
    return render(results, all_tables(results), [])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no Chinese: boxes are drawn
def test_everything_from_data_is_escaped(study, hostile):
    arms = [{"name": "margin-mse"}, {"name": hostile, "failed": (2,)}]
    results = study(arms=arms, title="<img src=x onerror=alert(1)>")
    page = write_report(results).read_text("utf-8")
    reader = Reader(page)
    assert page.count("<script") == reader.tags.count("script") == 1
    assert "<img src=x" not in page
    assert hostile in reader.text
    assert "the <loss> is not finite" in reader.text
    assert not [name for _, name, _ in reader.values if name.startswith("on")]


def test_the_page_needs_no_network_and_describes_its_figures(results):
    reader = Reader(write_report(results).read_text("utf-8"))
    links = [value for _, name, value in reader.values if name in ("src", "href")]
    inside = ("data:image/", "figures/", "tables/", "#")
    others = {link for link in links if not link.startswith(inside)}
    assert others == {"../summary.csv", "../ledger.csv"}
    alts = [value for tag, name, value in reader.values if (tag, name) == ("img", "alt")]
    assert any("margin-mse 0.6" in alt for alt in alts)


def test_every_link_leads_somewhere(results):
    path = write_report(results)
    reader = Reader(path.read_text("utf-8"))
    links = {value for _, name, value in reader.values if name == "href"}
    names = [value for _, name, value in reader.values if name == "id"]
    assert len(names) == len(set(names))
    for link in links:
        if link.startswith("#"):
            assert link[1:] in names
        else:
            assert (path.parent / link).is_file(), link


def test_the_browser_is_allowed_our_style_and_script_alone(results):
    page = _page(results)
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', page)
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} &#39;sha256-{digest}&#39;;" in policy
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert " style=" not in page


def test_headings_and_tables_tell_a_screen_reader_where_it_is(results):
    reader = Reader(write_report(results).read_text("utf-8"))
    levels = [int(tag[1]) for tag in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    scopes = [value for tag, name, value in reader.values if (tag, name) == ("th", "scope")]
    assert len(scopes) == reader.tags.count("th")
    assert ("html", "lang", "en") in reader.values
    assert {"main", "nav", "header"} <= set(reader.tags)
    assert len([1 for tag, name, alt in reader.values if name == "alt" and alt]) >= 3


def test_the_question_and_the_answer_stand_first(results):
    reader = Reader(_page(results))
    page = reader.text
    order = ["Which margin needs no teacher?", "On pydocs", "Before you read on", "Test measures"]
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_every_table_of_a_report_is_on_its_page(study):
    results = study()
    placed = {name for names in SECTIONS.values() for name in names}
    assert {table.name for table in all_tables(results)} <= placed | {"arms"}


def test_the_page_says_what_it_is_and_how_to_do_it_again(results):
    text = Reader(_page(results)).text
    for part in (
        "Which margin needs no teacher?",
        "no verdict about a paper's claim",
        "Every arm got the same number of tuning trials, 2 (tpe), over the same nuisance",
        "(learning_rate) and what its own loss has to choose (static-margin: margin).",
        "learning_rate=3e-05, margin=0.3",
        "bench run study.toml",
        'baseline = "margin-mse"',
    ):
        assert part in text


def test_the_page_says_when_nothing_was_tuned(study):
    assert "Nothing was tuned" in Reader(_page(study(trials=0))).text


def test_the_page_says_which_arms_had_nothing_to_tune(study):
    arms = [{"name": "margin-mse", "margin": 0.3}, {"name": "b", "tuned": False}, {"name": "c"}]
    text = Reader(_page(study(arms=arms, nuisance=False))).text
    for part in (
        "Only the losses' own options were tuned, with 2 trials (tpe) for each arm that has any",
        "(margin-mse: margin). Nothing to choose, so no trials and no seconds of tuning: b.",
        "learning rate 0.0001, warm-up 0.1, batches of 32, schedule constant for every arm",
    ):
        assert part in text


def test_the_page_says_whose_training_differs(study):
    results = study(arms=[{"name": "margin-mse", "margin": 0.3}, {"name": "b"}], nuisance=False)
    others = np.where(results.summary["arm"] == "b", 0.003, np.nan)
    place = results.summary.columns.get_loc("examples")
    results.summary.insert(place, "training.learning_rate", others)
    assert "schedule constant, but for b with learning_rate=0.003" in Reader(_page(results)).text


def test_runs_that_patience_ended_are_warned_of(study):
    arms = [{"name": "margin-mse"}, {"name": "b", "early": (2, 3)}]
    (warning,) = warnings(study(arms=arms, patience=400))
    assert warning.startswith("2 of 3 final runs of b ended early (patience): nothing was gained")
    assert "for 400 examples" in warning


def test_a_single_seed_is_warned_of(study):
    arms = [{"name": "margin-mse"}, {"name": "b"}]
    found = warnings(study(arms=arms, seeds=[1], trials=0))
    assert len(found) == 1
    assert found[0].startswith("1 of 1 seeds done, fewer than 3: margin-mse, b.")


def test_a_failed_run_is_warned_of_with_its_error(results):
    assert any(
        "static-margin (final, seed 3) failed: TrainingError" in w for w in warnings(results)
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"arms": [{"name": "margin-mse"}, {"name": "b", "examples": 900}]}, "unequal numbers"),
        ({"arms": [{"name": "margin-mse"}, {"name": "b", "device": "H200"}]}, "do not compare"),
        ({"arms": [{"name": "margin-mse"}, {"name": "b", "versions": "torch 9"}]}, "torch 9"),
        ({"schedule": "linear"}, "decays (linear)"),
        ({"arms": [{"name": "margin-mse", "failed": (1, 2, 3)}]}, "no finished run"),
    ],
)
def test_what_would_mislead_is_warned_of(study, changes, expected):
    assert any(expected in warning for warning in warnings(study(**changes)))


def test_nothing_amiss_warns_of_nothing(study):
    assert warnings(study(arms=[{"name": "margin-mse"}, {"name": "b"}])) == []


def test_a_page_without_final_runs_says_so(study):
    results = study(arms=[{"name": "margin-mse", "failed": (1,)}], seeds=[1], trials=0)
    reader = Reader(write_report(results).read_text("utf-8"))
    assert "No final run is finished" in reader.text
    assert "img" not in reader.tags


def test_a_pooled_dev_is_noted(study):
    assert "500 others are searched" in Reader(_page(study(pool=500))).text


def test_a_study_whose_references_alone_are_measured(study):
    results = study(arms=[{"name": "margin-mse"}], trials=0)
    begun = [table[table["role"] == "reference"] for table in (results.summary, results.curves)]
    results = replace(results, summary=begun[0], curves=begun[1], ledger=results.ledger.iloc[:0])
    text = Reader(_page(results)).text
    assert "No final run is finished" in text
    assert "bm25" in text


def _texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group]


def _bills(arm):
    rows = _texts(bills_table(_charged()))
    return {tuple(row[1:4]): row[4:] for row in rows if row[0] == arm}


def _charged():
    own = [("prepare", "tokens", 3.0), ("read", "tokens", 0.5), ("test", "test", 2.0)]
    seeds = [Run((0.4, 0.5), bills=own), Run((0.4, 0.6), bills=own)]
    return make({"a": seeds, "b": seeds[:1]}, trials={"a": [[("evaluate", "run", 1.5)]]})


def test_the_ledger_sums_bills_that_are_alike():
    assert _bills("a") == {
        ("tuning", "evaluate", "run"): ["cpu", "tuned", "1", "0", "1.50", "1.50", "0", "0"],
        ("final", "prepare", "tokens"): [
            *("cpu", "cold, tuned", "2", "0", "3.00", "6.00", "0", "0")
        ],
        ("final", "read", "tokens"): [*("cpu", "warm", "2", "0", "0.50", "1.00", "0", "0")],
        ("final", "test", "test"): ["cpu", "nobody", "2", "0", "2.00", "4.00", "0", "0"],
        ("final", "train", "run"): ["cpu", "all clocks", "2", "0", "10", "20", "0", "0"],
    }
    assert _bills("b")["final", "train", "run"][2:6] == ["1", "0", "10", "10"]


def test_seconds_of_different_devices_are_not_added():
    results = _charged()
    results.ledger.loc[results.ledger["seed"] == 2, "device"] = "H200"
    trained = [row for row in _texts(bills_table(results)) if row[2] == "train"]
    assert [(row[0], row[4], row[9]) for row in trained] == [
        *(("a", "cpu", "10"), ("a", "H200", "10"), ("b", "cpu", "10"))
    ]


def test_every_run_has_the_command_that_trains_it_again(study, hostile):
    arms = [{"name": "margin-mse"}, {"name": hostile, "failed": (2,)}, {"name": "-x"}]
    results = study(arms=arms)
    rows = _texts(runs_table(results, links_of(results.folder, "results/margins")))
    assert len(rows) == 3 + 3 * (2 + 3)
    commands = {(row[0], row[1], row[3]): shlex.split(row[-1]) for row in rows}
    replay = ["bench", "replay"]
    assert commands[hostile, "final", "3"] == [*replay, "results/margins", hostile, "0", "3"]
    assert commands["-x", "final", "1"] == [*replay, "--", "results/margins", "-x", "0", "1"]
    assert commands["margin-mse", "tuning", "1000000"][-2:] == ["1", "1000000"]
    assert commands[hostile, "final", "2"] == commands["bm25", "reference", ""] == ["–"]


def test_runs_on_a_share_of_the_data_are_among_the_others():
    runs = {"a": [Run((0.4, 0.5))]}
    results = make(runs, subsets={0.1: runs})
    for there in (results, *results.subsets.values()):
        there.summary["run"] = "r"
    table = runs_table(results, links_of(results.folder, ""))
    assert table.header[2] == "% of queries"
    assert [(row[2], shlex.split(row[-1])[2:-3]) for row in _texts(table)] == [
        ("10.0", ["--train-share=0.10000000000000001", "results/by-hand"]),
        ("100.0", ["results/by-hand"]),
    ]


def test_environments_are_counted(study):
    arms = [{"name": "margin-mse"}, {"name": "b", "device": "H200", "failed": (1,)}]
    table = environments_table(study(arms=arms))
    assert table.header == ["runs", "device", "torch"]
    assert _texts(table) == [
        ["3 final, 2 tuning", "cpu × 2", "2.13.0"],
        ["2 final, 2 tuning", "H200", "2.13.0"],
    ]


def test_what_nobody_is_charged_for_is_said_with_the_arms(results):
    results.summary["unpriced"] = np.where(
        results.summary["arm"] == "static-margin", None, "the training of T"
    )
    assert unpriced(results) == ["the training of T (margin-mse, adaptive-margin)"]
    assert "Charged to nobody: the training of T (margin-mse" in Reader(_page(results)).text


def _linked(results, **links):
    (results.folder / "links.json").write_text(json.dumps(links), "utf-8")
    reader = Reader(_page(results))
    return {value for _, name, value in reader.values if name == "href"}, reader.text


def test_runs_link_to_a_tracking_server(results):
    run, other = results.summary["run"].iloc[[-1, -2]]
    mlflow = {"uri": "https://ml.example/", "experiment": "7"}
    links, text = _linked(results, mlflow={**mlflow, "runs": {run: "ab12", other: "a/b?c"}})
    assert "https://ml.example/#/experiments/7/runs/ab12" in links
    assert "https://ml.example/#/experiments/7/runs/a%2Fb%3Fc" in links
    assert "mlflow ui" not in text


def test_runs_link_to_what_the_reader_can_start(results):
    run = results.summary["run"].iloc[-1]
    mlflow = {"uri": "sqlite:///my results/mlflow.db", "experiment": "1", "runs": {run: "ab"}}
    optuna = {"storage": "optuna.db", "studies": {"margin-mse": 3}}
    links, text = _linked(results, mlflow=mlflow, optuna=optuna)
    assert "http://127.0.0.1:5000/#/experiments/1/runs/ab" in links
    assert "http://127.0.0.1:8080/dashboard/studies/3" in links
    assert "mlflow ui --backend-store-uri 'sqlite:///my results/mlflow.db'" in text
    assert "optuna-dashboard sqlite:///results/margins/optuna.db" in text


@pytest.mark.parametrize(
    "written",
    [
        {"mlflow": {"uri": "javascript:alert(1)//", "experiment": "1", "runs": {"RUN": "x"}}},
        {"mlflow": {"uri": "http://[", "experiment": "1", "runs": {"RUN": "x"}}},
        {"mlflow": {"uri": 3}, "optuna": []},
        {"optuna": {"storage": "optuna.db", "studies": {"margin-mse": "javascript:alert(1)"}}},
    ],
)
def test_only_addresses_become_links(results, written):
    run = results.summary["run"].iloc[-1]
    written = json.loads(json.dumps(written).replace("RUN", run))
    links, _ = _linked(results, **written)
    allowed = ("figures/", "tables/", "../", "#", "http://")
    assert all(link.startswith(allowed) for link in links)


def test_links_that_cannot_be_read_are_none(results):
    before = _page(results)
    (results.folder / "links.json").write_bytes(b"\xff{")
    assert _page(results) == before
