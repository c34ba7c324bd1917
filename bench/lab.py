"""The old place of `bench.context`."""

from bench.context import Context
from bench.deprecation import renamed

__getattr__ = renamed(__name__, {"Lab": Context})
