import collections.abc
import typing

import bench.registry

from ._rankers import ranker as ranker
from ._rankers import search_teacher as search_teacher
from ._topics import BalancedStream as BalancedStream
from .base import Sampler as Sampler

Class = typing.TypeVar("Class", bound=type[Sampler])

registry: bench.registry.Registry[Sampler]

def register(name: str, version: int = 1) -> collections.abc.Callable[[Class], Class]: ...
def create(
    entry: str | collections.abc.Mapping[str, typing.Any] | Sampler, /, **options: typing.Any
) -> Sampler: ...
