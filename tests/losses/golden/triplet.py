"""The triplet hinge against sentence-transformers' TripletLoss on cosine distances."""

import torch
from sentence_transformers.sentence_transformer.losses import TripletDistanceMetric, TripletLoss

from bench import losses
from bench.losses import Signals
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    for margin in (0.2, 0.9):
        theirs = TripletLoss(Given(), TripletDistanceMetric.COSINE, margin)
        for batch in batches():
            ours = losses.create("triplet", margin=margin)(batch.student("cosine"), Signals())
            each = [
                theirs(features(batch.queries, batch.positives, negatives), None)
                for negatives in batch.negatives.unbind(1)
            ]
            yield ours, torch.stack(each).mean()
