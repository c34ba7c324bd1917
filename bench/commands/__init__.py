"""What each command does once its arguments are read."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
