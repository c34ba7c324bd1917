"""Numbers as people read them: to the digits that their interval leaves them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import formatting
from reports.formatting import NOTHING, fixed, percents, places, spanned, spread

TINY, LARGE = 1e-3, 1e6


def row(value, low, high, column="m"):
    return {column: value, f"{column} low": low, f"{column} high": high}


def around(value, half):
    return row(value, value - half, value + half)


def parsed(text):
    """The numbers of a text, and how many decimals each has."""
    numbers = re.findall(r"−?\d[\d,]*(?:\.\d+)?", text)
    values = [float(one.replace(",", "").replace("−", "-")) for one in numbers]
    return values, [len(one.partition(".")[2]) for one in numbers]


# -- one rule --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("half", "decimals"),
    [
        # The Particle Data Group's own examples: 0.827 ± 0.119 → ± 0.12, 0.827 ± 0.367 → ± 0.4.
        *((0.119, 2), (0.367, 1)),
        *((0.100, 2), (0.354, 2), (0.355, 1), (0.949, 1), (0.950, 1), (0.999, 1)),
        *((0.0021, 4), (0.025, 3), (0.13, 2), (2.5, 1), (35.0, 0), (60.0, -1), (4321.0, -3)),
    ],
)
def test_the_half_width_says_how_many_decimals(half, decimals):
    assert places(0.0, -half, half) == decimals
    assert places(0.0, -half, 5 * half) == decimals  # the narrower side counts
    assert places(0.0, -math.inf, half) == decimals


def test_without_a_width_there_is_no_rule():
    assert places(0.3, math.nan, math.nan) is None
    assert places(0.3, 0.3, 0.3) is None
    assert places(0.3, 0.3 - 5e-17, 0.3 + 5e-17) is None  # seeds that agree but for the last bit
    assert places(math.nan, math.nan, math.nan) is None


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.34524, 0.00211, "0.3452 ± 0.0021"),
        (0.32381, 0.02491, "0.324 ± 0.025"),
        (0.3238, 0.1291, "0.32 ± 0.13"),
        (0.3238, 0.4, "0.32 ± 0.40"),  # at least two decimals
        (0.32381234, 0.0000211, "0.3238 ± 0.0000"),  # at most four
        (0.32381, 0.0, "0.324 ± 0.000"),
        (0.32381, 0.0961, "0.32 ± 0.10"),
        (-0.0004, 0.02, "0.000 ± 0.020"),
        (math.nan, math.nan, NOTHING),
        (0.32381, math.nan, "0.324"),
    ],
)
def test_measures(value, half, text):
    assert spread(around(value, half), "m") == text


def test_a_mark_stands_behind_the_mean():
    assert spread(around(0.32381, 0.02491), "m", "*") == "0.324* ± 0.025"


def test_a_range_where_there_is_no_interval():
    given = {**row(0.51234, math.nan, math.nan), "m least": 0.501, "m most": 0.523}
    assert spread(given, "m") == "0.512 [0.501, 0.523]"
    assert formatting.mean(given, "m") == "0.512"
    assert formatting.plus_minus(given, "m") == ""


def test_a_mean_alone_has_what_its_interval_leaves():
    assert formatting.mean(around(0.57412, 0.079), "m") == "0.57"


def test_differences_have_a_sign():
    given = row(0.0211, -0.0038, 0.046, "m difference")
    assert formatting.difference(given, "m") == "+0.021 ± 0.025"
    assert formatting.change(around(-0.0211, 0.06), "m") == "−0.02 ± 0.06"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((7.42, 5.93, 9.28), "7.4 [5.9, 9.3]"),
        ((0.13521, 0.1119, 0.1708), "0.135 [0.112, 0.171]"),
        ((1234.0, 1183.0, 1287.0), "1,230 [1,180, 1,290]"),
        ((0.0412, 0.0399, 0.0429), "0.0412 [0.0399, 0.0429]"),
        ((12.2, 1.25, 66.9), "12 [1, 67]"),
        ((2.0, 2.0, 2.0), "2 [2, 2]"),
        ((1.0, 1.0, 54.6), "1 [1, 55]"),  # the wider side alone would leave 0 [0, 50]
        ((0.25, math.nan, math.nan), "0.25"),
        ((3.2, 2.1, math.inf), "3.2 [2.1, ∞]"),
        ((math.nan, math.nan, math.nan), NOTHING),
        ((1234567.0, math.nan, math.nan), "1,234,567"),
    ],
)
def test_ratios(numbers, text):
    assert spanned(*numbers) == text


def test_bounds_stand_before():
    assert spanned(3.21, 2.11, 4.89, "≥") == "≥ 3.2 [2.1, 4.9]"
    assert spanned(math.nan, math.nan, math.nan, "≥") == NOTHING


def test_an_interval_below_what_is_shown_is_left_out():
    assert spanned(0.00002, 0.00001, 0.00003, alone=formatting.seconds, most=2) == "0.00"
    assert spanned(0.0, 0.0, 0.0, alone=formatting.seconds, most=2) == "0 [0, 0]"


def test_percent():
    assert percents(0.8731, 0.8331, 0.9279) == "87 [83, 93]"
    assert percents(0.8709, 0.8678, 0.8741) == "87.1 [86.8, 87.4]"
    assert percents(0.385, 0.385, 0.385) == "38.5 [38.5, 38.5]"
    assert formatting.percent(0.9312) == "93.1"
    assert formatting.percent(math.nan) == NOTHING


# -- numbers alone ---------------------------------------------------------------------------------


def test_nothing_is_never_negative():
    assert fixed(-0.0, 3) == fixed(-0.0004, 3) == formatting.signed(-0.0004) == "0.000"
    assert fixed(-4.0, -1) == "0"
    assert fixed(-0.0005001, 3) == "−0.001"
    assert formatting.signed(0.0005001) == "+0.001"


def test_numbers_that_are_none():
    for written in (formatting.measure, formatting.signed, formatting.seconds, formatting.count):
        assert written(math.nan) == NOTHING
        assert written(math.inf) == "∞"
    assert formatting.amount(math.inf) == formatting.ratio(math.inf) == "∞"
    assert formatting.measure(-math.inf) == "−∞"


def test_seconds_and_ratios_by_their_size():
    assert [formatting.seconds(value) for value in (0.0, 0.004, 9.994, 9.996, 1234.5)] == [
        *("0", "0.00", "9.99", "10", "1,234")
    ]
    assert [formatting.ratio(value) for value in (0.04123, 2.0, 34.02, 1234.5)] == [
        *("0.0412", "2", "34", "1,234")
    ]


def test_options_keep_whole_numbers():
    given = {"training.batch": 1024.0, "loss.margin": 0.30000004, "loss.flag": True, "x": math.nan}
    assert formatting.options_text(given) == "batch=1024, margin=0.3, flag=true"


# -- for any number --------------------------------------------------------------------------------

values = st.floats(0, 1) | st.floats(-1, 0)
halves = st.floats(1e-5, 1)
positive = st.floats(math.log(TINY), math.log(LARGE)).map(math.exp)


@given(values, halves)
def test_a_measure_and_its_half_width_are_near_and_as_long(value, half):
    (shown, beside), decimals = parsed(spread(around(value, half), "m"))
    assert decimals[0] == decimals[1]
    assert 2 <= decimals[0] <= 4
    unit = 10.0 ** -decimals[0]
    assert abs(shown - value) <= unit / 2 + 1e-12
    assert abs(beside - half) <= unit / 2 + 1e-12


@given(st.tuples(positive, positive, positive).map(sorted), st.sampled_from(["", "≥", "~"]))
def test_a_ratio_lies_within_its_interval_and_none_is_nothing(numbers, bound):
    low, value, high = numbers
    text = spanned(value, low, high, bound).removeprefix(bound).strip()
    shown, decimals = parsed(text)
    assert len(shown) == 3
    assert shown[1] <= shown[0] <= shown[2]
    assert shown[0] > 0
    if (kept := places(value, low, high)) is not None:
        assert len(set(decimals)) == 1
        for exact, printed in zip((value, low, high), shown, strict=True):
            assert abs(exact - printed) <= 10.0**-kept / 2 * (1 + 1e-9)
        sides = [side for side in (value - low, high - value) if side > 1e-9 * value]
        assert 3.54 < min(sides) * 10.0**kept < 35.5  # one digit from 355 on, else two


@given(st.floats(allow_nan=False, width=64), st.integers(-6, 6), st.booleans())
def test_no_number_is_a_negative_nothing(value, decimals, sign):
    text = fixed(value, decimals, sign)
    assert not re.fullmatch(r"[−+]0*\.?0*", text)
    assert "-" not in text
