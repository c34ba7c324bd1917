"""The learned linear layer between a student and a teacher of another width."""

from __future__ import annotations

from torch import Tensor, nn

from bench.losses._vectors import Matching, Pairs
from bench.losses.signals import Embeddings, Signals


class ProjectedLoss(nn.Module):
    """A matching loss with a linear layer before it, shared by queries and documents.

    Args:
        student_width, teacher_width: d of the two sides; the loss's option ``projection`` says
            which of them is mapped to the other.
    """

    def __init__(self, loss: Matching, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.loss = loss
        widths = (student_width, teacher_width)
        self.layer = nn.Linear(*(widths if loss.projection == "student" else reversed(widths)))

    def forward(self, student: Embeddings, teacher: Signals) -> Tensor:
        return self.loss.distance(self._map(self.loss.pairs(student, teacher)))

    def diagnostics(self, student: Embeddings, teacher: Signals) -> dict[str, Tensor]:
        return {"projection_norm": self.layer.weight.norm()}

    def _map(self, pairs: Pairs) -> Pairs:
        if self.loss.projection == "student":
            return {side: (self.layer(ours), theirs) for side, (ours, theirs) in pairs.items()}
        return {side: (ours, self.layer(theirs)) for side, (ours, theirs) in pairs.items()}
