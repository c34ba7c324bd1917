"""What every registered loss must satisfy, picked up by itself (float64 unless said)."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.checkpoint import checkpoint

from bench import losses
from bench.errors import InputError
from bench.losses import Embeddings, Loss, Signal, Signals
from bench.losses.base import Objective
from bench.registry import parse_entry
from tests.losses.cases import Parts, batch, each, leaves, variants

NAMES = losses.registry.names()
EVERY = [loss for name in NAMES for loss in variants(name)]
# One side alone does not tell a positive from a negative.
TWO_SIDED = [loss for loss in EVERY if getattr(loss, "texts", "both") == "both"]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=str)
batches = given(seed=st.integers(0, 2**31), size=st.integers(1, 5), count=st.integers(1, 3))


@every_loss
@settings(max_examples=15, deadline=None)
@batches
def test_finite_scalar_and_no_gradient_to_the_teacher(loss, seed, size, count):
    parts, signals = batch(seed, size, count)
    parts = leaves(parts)
    teacher = each(signals, lambda value: value.clone().requires_grad_())
    value = loss(Embeddings(*parts), teacher)
    assert value.dim() == 0
    assert value.isfinite()
    value.backward()
    assert all(signal.grad is None for signal in vars(teacher).values())
    assert any(part.grad is not None for part in parts)
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


def _gradient(loss: Loss, parts: Parts, signals: Signals) -> torch.Tensor:
    queries, positives, negatives = leaves(parts)
    loss(Embeddings(queries, positives, negatives), signals).backward()
    return positives.grad


def _gradient_without(loss: Loss, parts: Parts) -> torch.Tensor:
    attached = losses.create(loss, detach_target=False)
    return _gradient(attached, parts, Signals())


@every_loss
@settings(max_examples=15, deadline=None)
@batches
def test_the_order_of_the_batch_does_not_matter(loss, seed, size, count):
    parts, signals = batch(seed, size, count)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    value = loss(Embeddings(*parts), signals)
    turned = each(signals, lambda signal: signal[order])
    turned = Signals(**{**vars(turned), "in_batch": turned.in_batch[:, order]})
    shuffled = loss(Embeddings(*(part[order] for part in parts)), turned)
    assert shuffled.item() == pytest.approx(value.item(), rel=1e-9, abs=1e-12)


def agreeing(size: int = 3) -> tuple[Parts, Signals]:
    """A student that ranks every positive above its negative, and a teacher that says the same.

    Topic i has three dimensions of its own: s(q,p) = 0.9, s(q,n) = 0.2, s(p,n) = 0.31.
    """
    topic = torch.tensor([[1, 0, 0], [0.9, 0.19**0.5, 0], [0.2, 0.3, 0.87**0.5]]).double()
    texts = torch.zeros(size, 3, 3 * size, dtype=torch.float64)
    for row in range(size):
        texts[row, :, 3 * row : 3 * row + 3] = topic
    queries, positives, negatives = texts.unbind(1)
    parts = [queries, positives, negatives.unsqueeze(1)]
    student = Embeddings(*parts)
    return parts, Signals(student.scores(), student.in_batch(), queries, student.documents)


@every_loss
def test_agreeing_with_labels_and_teacher_costs_less_than_any_vectors(loss):
    parts, signals = agreeing()
    others, _ = batch(1, 3, 1, width=9)
    assert loss(Embeddings(*parts), signals) < loss(Embeddings(*others), signals)


@pytest.mark.parametrize("loss", TWO_SIDED, ids=str)
def test_swapping_positive_and_negative_costs_more(loss):
    (queries, positives, negatives), signals = agreeing()
    swapped = Embeddings(queries, negatives[:, 0], positives.unsqueeze(1))
    assert loss(Embeddings(queries, positives, negatives), signals) < loss(swapped, signals)


@pytest.mark.parametrize("loss", TWO_SIDED, ids=str)
def test_a_step_down_the_gradient_favours_the_positive(loss):
    """Where the negatives score far above the positives, descent widens the margins."""
    (queries, positives, negatives), signals = agreeing()
    parts = leaves([queries, negatives[:, 0], positives.unsqueeze(1)])
    before = Embeddings(*parts).scores()
    loss(Embeddings(*parts), signals).backward()
    moved = [part if part.grad is None else part - 0.001 * part.grad for part in parts]
    after = Embeddings(*moved).scores()
    assert (after[:, 0] - after[:, 1]).mean() > (before[:, 0] - before[:, 1]).mean()


@pytest.mark.parametrize(
    "loss", [loss for loss in EVERY if getattr(loss, "in_batch", False)], ids=str
)
def test_in_batch_with_one_triple_is_pairwise(loss):
    parts, signals = batch(11, 1, 1)
    pairwise = losses.create(loss, in_batch=False)
    value = loss(Embeddings(*parts), signals)
    assert value.item() == pytest.approx(pairwise(Embeddings(*parts), signals).item(), rel=1e-12)


def test_tas_balanced_with_one_triple_is_margin_mse():
    parts, signals = batch(11, 1, 3)
    value = losses.create("tas-balanced")(Embeddings(*parts), signals)
    assert value.item() == losses.create("margin-mse")(Embeddings(*parts), signals).item()


@every_loss
def test_encoding_in_chunks_changes_nothing(loss):
    """A gradient cache: texts encoded a few at a time, and again on the way back."""
    texts, signals = batch(7, 4, 2, width=6)
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Dropout(0.3))
    encoder.double()
    rows = torch.cat([texts[0], texts[1], texts[2].flatten(0, 1)])

    def gradients(cached: bool) -> Parts:
        torch.manual_seed(1)
        encoder.zero_grad()
        vectors = torch.cat(
            [
                checkpoint(encoder, chunk, use_reentrant=False) if cached else encoder(chunk)
                for chunk in rows.split(3)
            ]
        )
        queries, positives, negatives = vectors.split([4, 4, 8])
        loss(Embeddings(queries, positives, negatives.view(4, 2, 5)), signals).backward()
        return [parameter.grad.clone() for parameter in encoder.parameters()]

    for whole, chunked in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(chunked, whole, rtol=1e-12, atol=1e-14)


@every_loss
def test_name_and_options_round_trip(loss):
    assert losses.create(str(loss)) == loss
    name, options = parse_entry(str(loss))
    assert losses.create({"name": name, **options}) == loss
    assert losses.create(loss).specification == loss.specification


@every_loss
def test_the_search_space_is_of_options_it_takes(loss):
    for option, space in loss.space().items():
        for end in (space.low, space.high):
            assert loss.vary({option: end}) != loss.vary({option: (space.low + space.high) / 2})
    with pytest.raises(InputError, match="nonsense"):
        loss.vary({"nonsense": 1})


@every_loss
def test_low_precision_agrees(loss):
    """float32 to 1e-4, bf16 to 5 % of values of order one."""
    parts, signals = batch(5, 8, 2, width=16, teacher_width=16)
    wanted = loss(Embeddings(*parts), signals).item()
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 5e-2)):
        cast = Embeddings(*(part.to(dtype) for part in parts))
        value = loss(cast, each(signals, lambda value, dtype=dtype: value.to(dtype))).item()
        assert value == pytest.approx(wanted, rel=tolerance, abs=tolerance), dtype


@every_loss
def test_missing_or_misshapen_signals_are_refused(loss):
    parts, signals = batch(5, 4, 2)
    student, names = Embeddings(*parts), [field.name for field in fields(Signals)]
    asked = {signal.name.lower(): signal for signal in loss.needs()}
    # What it does not ask for, it does not look at.
    sparse = Signals(**{name: getattr(signals, name) for name in asked})
    assert loss(student, sparse).item() == loss(student, signals).item()
    assert {signal.name.lower() for signal in Signal} == set(names)
    for name, signal in asked.items():
        given = vars(sparse)
        with pytest.raises(InputError, match=f"gives no {signal}; it needs \\[4"):
            loss(student, Signals(**{**given, name: None}))
        with pytest.raises(InputError, match=f"{signal} must be \\[4.*, not \\[3"):
            loss(student, Signals(**{**given, name: given[name][:3]}))


@every_loss
def test_a_dot_product_is_taken_or_refused(loss):
    parts, signals = batch(5, 4, 2)
    student = Embeddings(*parts, "dot")
    try:
        value = loss(student, signals)
    except InputError:
        # Refused before anything runs too, in the same words.
        with pytest.raises(InputError, match="similarity = 'cosine'"):
            loss.check_similarity("dot")
    else:
        loss.check_similarity("dot")
        assert value.isfinite()


@every_loss
def test_a_teacher_of_another_width_is_met_by_parameters_of_the_loss(loss):
    parts, signals = batch(5, 4, 2, teacher_width=7)
    objective = built(loss, 7)
    objective(Embeddings(*leaves(parts)), signals).backward()
    if own := parameters(objective):
        with pytest.raises(InputError, match="build\\(5, 7\\)"):
            loss(Embeddings(*parts), signals)
        assert all(value.grad.abs().sum() > 0 for value in own)
        assert not parameters(built(loss, 5))


def built(loss: Loss, teacher_width: int) -> Objective:
    """The loss for a student of width 5, its parameters in float64."""
    objective = loss.build(5, teacher_width)
    return objective.double() if isinstance(objective, torch.nn.Module) else objective


def parameters(objective: Objective) -> Parts:
    return list(objective.parameters()) if isinstance(objective, torch.nn.Module) else []


@every_loss
def test_what_is_watched_is_a_number(loss):
    parts, signals = batch(5, 4, 2, teacher_width=7)
    for name, value in built(loss, 7).diagnostics(Embeddings(*parts), signals).items():
        assert value.dim() == 0, name
        assert value.isfinite(), name


def test_misshapen_embeddings_are_refused():
    (queries, positives, negatives), _ = batch(1, 4, 2)
    with pytest.raises(InputError, match=r"positives \[B,d\]"):
        Embeddings(queries, positives[:3], negatives)
    with pytest.raises(InputError, match="similarity"):
        Embeddings(queries, positives, negatives, "euclid")
