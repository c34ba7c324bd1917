"""The page: complete, honest, self-contained, and nothing in it is what data made of it."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from reports.page import render
from reports.tables import all_tables
from reports.validity import warnings
from reports.writing import write_report


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    VOID = ("meta", "img", "br")

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


@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no Chinese: boxes are drawn
def test_everything_from_data_is_escaped(study, hostile):
    arms = [{"name": "margin-mse"}, {"name": hostile, "failed": (2,)}]
    results = study(arms=arms, title="<img src=x onerror=alert(1)>")
    page = write_report(results).read_text("utf-8")
    reader = Reader(page)
    assert "<script" not in page
    assert "<img src=x" not in page
    assert hostile in reader.text
    assert "the <loss> is not finite" in reader.text
    assert reader.tags.count("img") == 4


def test_the_page_needs_no_network_and_describes_its_figures(results):
    reader = Reader(write_report(results).read_text("utf-8"))
    links = [value for _, name, value in reader.values if name in ("src", "href")]
    assert all(link.startswith(("data:image/", "figures/", "tables/")) for link in links)
    alts = [value for tag, name, value in reader.values if (tag, name) == ("img", "alt")]
    assert any("margin-mse 0.6" in alt for alt in alts)
    assert "script" not in reader.tags


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
