"""Pages: one self-contained HTML file each."""

from reports.page.filling import Picture
from reports.page.study import SECTIONS, render

__all__ = ["SECTIONS", "Picture", "render"]
