"""InfoNCE without candidates that a guide model considers likely false negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

from bench import losses
from bench.errors import InputError
from bench.lazy import Library
from bench.losses.base import Loss
from bench.losses.signals import Embeddings, Signal, Signals
from bench.spaces import Float

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Library("torch")


@losses.register("guided-infonce", version=1)
@dataclass(frozen=True)
class GuidedInfoNCE(Loss):
    """InfoNCE without the candidates c for which the guide's similarity g(q,c) > g(q,p) − margin.

    Candidates of a query (``contrast``): with ``documents``, all positives and negatives of the
    batch; with ``all``, also the other queries, compared with the query, and the other positives,
    compared with its positive. The query's own positive is always kept.

    Shapes: queries, positives [B,d], negatives [B,K,d]; scalar. The teacher is the guide: its
    query [B,d'] and document embeddings [B,1+K,d'], compared by cosine in [-1, 1].
    Source: arXiv 2402.16829 (GISTEmbed); its code's absolute margin, 0 there.
    Departs: K > 1 is ours; a text is never its own candidate.
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    margin: float = 0.0
    contrast: Literal["all", "documents"] = "all"

    family = "contrastive"
    search_space: ClassVar = {"temperature": Float(0.01, 0.2, log=True)}

    def needs(self) -> frozenset[Signal]:
        return frozenset({Signal.QUERIES, Signal.DOCUMENTS})

    def __call__(self, student: Embeddings, teacher: Signals) -> Tensor:
        queries = self.teacher_queries(student, teacher)
        documents = self.teacher_documents(student, teacher)
        if queries.dim() == 3:
            raise InputError(
                f"{self.name}: its guide must give one vector a query; this teacher's depends on "
                "the document it is read with"
            )
        guide = Embeddings(queries, documents[:, 0], documents[:, 1:], "cosine")
        scores, likeness = self._candidates(student), self._candidates(guide)
        batch = len(scores)
        own = torch.eye(batch, dtype=torch.bool, device=scores.device)
        hidden = likeness > likeness[:, :batch].diagonal().unsqueeze(1) - self.margin
        hidden[:, :batch] &= ~own
        if self.contrast == "all":
            hidden[:, batch : 2 * batch] |= own
            hidden[:, 2 * batch : 3 * batch] |= own
        logits = (scores / self.temperature).masked_fill(hidden, -torch.inf)
        return (logits.logsumexp(1) - logits[:, :batch].diagonal()).mean()

    def _candidates(self, embeddings: Embeddings) -> Tensor:
        """Columns: positives [B], with ``all`` queries [B] and positives [B], negatives [B·K]."""
        compared = embeddings.normalised()
        queries, positives = compared.queries, compared.positives
        columns = [queries @ positives.T]
        if self.contrast == "all":
            columns += [queries @ queries.T, positives @ positives.T]
        columns.append(queries @ compared.negatives.flatten(0, 1).T)
        return torch.cat(columns, dim=1)
