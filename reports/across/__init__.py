"""Reports across studies: several studies, or one study on several collections, side by side."""

from reports.across.writing import write_across

__all__ = ["write_across"]
