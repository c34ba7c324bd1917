"""What each command does; `bench.cli` reads the arguments."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
