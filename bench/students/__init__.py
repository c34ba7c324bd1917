"""Student architectures: one file each."""

from bench.registry import Registry
from bench.students.base import Student

registry: Registry[Student] = Registry("students", __name__)
register = registry.register
create = registry.create

__all__ = ["Student", "create", "register", "registry"]
