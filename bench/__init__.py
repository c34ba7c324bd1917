"""An honest comparison of ways to train retrieval bi-encoders.

The public names are loaded when they are first used; ``import bench`` itself loads no torch.
"""

from bench.lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
