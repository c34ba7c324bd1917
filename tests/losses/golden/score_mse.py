"""Score MSE against sentence-transformers' CosineSimilarityLoss, a pair at a time."""

import torch
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

from bench import losses
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    theirs = CosineSimilarityLoss(Given())
    for batch in batches():
        each = [
            theirs(features(batch.queries, documents), scores)
            for documents, scores in zip(
                batch.documents.unbind(1), batch.scores.unbind(1), strict=True
            )
        ]
        ours = losses.create("score-mse")
        yield ours(batch.student("cosine"), batch.signals), torch.stack(each).mean()
        # The scale multiplies the student: (2s − 2t)² is 4 (s − t)².
        doubled = losses.create("score-mse", scale=2.0)(
            batch.student("cosine"), type(batch.signals)(scores=2 * batch.scores)
        )
        yield doubled, 4 * torch.stack(each).mean()
