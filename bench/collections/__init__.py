"""Collections: documents, queries and judgements, from wherever they are.

``open_collection("pydocs(documents=2000)", artifacts)`` prepares one (checked, with its dev part)
and gives it as memory-mapped tables.
"""

from bench.collections.base import Collection, Part, RawCollection, RawPart, Source
from bench.registry import Registry

registry: Registry[Source] = Registry("collections", __name__)
register = registry.register
create = registry.create

__all__ = [
    "Collection",
    "Part",
    "RawCollection",
    "RawPart",
    "Source",
    "create",
    "register",
    "registry",
]
