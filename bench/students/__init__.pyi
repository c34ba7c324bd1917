import collections.abc
import typing

import bench.registry

from ._inherited import InheritedVectors as InheritedVectors
from ._projection import Projection as Projection
from ._projection import preserve_rng_state as preserve_rng_state
from ._small_bert import small_bert as small_bert
from ._small_bert import start_from as start_from
from .base import Student as Student
from .find import find_student as find_student

Class = typing.TypeVar("Class", bound=type[Student])

registry: bench.registry.Registry[Student]

def register(name: str, version: int = 1) -> collections.abc.Callable[[Class], Class]: ...
def create(
    entry: str | collections.abc.Mapping[str, typing.Any] | Student, /, **options: typing.Any
) -> Student: ...
