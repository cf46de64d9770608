from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.sweep_quality import baseline, seal_test
from panneuro.core.errors import InputError

RATE_HZ = 50_000.0


def test_noise_is_told_from_drift():
    rng = np.random.default_rng(0)
    t = np.arange(0, 1, 1 / RATE_HZ)
    found = baseline(-0.07 + 0.004 * t + 1e-4 * rng.standard_normal(len(t)), RATE_HZ)
    assert found.noise == pytest.approx(1e-4, rel=0.05)
    assert found.drift == pytest.approx(0.003, rel=0.05)
    assert found.slow_noise == pytest.approx(0.004 / np.sqrt(12), rel=0.05)
    assert found.level == pytest.approx(-0.068, abs=1e-4)


def test_only_the_stretch_counts():
    sweep = np.r_[np.zeros(5_000), np.ones(5_000)]
    assert baseline(sweep, RATE_HZ, 0.0, 0.1).level == 0.0
    assert baseline(sweep, RATE_HZ, 0.1).level == 1.0
    with pytest.raises(InputError, match="too short"):
        baseline(sweep, RATE_HZ, 0.0, 0.004)


@given(
    access=st.floats(3e6, 4e7),
    membrane=st.floats(5e7, 1e9),
    farad=st.floats(1e-11, 1e-10),
    step=st.sampled_from([-0.01, -0.005, 0.005]),
)
def test_a_circuit_is_measured(access, membrane, farad, step):
    t = np.arange(0, 0.1, 1 / RATE_HZ) - 0.02
    late = step / (access + membrane)
    tau = farad / (1 / access + 1 / membrane)
    course = late + (step / access - late) * np.exp(-np.maximum(t, 0) / tau)
    found = seal_test(np.where(t < 0, 0.0, course) - 3e-11, RATE_HZ, 0.02, 0.1, step)
    assert found.access_ohm == pytest.approx(access, rel=0.02)
    assert found.membrane_ohm == pytest.approx(membrane, rel=0.02)
    assert found.capacitance_f == pytest.approx(farad, rel=0.03)
    assert found.holding_a == pytest.approx(-3e-11)


def test_what_is_no_transient_is_refused():
    with pytest.raises(InputError, match="no transient"):
        seal_test(np.zeros(5_000), RATE_HZ, 0.02, 0.09, 0.005)
    with pytest.raises(InputError, match="is not in a sweep"):
        seal_test(np.zeros(5_000), RATE_HZ, 0.02, 0.5, 0.005)
