import collections.abc
import typing

import bench.registry

from ._decoding import decode as decode
from ._keeping import keep as keep
from ._keeping import open_queries as open_queries
from .base import Generator as Generator

Class = typing.TypeVar("Class", bound=type[Generator])

registry: bench.registry.Registry[Generator]

def register(name: str, version: int = 1) -> collections.abc.Callable[[Class], Class]: ...
def create(
    entry: str | collections.abc.Mapping[str, typing.Any] | Generator, /, **options: typing.Any
) -> Generator: ...
