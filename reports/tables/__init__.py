"""The report's tables: every number in full for CSV, and rounded as people read it."""

from reports.analysis.arm_table import arm_table
from reports.analysis.base import Analysis
from reports.analysis.costs import artifact_costs
from reports.analysis.quality import quality_table
from reports.analysis.retention import retention_table
from reports.analysis.selectors import tuned_arms
from reports.tables.base import Table
from reports.tables.claims import claim_tables
from reports.tables.costs import artifacts_table, charges_table, costs_table, tuned_table
from reports.tables.data import data_tables
from reports.tables.geometry import geometry_tables
from reports.tables.margins import margin_tables
from reports.tables.quality import arms_table, comparison_table, results_table
from reports.tables.retention import retained_table
from reports.tables.speed import speed_tables

__all__ = ["Table", "all_tables"]


def all_tables(results: Analysis) -> list[Table]:
    """Every table of the report that has something to show."""
    table, retained, compared = arm_table(results), retention_table(results), quality_table(results)
    return [
        *claim_tables(results),
        results_table(results, table),
        *([comparison_table(compared)] if len(compared) else []),
        *speed_tables(results),
        *data_tables(results),
        *([retained_table(results, retained)] if len(retained) else []),
        *margin_tables(results),
        *geometry_tables(results),
        arms_table(table),
        charges_table(table),
        *([tuned_table(results, table)] if tuned_arms(results) else []),
        costs_table(results),
        *([artifacts_table(results)] if len(artifact_costs(results)) else []),
    ]
