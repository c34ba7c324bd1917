"""Streams of training triples, as positions of texts, and how many labels they use."""

from bench.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
