"""Spectra against SciPy, closed forms and processes of known density."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps

from panneuro.analysis import spectra
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1250.0


def noise(n=40_000, channels=3, seed=0):
    values = np.random.default_rng(seed).standard_normal((n, channels)).cumsum(0) * 0.1
    return TimeSeries("lfp", values, "volts", rate_hz=RATE_HZ, start_s=2.0)


def reference(x, half_hz, n_frequencies):
    """Average SciPy's periodograms over Slepian tapers, in double precision."""
    n = len(x)
    product = half_hz * n / RATE_HZ
    tapers = sps.windows.dpss(n, product, round(2 * product) - 1)
    each = [
        sps.periodogram(x, RATE_HZ, window=taper, detrend="constant", axis=0)[1] for taper in tapers
    ]
    return np.mean(each, 0)[:n_frequencies].T


@pytest.mark.parametrize("max_hz", [None, 60.0, 200.0])
@pytest.mark.parametrize("window", ["hann", ("tukey", 0.2), "boxcar"])
@pytest.mark.parametrize(("segment_s", "overlap"), [(0.5, 0.5), (0.3, 0.0), (0.5008, 0.75)])
def test_welch_is_scipys(segment_s, overlap, window, max_hz):
    lfp = noise()
    n = round(segment_s * RATE_HZ)
    frequencies, expected = sps.welch(
        lfp.data, RATE_HZ, window, n, int(overlap * n), detrend="constant", axis=0
    )
    found = spectra.welch(lfp, segment_s, overlap=overlap, window=window, max_hz=max_hz)
    kept = found.sizes["frequency"]
    assert max_hz is None or found.frequency[-1] <= max_hz < frequencies[kept]
    np.testing.assert_allclose(found.frequency, frequencies[:kept])
    scale = expected.max(0)[:, None]
    np.testing.assert_allclose(found / scale, expected.T[:, :kept] / scale, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("max_hz", [None, 100.0])
@pytest.mark.parametrize("half_hz", [8.0, 12.5])
def test_multitaper_is_the_mean_of_tapered_periodograms(half_hz, max_hz):
    lfp = noise()
    onsets_s = np.array([20.0, 3.0, 7.4])
    found = spectra.multitaper(lfp, onsets_s, (0.0, 0.25), half_bandwidth_hz=half_hz, max_hz=max_hz)
    np.testing.assert_allclose(found.onset, onsets_s)
    for window, start_s in enumerate(onsets_s):
        first = round((start_s - 2.0) * RATE_HZ)
        expected = reference(lfp.data[first : first + 312], half_hz, found.sizes["frequency"])
        scale = expected.max()
        np.testing.assert_allclose(found[window] / scale, expected / scale, atol=1e-5)


def test_the_area_is_the_variance():
    lfp = TimeSeries("x", np.random.default_rng(0).standard_normal(50_000), rate_hz=RATE_HZ)
    density = spectra.multitaper(lfp, [0.0], (0.0, 40.0))
    assert float(density.sum()) / 40.0 == pytest.approx(1.0, rel=0.01)


def test_an_autoregressive_process_has_its_density():
    random = np.random.default_rng(4)
    a = [1.0, -1.6, 0.9]
    x = sps.lfilter([1.0], a, random.standard_normal(400_000))
    found = spectra.welch(TimeSeries("x", x, rate_hz=RATE_HZ), 0.4)[0]
    _, response = sps.freqz([1.0], a, worN=found.frequency.values, fs=RATE_HZ)
    expected = 2 * np.abs(response) ** 2 / RATE_HZ
    assert np.abs(found.values / expected - 1)[2:-2].mean() < 0.05


def test_spectrogram_is_a_window_that_slides():
    lfp = noise()
    found = spectra.spectrogram(lfp, 0.4, 0.1, max_hz=80, epochs=[(5.0, 10.0)])
    onsets_s = found.time.values - 0.2
    np.testing.assert_allclose(np.diff(onsets_s), 0.1)
    assert onsets_s[0] == pytest.approx(5.0)
    assert found.time[-1] + 0.2 <= 10.0
    each = spectra.multitaper(lfp, onsets_s, (0.0, 0.4), max_hz=80)
    np.testing.assert_allclose(found, each, rtol=1e-4, atol=1e-9)


@given(order=st.permutations(range(12)), scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
@settings(max_examples=15)
def test_order_shift_and_scale(order, scale, shift):
    lfp = noise(6000)
    onsets_s = 2.0 + np.arange(12) * 0.3
    plain = spectra.multitaper(lfp, onsets_s, (0.0, 0.25), max_hz=90)
    moved = spectra.multitaper(
        lfp.with_data(lfp.data * scale + shift), onsets_s[list(order)], (0.0, 0.25), max_hz=90
    )
    np.testing.assert_allclose(
        moved.values / scale**2,
        plain.values[list(order)],
        rtol=1e-2,
        atol=1e-4 * plain.values.max(),
    )


def test_theta_of_a_rat_is_at_eight_hertz(sample_data):
    x = np.load(sample_data / "lfp" / "ca1.npy").ravel()
    density = spectra.welch(TimeSeries("ca1", x, rate_hz=1250.0), 4.0, max_hz=40)
    _, expected = sps.welch(x.astype(float), 1250.0, nperseg=5000)
    np.testing.assert_allclose(density[0], expected[: density.shape[1]], rtol=1e-3)
    assert float(density[0].sel(frequency=slice(5, 12)).idxmax()) == pytest.approx(8.0, abs=0.3)


def test_workers_change_nothing():
    lfp = noise()
    onsets_s = np.random.default_rng(0).uniform(2.0, 33.0, 90)
    for compute in (
        lambda **asked: spectra.welch(lfp, 0.5, **asked),
        lambda **asked: spectra.multitaper(lfp, onsets_s, (0.1, 0.5), **asked),
        lambda **asked: spectra.spectrogram(lfp, **asked),
    ):
        alone = compute()
        for workers in (1, 3):
            with ThreadPoolExecutor(workers) as pool:
                assert compute(executor=pool).identical(alone)


def test_segments_keep_to_epochs():
    lfp = noise()
    epochs = [(20.0, 23.0), (4.0, 9.0)]
    found = spectra.welch(lfp, 1.0, overlap=0.0, epochs=epochs)
    whole = [lfp.read(at, at + 1) for at in (20, 21, 22, 4, 5, 6, 7, 8)]
    expected = np.mean([sps.periodogram(x, RATE_HZ, "hann", axis=0)[1] for x in whole], 0)
    np.testing.assert_allclose(found, expected.T, rtol=1e-3, atol=1e-6 * expected.max())


@given(shift=st.integers(-500, 500), order=st.permutations(range(3)))
@settings(max_examples=10)
def test_shifting_time_and_permuting_channels_changes_nothing_else(shift, order):
    lfp = noise(6000)
    onsets_s = 2.0 + np.arange(12) * 0.3
    plain = spectra.multitaper(lfp, onsets_s, (0.0, 0.25), max_hz=90)
    moved = lfp.with_data(lfp.data[:, list(order)], start_s=lfp.start_s + shift)
    found = spectra.multitaper(moved, onsets_s + shift, (0.0, 0.25), max_hz=90)
    scale = float(plain.max())
    np.testing.assert_allclose(found / scale, plain[:, list(order)] / scale, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: spectra.welch(x, 1.0, epochs=[(3, 6), (5, 9)]), "overlap at 5.0 s"),
        (lambda x: spectra.spectrogram(x, step_s=0.0), "slide by 0.0 s"),
        (lambda x: spectra.spectrogram(x, max_bytes=1000), "max_bytes allows"),
        (lambda x: spectra.multitaper(x, [3.0], (0.5, 0.0)), "around events cannot be"),
        (lambda x: spectra.welch(x, 0.0), "too short"),
        (lambda x: spectra.welch(x, float("nan")), "too short"),
        (lambda x: spectra.welch(x, 100.0), "fewer than the 125000"),
        (lambda x: spectra.welch(x, 1.0, overlap=1.0), "overlap by 1.0"),
        (lambda x: spectra.welch(x, 1.0, window="hat"), "shaped like 'hat'"),
        (lambda x: spectra.welch(x, 1.0, max_hz=0), "up to 0 Hz"),
        (lambda x: spectra.multitaper(x, [], (0.0, 1.0)), "no onsets"),
        (
            lambda x: spectra.multitaper(x, [3.0, np.nan], (0.0, 1.0)),
            "1 of 2 onsets are not finite",
        ),
        (lambda x: spectra.multitaper(x, [3.0, 33.5], (0.0, 1.0)), "the first at 33.500 s"),
        (
            lambda x: spectra.multitaper(x, [3.0], (0.0, 1.0), half_bandwidth_hz=0.2),
            "half bandwidth",
        ),
        (lambda x: spectra.multitaper(x, ["soon"], (0.0, 1.0)), "onsets are no real numbers"),
        (lambda x: spectra.multitaper(x, [[3.0], [4.0]], (0.0, 1.0)), "shape (2, 1)"),
    ],
)
def test_what_cannot_be_done_is_told(call, said):
    with pytest.raises(InputError) as caught:
        call(noise())
    assert said in str(caught.value)
