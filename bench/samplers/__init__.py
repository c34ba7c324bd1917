"""Samplers: one file per way of drawing triples."""

from bench.lazy import attach
from bench.registry import Registry
from bench.samplers.base import Sampler

registry: Registry[Sampler] = Registry("samplers", __name__)
register = registry.register
create = registry.create

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["create", "register", "registry"]
