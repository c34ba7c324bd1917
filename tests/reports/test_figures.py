"""What figures show, and that they can be drawn whatever arms are called."""

import inspect
from importlib import import_module
from itertools import pairwise

import pytest
from matplotlib.figure import Figure as Drawn

import reports
from bench.errors import InputError
from reports.drawing.labels import move_apart
from reports.page import SECTIONS
from reports.style import looks
from tests.reports.figure_legibility import SMALLEST, illegible, words

NAMES = ("margin-mse", "adaptive-margin", "static-margin")
STYLES = ({}, {"font_size": 9.0}, {"style": "slide"})


def case(name, folder, arms=NAMES):
    """The results that a figure's own tests show it on: ``case(folder, names)`` in its file.

    A figure without ``tests/reports/figures/test_<name>.py`` fails here.
    """
    module = import_module(f"tests.reports.figures.test_{name.replace('-', '_')}")
    return module.case(folder, arms)


@pytest.mark.parametrize("name", reports.figures.names())
def test_every_figure_has_data_a_caption_and_a_description(name, tmp_path):
    figure, results = reports.figures.create(name), case(name, tmp_path)
    data = figure.data(results)
    assert not data.empty
    assert set(data["arm"]) & set(NAMES)
    assert figure.caption.endswith(".")
    assert len(figure.alt(results, data)) > len(figure.caption)
    assert figure.section in SECTIONS


@pytest.mark.slow
@pytest.mark.parametrize("asked", STYLES, ids=str)
@pytest.mark.parametrize("name", reports.figures.names())
def test_every_figure_can_be_read(name, asked, tmp_path):
    drawn = reports.draw(name, case(name, tmp_path), **asked)
    assert isinstance(drawn, Drawn)
    assert illegible(drawn, SMALLEST * asked.get("font_size", 7) / 7) == []


@pytest.mark.parametrize("name", reports.figures.names())
def test_nothing_to_draw_is_said(name, study):
    arms = [{"name": "margin-mse", "failed": (1,)}]
    with pytest.raises(InputError, match="no final run"):
        reports.draw(name, study(arms=arms, seeds=[1]))


@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no Chinese: boxes are drawn
@pytest.mark.parametrize("name", reports.figures.names())
def test_names_are_printed_as_they_are(name, tmp_path, hostile):
    drawn = reports.draw(name, case(name, tmp_path, ("margin-mse", hostile, "_hidden", "x" * 300)))
    said = words(drawn)
    assert any(hostile in text for text in said)
    assert any("_hidden" in text for text in said)
    assert any(text.startswith("xxx") and text.endswith("…") for text in said)


def test_unknown_figure(results):
    with pytest.raises(InputError, match="did you mean 'convergence'"):
        reports.draw("convergance", results)


def test_an_arm_looks_the_same_whichever_others_finished(results, study):
    everywhere = looks(results)
    assert everywhere["margin-mse"].colour == "black"
    many = looks(study(arms=[{"name": f"arm {index}"} for index in range(20)], seeds=[1]))
    assert len({(look.colour, look.marker, str(look.line)) for look in many.values()}) == 21


def test_labels_move_apart_and_keep_their_order():
    wanted = [0.5, 0.52, 0.99, 1.0, 0.1]
    places = move_apart(wanted, 0.09)
    assert sorted(range(5), key=places.__getitem__) == sorted(range(5), key=wanted.__getitem__)
    gaps = [after - before for before, after in pairwise(sorted(places))]
    assert min(gaps) >= 0.09 - 1e-9
    assert max(places) <= 1.09


def test_a_figure_is_one_file():
    for name in reports.figures.names():
        module = inspect.getmodule(reports.figures.registry.get(name))
        assert len(inspect.getsource(module).splitlines()) <= 120
