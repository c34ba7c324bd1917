"""A trained student for others: the folder they load, and its card."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
