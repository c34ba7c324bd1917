"""Samplers: one file a way to draw."""

from bench.registry import Registry
from bench.samplers.base import Sampler

registry: Registry[Sampler] = Registry("samplers", __name__)
register = registry.register
create = registry.create

__all__ = ["Sampler", "create", "register", "registry"]
