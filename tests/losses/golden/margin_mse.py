"""MarginMSE against sentence-transformers' and lightning-ir's own, run here on random tensors."""

from lightning_ir.loss import SupervisedMarginMSE
from sentence_transformers.sentence_transformer.losses import MarginMSELoss

from bench import losses
from bench.losses import Signals
from tests.losses.outside import Given, batches, features, output, targets


def cases():
    """(this project's value, the other library's value)."""
    ours = losses.create("margin-mse")
    for batch in batches():
        margins = batch.scores[:, :1] - batch.scores[:, 1:]
        labels = margins if margins.shape[1] > 1 else margins.squeeze(1)
        theirs = MarginMSELoss(Given())
        yield ours(batch.student(), batch.signals), theirs(features(*batch.columns), labels)
        if margins.shape[1] == 1:
            # Theirs pairs by the teacher's order; a square does not mind which comes first.
            value = SupervisedMarginMSE().compute_loss(output(batch.dots), targets(batch.scores))
            yield ours(batch.student(), Signals(scores=batch.scores)), value
