import collections.abc
import typing

import bench.registry

from ._dual_vectors import dual_vector_signals as dual_vector_signals
from ._embedding_table import EmbeddingSignals as EmbeddingSignals
from ._embedding_table import EmbeddingTable as EmbeddingTable
from ._embedding_table import store_documents as store_documents
from ._embedding_table import store_queries as store_queries
from ._ensemble_signals import EnsembleSignals as EnsembleSignals
from ._ensemble_signals import Member as Member
from ._fine_tuning import FineTuning as FineTuning
from ._loaded_teacher import LoadedTeacher as LoadedTeacher
from ._pairs import PairScores as PairScores
from ._pairs import drawn_pairs as drawn_pairs
from ._score_files import ScoreFile as ScoreFile
from ._score_formats import detect as detect
from ._score_signals import score_signals as score_signals
from ._scorers import BiScorer as BiScorer
from ._scorers import CrossScorer as CrossScorer
from ._scorers import DualPooledScorer as DualPooledScorer
from ._scorers import LateScorer as LateScorer
from ._token_embeddings import TokenSignals as TokenSignals
from ._tokenized_texts import TokenizedTexts as TokenizedTexts
from .base import Teacher as Teacher
from .bi_encoder import BiEncoder as BiEncoder

Class = typing.TypeVar("Class", bound=type[Teacher])

registry: bench.registry.Registry[Teacher]

def register(name: str, version: int = 1) -> collections.abc.Callable[[Class], Class]: ...
def create(
    entry: str | collections.abc.Mapping[str, typing.Any] | Teacher, /, **options: typing.Any
) -> Teacher: ...
