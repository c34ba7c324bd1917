"""What an analysis has computed once it keeps, for itself alone."""

from dataclasses import replace

import pandas as pd
import pytest

from bench.results import Results
from reports.analysis.base import Analysis, cached
from reports.analysis.speed import speed_table


@pytest.fixture
def counted():
    """A cached function, and its calls."""
    calls = []

    @cached
    def function(analysis, number=0):
        calls.append((analysis.folder, number))
        return len(calls)

    return function, calls


def test_a_function_is_called_once_for_each_arguments(counted, results):
    function, calls = counted
    assert [function(results), function(results), function(results, 1)] == [1, 1, 2]
    assert len(calls) == 2


def test_another_analysis_has_a_cache_of_its_own(counted, results):
    function, calls = counted
    found = {function(replace(results, former=[str(number)])) for number in range(50)}
    assert len(found) == len(calls) == 50


def test_an_error_is_not_kept(results):
    numbers = iter([0, 1])
    share = cached(lambda _: 1 / next(numbers))
    with pytest.raises(ZeroDivisionError):
        share(results)
    assert share(results) == 1


def test_what_is_kept_is_what_would_be_computed_anew(results):
    assert speed_table(results) is speed_table(results)
    pd.testing.assert_frame_equal(speed_table(results), speed_table(replace(results)))


def test_results_become_an_analysis_with_their_shares(results):
    names = ("folder", "study", "summary", "curves", "ledger", "queries")
    half, whole = (Results(**{name: getattr(results, name) for name in names}) for _ in range(2))
    analysis = Analysis.of(replace(whole, subsets={0.5: half}))
    assert analysis.summary is results.summary
    assert isinstance(analysis, Results)
    assert isinstance(analysis.subsets[0.5], Analysis)
    assert Analysis.of(analysis) is analysis
