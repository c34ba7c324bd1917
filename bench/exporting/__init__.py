"""Exports a trained student as a folder that other tools load, with a model card."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
