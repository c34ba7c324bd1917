"""RankNet against lightning-ir's, whose temperature multiplies."""

from lightning_ir.loss import RankNet

from bench import losses
from tests.losses.outside import batches, output, targets


def cases():
    """(this project's value, the other library's value)."""
    for temperature in (1.0, 0.25):
        ours = losses.create("ranknet", temperature=temperature)
        theirs = RankNet(temperature=1 / temperature)
        for batch in batches():
            value = theirs.compute_loss(output(batch.dots), targets(batch.scores))
            yield ours(batch.student(), batch.signals), value
