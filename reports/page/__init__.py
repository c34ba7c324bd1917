"""Pages: one self-contained HTML file each."""

from reports.page.sections import SECTIONS
from reports.page.study import render
from reports.page.template import Picture

__all__ = ["SECTIONS", "Picture", "render"]
