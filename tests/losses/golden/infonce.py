"""InfoNCE against sentence-transformers' MultipleNegativesRankingLoss (scale = 1/temperature)."""

import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from bench import losses
from bench.losses import Embeddings, Signals
from tests.losses.outside import Given, batches, features


def cases():
    """(this project's value, the other library's value)."""
    theirs = MultipleNegativesRankingLoss(Given(), scale=20.0)
    for queries, positives, negatives, _ in batches():
        student = Embeddings(queries, positives, negatives)
        columns = features(queries, positives, *negatives.unbind(1))
        both = losses.create("infonce", temperature=0.05)
        yield both(student, Signals()), theirs(columns, None)
        batch = losses.create("infonce", temperature=0.05, negatives="batch")
        yield batch(student, Signals()), theirs(columns[:2], None)
        # A query alone with its own documents: what "triples" means, one query at a time.
        each = [
            theirs([{k: v[i : i + 1] for k, v in column.items()} for column in columns], None)
            for i in range(len(queries))
        ]
        triples = losses.create("infonce", temperature=0.05, negatives="triples")
        yield triples(student, Signals()), torch.stack(each).mean()
