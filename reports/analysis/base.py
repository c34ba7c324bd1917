"""The results of one study, with what reports compute from them kept beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bench.results import Results

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Analysis(Results):
    """What figures, tables and headlines are given: `Results` with a cache of derived tables.

    It is a `Results`, so a figure that was written for these works with it. Its tables must not
    change; `dataclasses.replace` makes another analysis, whose cache is empty.

    Attributes:
        derived: what functions marked as `cached` have returned, by function and arguments.
    """

    subsets: Mapping[float, Analysis] = field(default_factory=dict)
    derived: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, results: Results) -> Analysis:
        """The analysis of these results, and of their smaller shares; itself if it is one."""
        if isinstance(results, cls):
            return results
        values = {one.name: getattr(results, one.name) for one in fields(results)}
        values["subsets"] = {share: cls.of(there) for share, there in results.subsets.items()}
        return cls(**values)


def cached(
    function: Callable[Concatenate[Analysis, Arguments], Value],
) -> Callable[Concatenate[Analysis, Arguments], Value]:
    """Decorate a function of an analysis: it is called once for each analysis and arguments.

    Callers must not change what it returns.
    """

    @wraps(function)
    def once(analysis: Analysis, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        key = (function, args, tuple(kwargs.items()))
        if key not in analysis.derived:
            analysis.derived[key] = function(analysis, *args, **kwargs)
        return analysis.derived[key]

    return once
