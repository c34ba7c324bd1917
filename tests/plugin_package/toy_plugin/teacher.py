"""A teacher that counts the words that a query shares with a document."""

from dataclasses import dataclass

import numpy as np

from bench import teachers
from bench.artifacts import Artifact, Made
from bench.lab import Lab
from bench.losses import Signal, Signals
from bench.samplers.base import Demand, Triples
from bench.teachers import Teacher
from bench.teachers.base import Teaching


@teachers.register("toy-overlap")
@dataclass(frozen=True)
class ToyOverlap(Teacher):
    """The share of a query's words that are in the document."""

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})

    def largest_score(self) -> float:
        return 1.0

    def weights(self) -> str:
        return ""

    def prepare(self, needs: frozenset[Signal], demand: Demand, lab: Lab) -> Teaching:
        queries, documents = demand.draws.queries, lab.collection.documents

        def make(folder) -> Made:
            asked = [set(str(text).split()) for text in queries.texts]
            found = [set(str(text).split()) for text in documents.texts]
            shares = [[len(one & other) / len(one) for other in found] for one in asked]
            np.save(folder / "shares.npy", np.array(shares, dtype=np.float32))
            return Made(texts=len(asked) + len(found))

        specification = {
            "teacher": self.specification,
            "collection": lab.collection.fingerprint,
            "queries": queries.fingerprint,
        }
        return Counted(lab.artifacts.get("toy-overlap", specification, make))


class Counted:
    """The counts, looked up."""

    width = 0

    def __init__(self, artifact: Artifact) -> None:
        self.artifacts = (artifact,)
        self._shares = np.load(artifact.folder / "shares.npy")

    def signals(self, triples: Triples) -> Signals:
        import torch

        return Signals(torch.from_numpy(self._shares[triples.queries[:, None], triples.documents]))
