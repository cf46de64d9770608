from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.codecs.lattice_lpc import encode
from panneuro.formats.readers import read
from panneuro.lake.noise import entropy, floor_bits, suits

RANDOM = np.random.default_rng(0)


def driven(noise):
    """Return what a resonance of second order makes of noise."""
    found = np.zeros_like(noise)
    for row in range(2, len(noise)):
        found[row] = 1.3 * found[row - 1] - 0.5 * found[row - 2] + noise[row]
    return found


def as_samples(values, dtype="i2"):
    return np.rint(values).astype(dtype)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 5.0, 50.0, 3000.0])
def test_of_white_noise_it_is_the_entropy(sigma):
    white = as_samples(RANDOM.normal(0.2, sigma, (4096, 96)))
    assert floor_bits([white], 96) == pytest.approx(entropy(0.2, sigma), rel=0.01)


@pytest.mark.parametrize("dtype", ["u2", "i4", "u4"])
def test_of_every_type(dtype):
    white = as_samples(1000 + RANDOM.normal(0, 20, (4096, 8)), dtype)
    assert floor_bits([white], 8) == pytest.approx(entropy(0, 20), rel=0.01)


@pytest.mark.parametrize("sigma", [3.0, 6.0, 20.0])
def test_what_can_be_predicted_does_not_count(sigma):
    drift = 8 * sigma * np.sin(np.arange(8192) / 40)[:, None]
    samples = as_samples(driven(RANDOM.normal(0, sigma, (8192, 96))) + drift)
    assert floor_bits([samples], 96) == pytest.approx(entropy(0, sigma), rel=0.03)
    assert np.log2(samples.std()) > np.log2(sigma) + 1


def test_spikes_hardly_count():
    traces = driven(RANDOM.normal(0, 20, (8192, 32)))
    quiet = floor_bits([as_samples(traces)], 32)
    for start in range(100, 8000, 200):
        traces[start : start + 30, start % 28 : start % 28 + 4] -= 900 * np.hanning(30)[:, None]
    assert floor_bits([as_samples(traces)], 32) == pytest.approx(quiet, rel=0.02)


def test_it_is_in_steps_of_the_lattice():
    counts = RANDOM.normal(0, 6, (4096, 32)).round()
    scaled = np.floor(counts * 12.019 + 0.4).astype("i2")
    assert floor_bits([scaled], 32) == pytest.approx(entropy(0, 6), rel=0.01)


def test_tiles_and_stretches_are_averaged():
    wide = np.hstack([RANDOM.normal(0, sigma, (2000, 40)) for sigma in (2, 32)])
    later = RANDOM.normal(0, 8, (2000, 80))
    expected = np.mean([entropy(0, 2), entropy(0, 32), entropy(0, 8), entropy(0, 8)])
    found = floor_bits([as_samples(wide), as_samples(later)], 40)
    assert found == pytest.approx(expected, rel=0.01)


def test_many_tiles_are_not_all_looked_at():
    assert floor_bits([as_samples(RANDOM.normal(0, 4, (1000, 300)))], 10) is not None


def test_what_has_no_noise():
    assert floor_bits([np.full((2000, 4), 7, "i2")], 4) == 0
    clock = np.tile([0, 0, 1, 1], 1000).astype("i2")[:, None]
    assert floor_bits([clock], 1) < 0.1


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((5000,), "i2"), ((5000, 4, 4), "i2"), ((5000, 4), "f4"), ((999, 4), "i2"), ((9999, 4), "i8")],
)
def test_where_it_says_nothing_there_is_none(shape, dtype):
    assert not suits(shape, dtype)
    assert floor_bits([np.zeros(shape, dtype)], 4) is None


@settings(max_examples=30)
@given(st.floats(-1, 1), st.floats(0.05, 30))
def test_the_entropy_of_a_rounded_gaussian(mean, sigma):
    levels = np.arange(-400, 401)
    edges = [math.erf((level - 0.5 - mean) / sigma / math.sqrt(2)) for level in (*levels, 401)]
    shares = np.diff(edges) / 2
    shares = shares[shares > 0]
    expected = -(shares * np.log2(shares)).sum()
    assert entropy(mean, sigma) == pytest.approx(expected, abs=1e-6)
    if sigma > 1:
        assert entropy(mean, sigma) == pytest.approx(math.log2(sigma * 4.1327), abs=0.07)


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("raw/locust_tetrode", "locust_trial_01"),
        ("raw/spikeglx/np_ultra_stub", "ap"),
        ("raw/biocam/biocam_hw3.0_fw1.6.brw", "mea"),
    ],
)
def test_real_recordings_are_stored_above_it_but_not_far(sample_data, name, signal):
    data = {one.name: one for one in read(sample_data / name).signals}[signal].data
    samples = np.ascontiguousarray(data[: 5 * 2048, :96])
    floor = floor_bits([samples], 96)
    bits = 8 * len(encode(samples)) / samples.size
    assert 0.99 * floor < bits < 1.1 * floor
