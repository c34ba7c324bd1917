"""Teachers: one file per kind."""

from bench.lazy import attach
from bench.registry import Registry
from bench.teachers.base import Teacher

registry: Registry[Teacher] = Registry("teachers", __name__)
register = registry.register
create = registry.create

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["create", "register", "registry"]
