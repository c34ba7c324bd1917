"""EmbedDistill's objective against sentence-transformers' and lightning-ir's parts of it."""

import torch
from sentence_transformers.sentence_transformer.losses import (
    DistillKLDivLoss,
    EmbedDistillLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.util import pairwise_cos_sim

from bench import losses
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    one_hot = MultipleNegativesRankingLoss(Given(), scale=20.0)
    scores = DistillKLDivLoss(Given(), pairwise_cos_sim, temperature=0.05)
    matching = EmbedDistillLoss(Given(), distance_metric="l2")
    for batch in batches():
        columns = features(*batch.columns)
        unit = features(*(torch.nn.functional.normalize(text, dim=-1) for text in batch.columns))
        labels = batch.teacher_columns
        theirs = [
            one_hot(columns, None),
            scores(columns, batch.scores) / 0.05**2,
            matching(unit[:1], labels[:, 0]) + matching(unit[1:], labels[:, 1:]),
        ]
        student = batch.student("cosine")
        yield losses.create("embed-distill")(student, batch.signals), sum(theirs)
        weighted = losses.create("embed-distill", weights=[1.0, 0.5, 5.0])
        value = theirs[0] + 0.5 * theirs[1] + 5 * theirs[2]
        yield weighted(student, batch.signals), value
