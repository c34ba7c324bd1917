"""What every registered loss must satisfy, picked up by itself."""

import itertools
import typing

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import losses
from bench.errors import InputError
from bench.losses import Embeddings, Loss, Signal, Signals
from bench.registry import parse_entry

NAMES = losses.registry.names()


def variants(name: str) -> list[Loss]:
    """The loss with its defaults, and with each other value of each option that has a fixed few."""
    cls = losses.registry.get(name)
    hints = typing.get_type_hints(cls)
    axes = {
        field: [True, False] if hints[field] is bool else list(typing.get_args(hints[field]))
        for field in cls.__dataclass_fields__
        if hints[field] is bool or typing.get_origin(hints[field]) is typing.Literal
    }
    return [
        losses.create(name, **dict(zip(axes, values, strict=True)))
        for values in itertools.product(*axes.values())
    ]


EVERY = [loss for name in NAMES for loss in variants(name)]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=str)


def batch(seed: int, size: int, count: int, width: int = 5) -> tuple[list[torch.Tensor], Signals]:
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    parts = [normal(size, width), normal(size, width), normal(size, count, width)]
    return parts, Signals(scores=normal(size, 1 + count))


def leaves(parts: list[torch.Tensor]) -> list[torch.Tensor]:
    return [part.clone().requires_grad_() for part in parts]


@every_loss
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 5), count=st.integers(1, 3))
def test_finite_scalar_and_no_gradient_to_the_teacher(loss, seed, size, count):
    parts, signals = batch(seed, size, count)
    parts = leaves(parts)
    teacher = Signals(scores=signals.scores.clone().requires_grad_())
    value = loss(Embeddings(*parts), teacher)
    assert value.dim() == 0
    assert value.isfinite()
    value.backward()
    assert teacher.scores.grad is None
    # A loss may leave the triples' negatives aside, never the queries and positives.
    assert parts[0].grad is not None
    assert parts[1].grad is not None
    assert all(part.grad is None or part.grad.isfinite().all() for part in parts)


@every_loss
def test_gradients_are_those_of_the_value(loss):
    """Against finite differences; |x| and the like are smooth almost everywhere."""
    parts, signals = batch(3, 3, 2)
    detached = getattr(loss, "detach_target", False)
    if detached:
        # What is detached has no gradient by design, so the two must differ.
        assert not torch.equal(_gradient(loss, parts, signals), _gradient_without(loss, parts))
        return
    assert torch.autograd.gradcheck(
        lambda q, p, n: loss(Embeddings(q, p, n), signals), leaves(parts), atol=1e-6
    )


def _gradient(loss: Loss, parts: list[torch.Tensor], signals: Signals) -> torch.Tensor:
    queries, positives, negatives = leaves(parts)
    loss(Embeddings(queries, positives, negatives), signals).backward()
    return positives.grad


def _gradient_without(loss: Loss, parts: list[torch.Tensor]) -> torch.Tensor:
    attached = losses.create(loss, detach_target=False)
    return _gradient(attached, parts, Signals())


@every_loss
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 6), count=st.integers(1, 3))
def test_the_order_of_the_batch_does_not_matter(loss, seed, size, count):
    parts, signals = batch(seed, size, count)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    value = loss(Embeddings(*parts), signals)
    shuffled = loss(
        Embeddings(*(part[order] for part in parts)), Signals(scores=signals.scores[order])
    )
    assert shuffled.item() == pytest.approx(value.item(), rel=1e-9, abs=1e-12)


@every_loss
def test_a_step_down_the_gradient_favours_the_positive(loss):
    """Where the negative scores far above the positive, descent widens the margin."""
    query = torch.eye(1, 5, dtype=torch.float64)
    parts = leaves([query, 0.3 - query, (query + 0.1).unsqueeze(1)])
    teacher = Signals(scores=torch.tensor([[1.0, 0.0]], dtype=torch.float64))
    before = Embeddings(*parts).scores()
    loss(Embeddings(*parts), teacher).backward()
    if all(part.grad is None or not part.grad.any() for part in parts):
        pytest.skip("one triple alone carries no gradient: its only candidate is its positive")
    moved = [part.detach() - 0.05 * part.grad for part in parts]
    after = Embeddings(*moved).scores()
    assert (after[:, 0] - after[:, 1]) > (before[:, 0] - before[:, 1])


def test_infonce_over_the_batch_wants_each_query_its_own_positive():
    loss = losses.create("infonce", negatives="batch")
    queries = torch.eye(3, 5, dtype=torch.float64)
    negatives = torch.ones(3, 1, 5, dtype=torch.float64)
    right = loss(Embeddings(queries, queries, negatives), Signals())
    wrong = loss(Embeddings(queries, queries.roll(1, 0), negatives), Signals())
    assert right < 1e-6 < wrong


@pytest.mark.parametrize(
    "loss", [loss for loss in EVERY if getattr(loss, "in_batch", False)], ids=str
)
def test_in_batch_with_one_triple_is_pairwise(loss):
    parts, signals = batch(11, 1, 1)
    pairwise = losses.create(loss, in_batch=False)
    value = loss(Embeddings(*parts), signals)
    assert value.item() == pytest.approx(pairwise(Embeddings(*parts), signals).item(), rel=1e-12)


@every_loss
def test_name_and_options_round_trip(loss):
    assert losses.create(str(loss)) == loss
    name, options = parse_entry(str(loss))
    assert losses.create({"name": name, **options}) == loss


@every_loss
def test_low_precision_agrees(loss):
    """float32 to 1e-4, bf16 to 5 % of values of order one."""
    parts, signals = batch(5, 8, 2, width=16)
    wanted = loss(Embeddings(*parts), signals).item()
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 5e-2)):
        cast = Embeddings(*(part.to(dtype) for part in parts))
        value = loss(cast, Signals(scores=signals.scores.to(dtype))).item()
        assert value == pytest.approx(wanted, rel=tolerance, abs=tolerance), dtype


@every_loss
def test_missing_or_misshapen_signals_are_refused(loss):
    parts, signals = batch(5, 4, 2)
    student = Embeddings(*parts)
    if Signal.SCORES in loss.needs():
        with pytest.raises(InputError, match=r"needs \[4, 3\]"):
            loss(student, Signals())
        with pytest.raises(InputError, match=r"must be \[4, 3\], not \[4, 2\]"):
            loss(student, Signals(scores=signals.scores[:, :2]))
    else:
        assert loss(student, Signals()).item() == loss(student, signals).item()


def test_misshapen_embeddings_are_refused():
    (queries, positives, negatives), _ = batch(1, 4, 2)
    with pytest.raises(InputError, match=r"positives \[B,d\]"):
        Embeddings(queries, positives[:3], negatives)
    with pytest.raises(InputError, match="similarity"):
        Embeddings(queries, positives, negatives, "euclid")


def test_margins_need_a_cosine():
    parts, _ = batch(1, 4, 1)
    for name in ("static-margin", "adaptive-margin", "distributed-margin"):
        with pytest.raises(InputError, match="cosine"):
            losses.create(name)(Embeddings(*parts, "dot"), Signals())
