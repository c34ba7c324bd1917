"""Student architectures: one file each."""

from bench.lazy import attach
from bench.registry import Registry
from bench.students.base import Student

registry: Registry[Student] = Registry("students", __name__)
register = registry.register
create = registry.create

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["create", "register", "registry"]
