"""Figures: one file each. ``reports.draw("convergence", results)`` draws one."""

from bench.registry import Registry
from reports.figures.base import Figure

registry: Registry[Figure] = Registry("figures", __name__)
register = registry.register
create = registry.create
names = registry.names

__all__ = ["Figure", "create", "names", "register", "registry"]
