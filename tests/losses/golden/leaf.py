"""LEAF against sentence-transformers' EmbedDistillLoss (l2) with the teacher at length 1."""

import torch
from sentence_transformers.sentence_transformer.losses import EmbedDistillLoss

from bench import losses
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    theirs = EmbedDistillLoss(Given(), distance_metric="l2")
    for batch in batches():
        labels = torch.nn.functional.normalize(batch.teacher_columns, dim=-1)
        value = theirs(features(*batch.columns), labels)
        for similarity in ("dot", "cosine"):
            yield losses.create("leaf")(batch.student(similarity), batch.signals), value
