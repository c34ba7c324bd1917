"""A student that is a table of random vectors."""

from dataclasses import dataclass

from bench import students
from bench.students import Student
from bench.students.base import Side


@students.register("toy-table")
@dataclass(frozen=True)
class ToyTable(Student):
    """The mean of a text's token vectors, drawn at random."""

    width: int = 16
    model: str = "all-MiniLM-L6-v2"

    @property
    def similarity(self):
        return "cosine"

    @property
    def query_side(self) -> Side:
        return Side(self.model, 16, "")

    @property
    def document_side(self) -> Side:
        return Side(self.model, 32, "")

    @property
    def drawn(self) -> bool:
        return True

    def models(self) -> list[str]:
        return [self.model]

    def build(self, lab):
        import torch

        from bench.encoding.static_encoder import StaticEncoder
        from bench.encoding.towers import Towers

        return Towers(StaticEncoder(torch.randn(30522, self.width), 1, 1, self.similarity))
