"""The learning rate over a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.optimization.schedule import factor

shares = st.floats(1e-6, 1)
warmups = st.floats(0, 0.99)


@given(share=shares, warmup=warmups)
def test_constant_after_warmup(share, warmup):
    wanted = share / warmup if share < warmup else 1.0
    assert factor(share, warmup, "constant") == pytest.approx(wanted)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@given(share=shares, warmup=warmups)
def test_decays_stay_within_and_end_at_nothing(schedule, share, warmup):
    assert -1e-9 <= factor(share, warmup, schedule) <= 1
    assert factor(1.0, warmup, schedule) == pytest.approx(0, abs=1e-12)
    assert factor(max(warmup, 1e-9), warmup, schedule) == pytest.approx(1, abs=1e-6)


def test_known_points():
    assert factor(0.05, 0.1, "linear") == pytest.approx(0.5)
    assert factor(0.55, 0.1, "linear") == pytest.approx(0.5)
    assert factor(0.55, 0.1, "cosine") == pytest.approx(0.5)
    assert factor(0.325, 0.1, "cosine") == pytest.approx(0.5 * (1 + 2**-0.5))
