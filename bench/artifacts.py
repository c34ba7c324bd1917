"""Old names of `bench.storage.artifacts`, which are deprecated."""

from bench.deprecation import renamed
from bench.storage import artifacts

__getattr__ = renamed(
    __name__,
    {
        "Artifact": artifacts.Artifact,
        "Artifacts": artifacts.Artifacts,
        "Made": artifacts.BuildReport,
        "shard": artifacts.shard,
    },
)
