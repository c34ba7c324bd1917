"""``bench report``."""

from pathlib import Path

from rich.console import Console


def report_study(folder: Path) -> None:
    """Draw figures, tables and page from the records, and print the closing table."""
    from bench.results import load_results
    from reports import write_report
    from reports.terminal import closing_table

    results = load_results(folder)
    page = write_report(results)
    Console().print(closing_table(results))
    print(f"report: {page}")
