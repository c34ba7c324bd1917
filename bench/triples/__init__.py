"""Batches of triples as positions, and how many labels they use up."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
