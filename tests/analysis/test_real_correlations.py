"""Correlations and information of real recordings: macaque V4, and a rat's hippocampus."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.correlations import noise_correlations, signal_correlations
from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.expected_correlograms import jitter_expectation
from panneuro.analysis.information import mutual_information
from panneuro.analysis.psth import count_windows
from panneuro.analysis.spatial_information import spatial_information
from panneuro.analysis.synchrony import excess
from panneuro.formats.readers import read


@pytest.fixture
def v4(sample_data):
    """Return responses of 50 neurons, and the image of each trial."""
    responses = np.load(sample_data / "spikes/v4_images/responses_210325.npy")
    shown = np.isfinite(responses).all(axis=0)
    images = np.flatnonzero(shown.sum(axis=1) >= 8)
    image, column = np.nonzero(shown[images])
    return responses[:, images[image], column].T, image


@pytest.fixture
def track(sample_data):
    """Return the units of a rat that runs on a track, and its position."""
    folder = sample_data / "spikes/nelpy/linear-track"
    fields = [("t", "<u4"), ("x", "<u2"), ("y", "<u2"), ("x2", "<u2"), ("y2", "<u2")]
    raw = (folder / "trajectory.videoPositionTracking").read_bytes()
    rows = np.frombuffer(raw.split(b"<End settings>\n", 1)[1], dtype=fields)
    return read(folder / "spikes.mat").signals[0], rows["t"] / 30_000, rows["x"].astype(float)


def test_v4_shares_noise_and_each_neuron_is_tuned(v4):
    responses, image = v4
    off = ~np.eye(responses.shape[1], dtype=bool)
    noise = noise_correlations(responses, image, standardised=True).values[off]
    assert 0.0 < noise.mean() < 0.3
    signal = signal_correlations(responses, image).values[off]
    biased = signal_correlations(responses, image, corrected=False).values[off]
    assert np.corrcoef(signal, biased)[0, 1] > 0.95


def test_v4_tells_of_images(v4):
    responses, image = v4
    counts = np.minimum(np.rint(responses * 10), 4).astype(int)
    found = mutual_information(counts, image, n_permutations=99)
    assert (found.p <= 0.05).mean() > 0.8
    assert (found.information < found.plug_in).all()


def test_hippocampal_correlograms_obey_their_laws(track):
    units, _, _ = track
    counted = correlograms(units, rate_hz=30_000)
    np.testing.assert_array_equal(counted, counted.values.transpose(1, 0, 2)[..., ::-1])
    own = counted.values[np.arange(len(units)), np.arange(len(units))]
    # A neuron cannot fire twice within a millisecond or so.
    assert own[:, 49:52].sum() < 0.1 * own[:, 53:58].sum()
    found = excess(counted, jitter_expectation(units, rate_hz=30_000))
    assert np.abs(found.corrected.sum("lag")).max() < 0.2 * counted.sum("lag").max()


def test_place_cells_tell_where_the_rat_is(track):
    units, times, x = track
    starts = np.arange(times[0], times[-1] - 0.1, 0.1)
    position = np.interp(starts + 0.05, times, x)
    speed = np.abs(np.gradient(np.convolve(position, np.ones(5) / 5, "same"))) / 0.1
    edges = np.linspace(x.min(), x.max() + 1e-6, 30)
    places = np.where(speed > 20, np.digitize(position, edges) - 1, -1)
    found = spatial_information(count_windows(units, starts, starts + 0.1), places)
    assert (found.p < 0.01).sum() >= 10
    assert (found.information >= 0).all()
