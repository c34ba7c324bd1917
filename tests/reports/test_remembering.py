"""What is remembered is asked once, of the results it is about, and forgotten at the end."""

from dataclasses import replace

import pandas as pd
import pytest

from reports.remembering import remembered, remembering
from reports.speed import speed_table


@pytest.fixture
def asked():
    """A remembered function, and what it was asked."""
    calls = []

    @remembered
    def function(results, number=0):
        calls.append((results.folder, number))
        return len(calls)

    return function, calls


def test_a_function_is_asked_once_within_and_every_time_without(asked, results):
    function, calls = asked
    assert [function(results), function(results)] == [1, 2]
    with remembering():
        assert [function(results), function(results), function(results, 1)] == [3, 3, 4]
        with remembering():
            assert function(results) == 3
        assert function(results) == 3
    assert function(results) == 5
    assert len(calls) == 5


def test_other_results_are_others_even_where_the_first_are_gone(asked, results):
    function, calls = asked
    with remembering():
        found = {function(replace(results, former=[str(number)])) for number in range(50)}
    assert len(found) == len(calls) == 50


def test_an_error_forgets_too(asked, results):
    function, _ = asked
    with pytest.raises(ZeroDivisionError), remembering():
        assert function(results) == 1
        raise ZeroDivisionError
    assert function(results) == 2


def test_what_a_report_remembers_is_what_it_would_compute_anew(results):
    with remembering():
        once, again = speed_table(results), speed_table(results)
    assert once is again
    pd.testing.assert_frame_equal(once, speed_table(results))
