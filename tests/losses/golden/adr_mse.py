"""ADR-MSE against lightning-ir's ApproxRankMSE; where scores tie, sentence-transformers'."""

from lightning_ir.loss import ApproxRankMSE
from sentence_transformers.cross_encoder.losses import ADRMSELoss

from bench import losses
from bench.losses import Signals
from tests.losses.outside import GivenScores, batches, output, targets


def cases():
    """(this project's value, the other library's value)."""
    for temperature in (1.0, 0.3):
        ours = losses.create("adr-mse", temperature=temperature)
        untied = ApproxRankMSE(temperature, discount="log2")
        for batch in batches():
            yield (
                ours(batch.student(), batch.signals),
                untied.compute_loss(output(batch.dots), targets(batch.scores)),
            )
            model = GivenScores(batch.dots)
            tied = batch.scores.round()
            yield (
                ours(batch.student(), Signals(scores=tied)),
                ADRMSELoss(model, alpha=1 / temperature)(model.inputs, list(tied)),
            )
