"""The old name of `bench.context`, which is deprecated."""

from bench.context import Context
from bench.deprecation import renamed

__getattr__ = renamed(__name__, {"Lab": Context})
