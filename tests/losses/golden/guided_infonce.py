"""Guided InfoNCE against sentence-transformers' GISTEmbedLoss, which takes one negative."""

from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss

from bench import losses
from bench.encoding.models import BUNDLED, load_tokenizer
from tests.losses.outside import Given, batches


class WithTokenizer(Given):
    """Their loss asks student and guide for tokenizers, to see that they agree."""

    max_seq_length = 32

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key, self.tokenizer = key, load_tokenizer(BUNDLED)

    def forward(self, features: dict) -> dict:
        return {"sentence_embedding": features[self.key]}


def cases():
    """(this project's value, the other library's value)."""
    for margin in (0.0, 0.3, -0.5):
        for contrast in ("all", "documents"):
            ours = losses.create(
                "guided-infonce", temperature=0.1, margin=margin, contrast=contrast
            )
            theirs = GISTEmbedLoss(
                WithTokenizer("student"),
                WithTokenizer("guide"),
                temperature=0.1,
                margin=margin,
                contrast_anchors=contrast == "all",
                contrast_positives=contrast == "all",
            )
            for batch in batches():
                if batch.negatives.shape[1] > 1:
                    continue
                columns = [
                    {"student": student, "guide": guide}
                    for student, guide in zip(
                        batch.columns, batch.teacher_columns.unbind(1), strict=True
                    )
                ]
                yield ours(batch.student("cosine"), batch.signals), theirs(columns, None)
