"""Carries out studies: what there is to do, in which order, and what is done already."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
