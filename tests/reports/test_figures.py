"""What figures show, and that they can be drawn whatever arms are called."""

import inspect
from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.figure import Figure as Drawn

import reports
from bench.errors import InputError
from reports.figures._labels import move_apart
from reports.style import looks


@pytest.mark.parametrize("name", reports.figures.names())
def test_every_figure_has_data_a_caption_and_a_description(name, results):
    figure = reports.figures.create(name)
    data = figure.data(results)
    assert not data.empty
    assert figure.caption.endswith(".")
    assert len(figure.alt(results, data)) >= len(figure.caption)
    assert isinstance(reports.draw(name, results), Drawn)


@pytest.mark.parametrize("name", reports.figures.names())
def test_nothing_to_draw_is_said(name, study):
    arms = [{"name": "margin-mse", "failed": (1,)}]
    with pytest.raises(InputError, match="no final run"):
        reports.draw(name, study(arms=arms, seeds=[1]))


@pytest.mark.parametrize("name", reports.figures.names())
def test_names_are_printed_as_they_are(name, study, hostile):
    arms = [{"name": "margin-mse"}, {"name": hostile}, {"name": "_hidden"}, {"name": "x" * 300}]
    drawn = reports.draw(name, study(arms=arms))
    (legend,) = drawn.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[1].replace("\n", " ") == hostile
    assert texts[2] == "_hidden"
    assert texts[3].endswith("…")


def test_unknown_figure(results):
    with pytest.raises(InputError, match="did you mean 'convergence'"):
        reports.draw("convergance", results)


def test_convergence_shows_final_runs_and_references_alone(results):
    data = reports.figures.create("convergence").data(results)
    final = data[data["role"] == "final"]
    assert len(final) == (3 + 3 + 2) * 6
    assert set(data["role"]) == {"final", "reference"}
    assert list(data.loc[data["role"] == "reference", "arm"]) == ["bm25", "untrained", "teacher"]
    merged = final.merge(results.curves, on=["arm", "role", "trial", "seed", "point"])
    assert (merged["nDCG@10_x"] == merged["nDCG@10_y"]).all()


def test_convergence_names_lines_beside_them_where_there_is_room(study):
    arms = [{"name": "margin-mse", "level": 0.62}, {"name": "b", "level": 0.54}]
    drawn = reports.draw("convergence", study(arms=arms, seeds=[1]))
    (axes,) = drawn.axes
    assert not drawn.legends
    assert {text.get_text() for text in axes.texts} >= {"margin-mse", "b", "untrained"}


def test_a_reference_far_off_does_not_flatten_the_curves(results):
    (axes,) = reports.draw("convergence", results).axes
    assert axes.get_ylim()[1] < 0.7
    assert "teacher 0.850 ↑" in {text.get_text() for text in axes.texts}


def test_speed_up_charges_what_is_due_before_training(results):
    data = reports.figures.create("speed-up").data(results)
    starts = data[(data["point"] == 0) & (data["role"] == "final")]
    cold = starts[starts["clock"] == "cold"].groupby("arm")["seconds"].mean()
    assert cold.to_dict() == pytest.approx(
        {"margin-mse": 43.0, "adaptive-margin": 3.0, "static-margin": 3.0}
    )
    summary = results.summary.query("role == 'final' and status == 'done'")
    ends = data[(data["point"] == 5) & (data["role"] == "final")]
    for clock in ("cold", "tuned"):
        shown = ends[ends["clock"] == clock].set_index(["arm", "seed"])["seconds"]
        charged = summary.set_index(["arm", "seed"])[f"{clock}_seconds"]
        assert shown.to_dict() == pytest.approx(charged.to_dict())


def test_speed_up_draws_the_tuned_clock_only_where_something_was_tuned(study):
    assert len(reports.draw("speed-up", study()).axes) == 2
    assert len(reports.draw("speed-up", study(trials=0)).axes) == 1


def test_speed_up_begins_at_the_first_point_where_nothing_was_prepared(study):
    results = study(arms=[{"name": "margin-mse"}], trials=0)
    (axes,) = reports.draw("speed-up", results).axes
    left, _ = axes.get_xlim()
    first = reports.figures.create("speed-up").data(results).query("point == 1")["seconds"].min()
    assert 0 < left < first


def test_tuning_shows_trials_and_what_they_led_to(study):
    arms = [{"name": "margin-mse"}, {"name": "b", "tuned": False}]
    results = study(arms=arms, trials=5, nuisance=False)
    figure = reports.figures.create("tuning")
    data = figure.data(results)
    steps = data[data["role"] == "tuning"]
    assert list(steps["arm"]) == ["margin-mse"] * 5
    assert steps["best"].is_monotonic_increasing
    assert (steps["seconds"].diff().dropna() > 0).all()
    chosen = results.curves["dev-select nDCG@10"].groupby(
        [results.curves[key] for key in ("arm", "role", "seed", "trial")]
    )
    finals = chosen.max().xs("final", level="role").groupby("arm").mean()
    ends = data[data["role"] == "final"].set_index("arm")
    assert ends["value"].to_dict() == pytest.approx(
        {arm: finals[arm] for arm in ("margin-mse", "b")}
    )
    assert ends["trials"].to_dict() == {"margin-mse": 5, "b": 0}
    assert "s, nothing tuned" in figure.alt(results, data)
    assert "with 5 trials, the best of them" in figure.alt(results, data)


def test_tuning_is_not_drawn_where_nothing_was_tuned(study):
    with pytest.raises(InputError, match="was chosen by tuning"):
        reports.draw("tuning", study(trials=0))


def test_tuning_can_begin_with_trials_that_were_pruned(study):
    results = study(arms=[{"name": "margin-mse"}])
    tuning = results.summary["role"] == "tuning"
    results.summary.loc[tuning, "status"] = "pruned"
    curves = results.curves[results.curves["role"] != "tuning"]
    assert reports.draw("tuning", replace(results, curves=curves)).axes


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
