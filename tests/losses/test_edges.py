"""Where a batch is unlucky: ties, duplicates, scores far apart, a guide that hides everything."""

import pytest
import torch

from bench import losses
from bench.errors import InputError
from bench.losses import Embeddings, Signals
from tests.losses.cases import batch, each, leaves, variants

EVERY = [loss for name in losses.registry.names() for loss in variants(name)]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=str)


def finite(loss, parts, signals) -> torch.Tensor:
    """The value; it and its gradients are finite."""
    parts = leaves(parts)
    value = loss(Embeddings(*parts), signals)
    value.backward()
    assert value.isfinite()
    assert all(part.grad is None or part.grad.isfinite().all() for part in parts)
    return value


@every_loss
def test_a_collapsed_student(loss):
    (queries, _, _), signals = batch(1, 4, 2)
    one = queries[:1].expand(4, -1)
    finite(loss, [one, one, one.unsqueeze(1).expand(-1, 2, -1)], signals)


@every_loss
def test_a_student_that_is_its_teacher(loss):
    (queries, positives, negatives), signals = batch(1, 4, 2)
    documents = torch.cat([positives.unsqueeze(1), negatives], dim=1)
    finite(loss, [queries, positives, negatives], Signals(*vars(signals).values()))
    same = Signals(signals.scores, signals.in_batch, queries, documents)
    finite(loss, [queries, positives, negatives], same)


@every_loss
def test_a_text_twice_in_a_batch(loss):
    parts, signals = batch(1, 4, 2)
    twice = torch.tensor([0, 0, 2, 3])
    finite(loss, [part[twice] for part in parts], each(signals, lambda value: value[twice]))


@every_loss
def test_a_teacher_that_ties_everything(loss):
    parts, signals = batch(1, 4, 2)
    finite(loss, parts, each(signals, torch.ones_like))


@every_loss
def test_a_vector_of_zeros(loss):
    (queries, positives, negatives), signals = batch(1, 4, 2)
    finite(loss, [queries * 0, positives, negatives], signals)


@every_loss
def test_scores_far_apart(loss):
    """A cross-encoder's logits may be tens apart; float32, as in training."""
    parts, signals = batch(1, 4, 2)
    far = each(signals, lambda value: 100 * value.float())
    finite(loss, [part.float() for part in parts], far)


@pytest.mark.parametrize("name", ["ranknet", "lambda", "curriculum-rank"])
def test_no_pair_no_cost(name):
    parts, signals = batch(1, 4, 2)
    tied = Signals(scores=torch.ones_like(signals.scores))
    assert finite(losses.create(name), parts, tied) == 0


def test_a_guide_hides_every_negative():
    parts, _ = batch(1, 4, 2)
    # Each query's own positive is what the guide likes least.
    everything = torch.ones(4, 3, 5).double()
    documents = torch.cat([-everything[:, :1], everything[:, 1:]], dim=1)
    guide = Signals(queries=everything[:, 0], documents=documents)
    loss = losses.create("guided-infonce", contrast="documents")
    hidden = loss(Embeddings(*parts), guide)
    # What is left are the positives, all tied in the guide's eyes.
    only = losses.create("infonce", negatives="batch")
    assert hidden.item() == pytest.approx(only(Embeddings(*parts), Signals()).item())


def test_a_guide_never_sets_a_text_against_itself():
    """One triple, nothing hidden: other queries and positives there are none."""
    parts, signals = batch(1, 1, 2)
    guided = losses.create("guided-infonce", margin=-5.0)
    triples = losses.create("infonce", negatives="triples")
    wanted = triples(Embeddings(*parts), Signals())
    assert guided(Embeddings(*parts), signals).item() == pytest.approx(wanted.item(), rel=1e-12)


def test_a_query_vector_beside_each_document_is_matched_with_all_of_them():
    """As a teacher gives it that reads pairs jointly: the student has one vector a query."""
    parts, signals = batch(1, 4, 2)
    beside = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(2)).double()
    student = Embeddings(*parts, "dot")
    for error in ("norm", "squared", "cosine"):
        loss = losses.create("embedding-match", texts="queries", error=error)
        each_column = [loss(student, Signals(queries=column)) for column in beside.unbind(1)]
        together = loss(student, Signals(queries=beside))
        assert together.item() == pytest.approx(torch.stack(each_column).mean().item(), rel=1e-12)
    for name in ("relational", "gram-match", "leaf"):
        finite(losses.create(name), parts, Signals(queries=beside, documents=signals.documents))


def test_a_guide_must_give_one_vector_a_query():
    parts, signals = batch(1, 4, 2)
    beside = signals.queries.unsqueeze(1).expand(-1, 3, -1)
    with pytest.raises(InputError, match="one vector a query"):
        losses.create("guided-infonce")(
            Embeddings(*parts), Signals(queries=beside, documents=signals.documents)
        )
