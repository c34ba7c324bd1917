"""MarginMSE against sentence-transformers' own, run here on random tensors."""

from sentence_transformers.sentence_transformer.losses import MarginMSELoss

from bench import losses
from bench.losses import Embeddings, Signals
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    for queries, positives, negatives, scores in batches():
        student = Embeddings(queries, positives, negatives, "dot")
        margins = scores[:, :1] - scores[:, 1:]
        labels = margins if margins.shape[1] > 1 else margins.squeeze(1)
        theirs = MarginMSELoss(Given())
        yield (
            losses.create("margin-mse")(student, Signals(scores)),
            theirs(features(queries, positives, *negatives.unbind(1)), labels),
        )
