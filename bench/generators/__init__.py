"""Generators: one file per way of writing new queries."""

from bench.generators.base import Generator
from bench.lazy import attach
from bench.registry import Registry

registry: Registry[Generator] = Registry("generators", __name__)
register = registry.register
create = registry.create

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["create", "register", "registry"]
