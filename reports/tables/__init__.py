"""The report's tables: every number in full for CSV, and rounded as people read it."""

from bench.results import Results
from reports.arm_table import arm_table
from reports.reading import tuned_arms
from reports.retention import retention_table
from reports.tables.base import Table
from reports.tables.costs import artifacts_table, charges_table, costs_table, tuned_table
from reports.tables.quality import arms_table, results_table
from reports.tables.retention import retained_table

__all__ = ["Table", "all_tables"]


def all_tables(results: Results) -> list[Table]:
    """Every table of the report that has something to show."""
    table, retained = arm_table(results), retention_table(results)
    return [
        results_table(results, table),
        *([retained_table(results, retained)] if len(retained) else []),
        arms_table(table),
        charges_table(table),
        *([tuned_table(results, table)] if tuned_arms(results) else []),
        costs_table(results),
        artifacts_table(results),
    ]
