"""What a report needs in several places is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from bench.results import Results

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

_known: ContextVar[dict | None] = ContextVar("known", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Within this the tables of results do not change: a `remembered` function of them is asked
    once, and what it gave is not to be changed either."""
    token = _known.set({} if _known.get() is None else _known.get())
    try:
        yield
    finally:
        _known.reset(token)


def remembered(
    function: Callable[Concatenate[Results, Arguments], Value],
) -> Callable[Concatenate[Results, Arguments], Value]:
    """A function of results that `remembering` asks once; outside of it every time."""

    @wraps(function)
    def once(results: Results, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        known = _known.get()
        if known is None:
            return function(results, *args, **kwargs)
        key = (function, id(results), args, tuple(kwargs.items()))
        if key not in known:  # with the results, whose id must not become another's
            known[key] = (results, function(results, *args, **kwargs))
        return known[key][1]

    return once
