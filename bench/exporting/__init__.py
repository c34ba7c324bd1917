"""A trained student as a folder for other tools, with its model card."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
