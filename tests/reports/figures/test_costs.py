"""The bill of each arm: its parts add up to what the summary charges."""

from dataclasses import replace

import pytest

import reports
from reports.figures.costs import OTHERS, TUNING
from tests.reports.figure_legibility import words
from tests.reports.results_builder import Run, make
from tests.support.study_writer import Arm, Plan, Writer

POINTS = (0.1, 0.2, 0.3)
NOT_CHARGED = (("read", "tokens 1", 100.0), ("evaluate", "run", 200.0), ("test", "test", 400.0))


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    own = {"tokens 1": 3.0, "teacher-scores 2": 40.0, "clusters 3": 5.0, "projection 4": 2.0}
    arms = [Arm(name, artifacts=own | {"mined-negatives 5": 1.0}) for name in names]
    return Writer(folder, Plan(arms=arms, baseline=names[0])).write()


@pytest.fixture
def bills():
    """Arm a trains for 20, 40 and 60 s, for each seed with a projection of its own; b has one seed
    and no trials."""
    shared = [
        ("prepare", "tokens 1", 3.0),
        ("score", "teacher-scores 2", 4.0),
        ("mine", "run", 2.0),
    ]
    runs = [
        Run(
            POINTS,
            [*shared, ("prepare", f"projection {seed}", 2.0 * seed), *NOT_CHARGED],
            10 * seed,
        )
        for seed in (1, 2, 3)
    ]
    trials = [
        [("train", "run", 7.0), ("evaluate", "run", 1.0), ("prepare", "tokens 1", 3.0)],
        [("train", "run", 6.0), ("prepare", "embeddings 9", 50.0), ("start", "run", 800.0)],
    ]
    plain = Run(POINTS, [("prepare", "tokens 1", 3.0)], 10)
    return make({"a": runs, "b": [plain]}, trials={"a": trials})


def _data(results):
    return reports.figures.create("costs").data(results)


def test_the_parts_of_a_bill_are_known_by_hand(bills):
    data = _data(bills)
    by_arm = data.set_index("part").groupby("arm")["seconds"]
    parts = {arm: seconds.to_dict() for arm, seconds in by_arm}
    assert parts["a"] == {
        "training": 40.0,
        "tokens": 3.0,
        "teacher-scores": 4.0,
        "mining along the way": 2.0,
        "projection": 4.0,
        TUNING: 7.0 + 1.0 + 6.0 + 50.0,
    }
    assert parts["b"] == {"training": 20.0, "tokens": 3.0, TUNING: 0.0}
    wholes = data.drop_duplicates("arm").set_index("arm")
    assert wholes["cold"].to_dict() == {"a": 53.0, "b": 23.0}
    assert wholes["tuned"].to_dict() == {"a": 117.0, "b": 23.0}
    # 95, 117 and 139 s: the standard error is 22 / √3, Student's t of two degrees 4.302653.
    half = 4.302653 * 22 / 3**0.5
    assert wholes.loc["a", ["low", "high"]].to_list() == pytest.approx([117 - half, 117 + half])
    assert wholes.loc["b", ["low", "high"]].isna().all()


@pytest.mark.parametrize("changes", [{}, {"trials": 0}, {"seeds": [1, 2, 3, 4]}])
def test_the_parts_add_up_to_the_clocks_of_the_summary(study, changes):
    results = study(**changes)
    data = _data(results)
    done = results.summary.query("role == 'final' and status == 'done'").groupby("arm")
    tuned = data.groupby("arm")["seconds"].sum()
    cold = data[data["part"] != TUNING].groupby("arm")["seconds"].sum()
    assert tuned.to_dict() == pytest.approx(done["tuned_seconds"].mean().to_dict())
    assert cold.to_dict() == pytest.approx(done["cold_seconds"].mean().to_dict())


def test_a_failed_run_is_in_nobodys_bill(bills):
    runs = bills.summary.assign(
        status=bills.summary["status"].mask(bills.summary["seed"] == 3, "failed")
    )
    data = _data(replace(bills, summary=runs)).query("arm == 'a'").set_index("part")
    assert data.loc["training", "seconds"] == 30.0
    assert data.loc["projection", "seconds"] == 3.0


def test_bars_are_drawn_as_long_as_their_seconds_from_zero_on(bills):
    drawn = reports.draw("costs", bills)
    (axes,) = drawn.axes
    assert axes.get_xlim()[0] == 0
    assert axes.get_xscale() == "linear"
    ends = {}
    for bar in axes.patches:
        middle = round(bar.get_y() + bar.get_height() / 2, 6)
        assert bar.get_x() == pytest.approx(ends.get(middle, 0.0))
        ends[middle] = bar.get_x() + bar.get_width()
    assert [ends[middle] for middle in sorted(ends)] == pytest.approx([117.0, 23.0])
    assert {"117 s", "23 s"} <= set(words(drawn))
    marks = next(lines for lines in axes.collections if len(lines.get_segments()) == 2)
    assert [segment[0][0] for segment in marks.get_segments()] == [53.0, 23.0]


def test_every_part_has_a_colour_and_a_hatch_of_its_own(bills):
    (legend,) = reports.draw("costs", bills).legends
    looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in legend.get_patches()]
    assert len(looks) == 6
    assert len({colour for colour, _ in looks}) == 6
    assert sum(not hatch for _, hatch in looks) == 2  # training and tuning, blue and pale grey


def test_small_artifacts_are_one_part_and_the_data_has_them_all(tmp_path):
    results = case(tmp_path, ("a", "b"))
    named = words(reports.draw("costs", results))
    assert OTHERS in named
    assert "mined-negatives" not in named
    assert _data(results).query("part == 'mined-negatives'")["seconds"].to_list() == [1.0, 1.0]


def test_nothing_is_said_of_tuning_where_there_was_none(study):
    said = words(reports.draw("costs", study(trials=0)))
    assert TUNING not in said
    assert "cold" not in said
