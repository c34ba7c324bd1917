"""KL over lists against lightning-ir's KLDivergence and sentence-transformers' DistillKLDivLoss."""

from lightning_ir.loss import KLDivergence
from sentence_transformers.sentence_transformer.losses import DistillKLDivLoss
from sentence_transformers.util import pairwise_cos_sim

from bench import losses
from tests.losses.outside import Given, batches, features, output, targets


def cases():
    """(this project's value, the other library's value)."""
    plain = {"temperature": 1.0, "teacher_temperature": 1.0}
    for batch in batches():
        forward = losses.create("list-kl", **plain)(batch.student(), batch.signals)
        theirs = KLDivergence()
        yield forward, theirs.compute_loss(output(batch.dots), targets(batch.scores))
        reverse = losses.create("list-kl", direction="reverse", **plain)
        # KL(student‖teacher) is their KL with the two handed over the other way round.
        yield (
            reverse(batch.student(), batch.signals),
            theirs.compute_loss(output(batch.scores), targets(batch.dots)),
        )
        warm = DistillKLDivLoss(
            Given(), pairwise_cos_sim, student_temperature=0.1, teacher_temperature=0.7
        )
        ours = losses.create("list-kl", temperature=0.1, teacher_temperature=0.7)
        value = warm(features(*batch.columns), batch.scores)
        yield ours(batch.student("cosine"), batch.signals), value / 0.1**2
