import collections.abc
import typing

import bench.registry

from ._projection import ProjectedLoss as ProjectedLoss
from ._sum_module import SumModule as SumModule
from .base import Loss as Loss
from .signals import Embeddings as Embeddings
from .signals import Signal as Signal
from .signals import Signals as Signals

Class = typing.TypeVar("Class", bound=type[Loss])

registry: bench.registry.Registry[Loss]

def register(name: str, version: int = 1) -> collections.abc.Callable[[Class], Class]: ...
def create(
    entry: str | collections.abc.Mapping[str, typing.Any] | Loss, /, **options: typing.Any
) -> Loss: ...
