"""Figures, tables and a page from what a study left behind: no torch, no GPU, no collection.

>>> results = bench.load_results("results/quickstart")
>>> reports.draw("convergence", results)
>>> reports.write_report(results)
"""

from bench.deprecation import renamed
from reports import figures
from reports.analysis import Analysis
from reports.figures.options import FigureOptions
from reports.style import STYLES
from reports.writing import draw, write_report

__getattr__ = renamed(__name__, {"Shown": FigureOptions})

__all__ = ["STYLES", "Analysis", "FigureOptions", "draw", "figures", "write_report"]
