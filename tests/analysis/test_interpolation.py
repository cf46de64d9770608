"""Places between samples, against the sums of sines that they are samples of."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.interpolation import ROOM, between_taps, moduli_between

N_SAMPLES = 96


@given(
    st.integers(0, 2**31),
    st.sampled_from([2, 4, 16, 64]),
    st.integers(1, 5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_moduli_are_those_of_the_signal(seed, n_between, n_channels, begin, end):
    random = np.random.default_rng(seed)
    frequencies = np.arange(-N_SAMPLES // ROOM // 2, N_SAMPLES // ROOM // 2 + 1)
    turns = random.normal(size=(2, n_channels, len(frequencies)))
    weights = turns[0] + 1j * turns[1]

    def signal(places):
        return weights @ np.exp(2j * np.pi * frequencies[:, None] * places / N_SAMPLES)

    n_places = N_SAMPLES * n_between
    first, last = sorted(int(share * (n_places - 1)) for share in (begin, end))
    kept = slice(first, last + 1)
    out = np.empty((last + 1 - first, n_channels), np.float32)
    samples = signal(np.arange(N_SAMPLES)).astype(np.complex64)
    moduli_between(samples, n_between, kept, out)
    expected = np.abs(signal(np.arange(n_places)[kept] / n_between)).T
    assert np.abs(out - expected).max() < 1e-5 * np.abs(weights).sum(axis=1).max()


def test_samples_are_kept_where_they_are():
    taps = between_taps(8)
    np.testing.assert_allclose(taps[0], np.arange(12) == 5, atol=1e-7)
    np.testing.assert_allclose(taps[1:], taps[:0:-1, ::-1], atol=1e-7)
