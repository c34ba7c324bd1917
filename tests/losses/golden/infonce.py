"""InfoNCE against sentence-transformers' MultipleNegativesRankingLoss (scale = 1/temperature)."""

import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from bench import losses
from bench.losses import Signals
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    theirs = MultipleNegativesRankingLoss(Given(), scale=20.0)
    for batch in batches():
        student, columns = batch.student("cosine"), features(*batch.columns)
        both = losses.create("infonce", temperature=0.05)
        yield both(student, Signals()), theirs(columns, None)
        positives = losses.create("infonce", temperature=0.05, negatives="batch")
        yield positives(student, Signals()), theirs(columns[:2], None)
        # A query alone with its own documents: what "triples" means, one query at a time.
        each = [
            theirs([{k: v[i : i + 1] for k, v in column.items()} for column in columns], None)
            for i in range(len(batch.queries))
        ]
        triples = losses.create("infonce", temperature=0.05, negatives="triples")
        yield triples(student, Signals()), torch.stack(each).mean()
