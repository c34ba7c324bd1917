"""Ways to have the runs of a study carried out, one a file."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
