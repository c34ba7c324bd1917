"""Conformance alone; what it shows is tested in `tests.reports.test_retention`."""

from tests.reports.conftest import Arm, Plan, Writer


def case(folder, names):
    """Results on which the figure has something to show, with arms of these names."""
    return Writer(folder, Plan(arms=[Arm(name) for name in names], baseline=names[0])).write()
