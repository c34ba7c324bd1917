"""How an arm gets better with the examples it sees."""

import reports
from tests.reports.conftest import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()


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
