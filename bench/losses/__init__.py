"""Losses: one file each. ``bench.losses.create("adaptive-margin")`` gives one to call."""

from bench.losses.base import Loss
from bench.losses.signals import Embeddings, Signal, Signals
from bench.registry import Registry

registry: Registry[Loss] = Registry("losses", __name__)
register = registry.register
create = registry.create

__all__ = ["Embeddings", "Loss", "Signal", "Signals", "create", "register", "registry"]
