"""Papers' claims beside what was measured."""

from __future__ import annotations

import pandas as pd

from reports import formatting
from reports.analysis.base import Analysis
from reports.analysis.claims import Verdict, bounds_text, verdicts
from reports.analysis.targets import targets
from reports.formatting import plain
from reports.tables.base import Cell, Table


def claim_tables(results: Analysis) -> list[Table]:
    """A row a claim that the study file states; none where it states none."""
    found = verdicts(results)
    return [_table(results, found)] if found else []


def _table(results: Analysis, found: list[Verdict]) -> Table:
    matching = results.study.comparison.matching
    return Table(
        name="claims",
        title="Claims",
        note=(
            "supported: the whole 95 % interval (seeds and queries) is within the claim; not "
            "supported: all of it is outside; undecided: neither. Fractions, convergence and "
            f"speed-ups are to {targets(results)[0]} of {plain(results.study.baseline)}. "
            + (
                f"The set-up is declared to match the source's: {plain(matching)}"
                if matching
                else "The set-up is not declared to match the source's: what was measured here is "
                "no verdict."
            )
        ),
        header=["claim", "of", "quantity", "claimed", "measured", "verdict"],
        align="llllrl",
        groups=[[_cells(one) for one in found]],
        data=pd.DataFrame([_data(one) for one in found]),
    )


def _cells(one: Verdict) -> list[Cell]:
    claim = one.claim
    said = f"{claim.says} ({claim.source})" if claim.source else claim.says
    measured = formatting.spanned(*one.value, bound=one.bound)
    of = f"{claim.arm} against {claim.against}" if claim.against else claim.arm
    verdict = one.verdict or f"none: {one.why}"
    texts = (said, of, claim.quantity, bounds_text(claim, "{:g}".format), measured, verdict)
    return [Cell(plain(text)) for text in texts]


def _data(one: Verdict) -> dict[str, object]:
    return {
        **one.claim.model_dump(),
        "value": one.value.mean,
        "low": one.value.low,
        "high": one.value.high,
        "bound": one.bound,
        "verdict": one.verdict,
        "why": one.why,
    }
