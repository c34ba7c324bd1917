"""Teachers: one file a kind."""

from bench.registry import Registry
from bench.teachers.base import Teacher

registry: Registry[Teacher] = Registry("teachers", __name__)
register = registry.register
create = registry.create

__all__ = ["Teacher", "create", "register", "registry"]
