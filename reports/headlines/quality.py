"""Who is better than the baseline on test, who is worse, and who cannot be told apart from it."""

from __future__ import annotations

import pandas as pd

from reports.analysis.base import Analysis
from reports.analysis.quality import quality_table
from reports.formatting import named, plain
from reports.headlines.phrasing import listed, signed_between


def sentences(results: Analysis) -> list[str]:
    """Of the first test, by the intervals over seeds and queries; none without a comparison."""
    study, table = results.study, quality_table(results)
    rows = table[table["test"] == study.test[0]]
    if rows.empty:
        return []
    said = f"in {plain(study.primary)} on {plain(study.test[0])}, "
    if rows["low"].isna().all():
        return [f"{said}no difference to {named(study.baseline)} has an interval: too few seeds"]
    better, worse = rows[rows["low"] > 0], rows[rows["high"] < 0]
    open_ = rows[(rows["low"] <= 0) & (rows["high"] >= 0)]
    found = [
        _clause(better.sort_values("difference", ascending=False), "better", study.baseline),
        _clause(worse.sort_values("difference"), "worse", study.baseline),
    ]
    if len(open_):
        names = listed([named(arm) for arm in open_["arm"]])
        found.append(f"{names} cannot be told apart from {named(study.baseline)} at 95 %")
    if unknown := [named(arm) for arm in rows.loc[rows["low"].isna(), "arm"]]:
        found.append(f"of {listed(unknown)} there is no interval: too few seeds")
    kept = [clause for clause in found if clause]
    return [said + kept[0], *kept[1:]]


def _clause(rows: pd.DataFrame, which: str, baseline: str) -> str:
    """The arms of one kind, the most extreme one first and with its interval."""
    if rows.empty:
        return ""
    first, *others = rows.to_dict("records")
    between = signed_between(first["difference"], first["low"], first["high"])
    lead = f"{named(first['arm'])} is {which} than {named(baseline)} by {between}"
    if not others:
        return lead
    names = listed([named(row["arm"]) for row in others])
    return f"{lead}, and so, by less, {'are' if len(others) > 1 else 'is'} {names}"
