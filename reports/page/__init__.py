"""Pages: one self-contained HTML file each."""

from reports.page.study import SECTIONS, render
from reports.page.template import Picture

__all__ = ["SECTIONS", "Picture", "render"]
