"""Generators: one file a way to write new queries."""

from bench.generators.base import Generator
from bench.registry import Registry

registry: Registry[Generator] = Registry("generators", __name__)
register = registry.register
create = registry.create

__all__ = ["Generator", "create", "register", "registry"]
