"""Losses: one file each. ``bench.losses.create("adaptive-margin")`` returns one to call."""

from bench.lazy import attach
from bench.losses.base import Loss
from bench.registry import Registry

registry: Registry[Loss] = Registry("losses", __name__)
register = registry.register
create = registry.create

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["create", "register", "registry"]
