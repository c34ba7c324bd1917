"""What a study's results say: tables and tests, of which figures, tables and headlines are made."""

from reports.analysis.base import Analysis

__all__ = ["Analysis"]
