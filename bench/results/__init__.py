"""What a study left behind, as tables: for reports and notebooks."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
