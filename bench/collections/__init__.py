"""Collections: documents, queries and judgements, from folders, ir_datasets, or built in.

``open_collection("pydocs(documents=2000)", artifacts)`` prepares a collection (checks it and adds
a dev part if it has none) and opens it as memory-mapped tables.
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
