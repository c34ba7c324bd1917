"""A sum against the weighted values of sentence-transformers' own losses."""

from sentence_transformers.sentence_transformer.losses import (
    MarginMSELoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.util import dot_score

from bench import losses
from tests.losses.outside import Given, batches, features

OPTIONS = {"parts": ["infonce(temperature=0.1)", "margin-mse"], "weights": [1.0, 0.25]}


def cases():
    """(this project's value, the other library's value)."""
    contrastive = MultipleNegativesRankingLoss(Given(), scale=10.0, similarity_fct=dot_score)
    for batch in batches():
        margins = batch.scores[:, :1] - batch.scores[:, 1:]
        labels = margins if margins.shape[1] > 1 else margins.squeeze(1)
        columns = features(*batch.columns)
        theirs = contrastive(columns, None) + 0.25 * MarginMSELoss(Given())(columns, labels)
        yield losses.create("sum", **OPTIONS)(batch.student(), batch.signals), theirs
