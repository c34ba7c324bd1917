"""LambdaLoss against sentence-transformers', given the teacher's reciprocal ranks as labels."""

from sentence_transformers.cross_encoder import losses as theirs
from sentence_transformers.cross_encoder.losses import lambda_loss as schemes

from bench import losses
from bench.losses import Signals
from tests.losses.outside import GivenScores, batches

SCHEMES = {
    "ndcg2++": schemes.NDCGLoss2PPScheme,
    "ndcg2": schemes.NDCGLoss2Scheme,
    "lambdarank": schemes.LambdaRankScheme,
}


def cases():
    """(this project's value, the other library's value)."""
    for weights, scheme in SCHEMES.items():
        ours = losses.create("lambda", temperature=0.5, weights=weights)
        for batch in batches():
            ranks = (batch.scores.unsqueeze(2) < batch.scores.unsqueeze(1)).sum(2) + 1
            model = GivenScores(batch.dots)
            loss = theirs.LambdaLoss(model, scheme(), sigma=2.0)
            yield (
                ours(batch.student(), Signals(scores=batch.scores)),
                loss(model.inputs, list(1 / ranks)),
            )
