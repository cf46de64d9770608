"""Spectra against SciPy, closed forms and processes of known density."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps
from scipy import stats

from panneuro.analysis import spectra
from panneuro.core.errors import InputError
from panneuro.signals.arrays import Sliced
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
    starts_s = np.array([20.0, 3.0, 7.4])
    found = spectra.multitaper(lfp, starts_s, 0.25, half_bandwidth_hz=half_hz, max_hz=max_hz)
    np.testing.assert_allclose(found.start, starts_s, atol=1 / RATE_HZ)
    for window, start_s in enumerate(starts_s):
        first = round((start_s - 2.0) * RATE_HZ)
        expected = reference(lfp.data[first : first + 312], half_hz, found.sizes["frequency"])
        scale = expected.max()
        np.testing.assert_allclose(found[window] / scale, expected / scale, atol=1e-5)


def test_the_area_is_the_variance():
    lfp = TimeSeries("x", np.random.default_rng(0).standard_normal(50_000), rate_hz=RATE_HZ)
    density = spectra.multitaper(lfp, [0.0], 40.0)
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
    found = spectra.spectrogram(lfp, 0.4, 0.1, max_hz=80, start_s=5.0, stop_s=10.0)
    starts_s = found.time.values - 0.2
    np.testing.assert_allclose(np.diff(starts_s), 0.1)
    assert starts_s[0] == pytest.approx(5.0)
    assert found.time[-1] + 0.2 <= 10.0
    each = spectra.multitaper(lfp, starts_s, 0.4, max_hz=80)
    np.testing.assert_allclose(found, each, rtol=1e-4, atol=1e-9)


def test_conditions_have_the_mean_of_their_windows():
    lfp = noise()
    starts_s = np.arange(2.0, 30.0, 0.5)
    shown = np.array(["b", "a", "c", "a"])[np.arange(len(starts_s)) % 4]
    found = spectra.power_by_condition(lfp, starts_s, shown, 0.25, max_hz=150)
    each = spectra.multitaper(lfp, starts_s, 0.25, max_hz=150)
    assert found.condition.values.tolist() == ["a", "b", "c"]
    assert found["count"].values.tolist() == [28, 14, 14]
    for name in "abc":
        np.testing.assert_allclose(
            found.power.sel(condition=name), each[shown == name].mean("window"), rtol=1e-4
        )


def test_the_jackknife_leaves_each_presentation_out_once():
    lfp = noise()
    starts_s = np.arange(3.0, 10.0, 0.5)
    found = spectra.power_by_condition(lfp, starts_s, np.zeros(14), 0.3, max_hz=50)
    each = spectra.multitaper(lfp, starts_s, 0.3, max_hz=50).values.astype(float)
    logs = np.log([np.delete(each, i, 0).mean(0) for i in range(14)])
    reach = stats.t.ppf(0.975, 13) * np.sqrt(13 / 14 * ((logs - logs.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(np.log(found.upper / found.power)[0], reach, rtol=1e-3)
    np.testing.assert_allclose(np.log(found.power / found.lower)[0], reach, rtol=1e-3)


@pytest.mark.parametrize("interval", ["jackknife", "chi2"])
def test_intervals_hold_the_truth_as_often_as_they_say(interval):
    random = np.random.default_rng(11)
    lfp = TimeSeries("x", random.standard_normal((150_000, 8)), rate_hz=RATE_HZ)
    starts_s = np.arange(0.0, 119.0, 0.25)
    shown = np.arange(len(starts_s)) // 12
    found = spectra.power_by_condition(
        lfp, starts_s, shown, 0.24, max_hz=400, interval=interval, confidence=0.9
    ).sel(frequency=slice(30, 400))
    truth = 2 / RATE_HZ
    held = ((found.lower < truth) & (truth < found.upper)).mean()
    assert 0.87 < float(held) < 0.93


def test_one_presentation_has_no_jackknife():
    found = spectra.power_by_condition(noise(), [3.0, 4.0, 5.0], ["a", "a", "b"], 0.3)
    assert np.isnan(found.lower.sel(condition="b")).all()
    assert np.isfinite(found.lower.sel(condition="a")).all()
    chi2 = spectra.power_by_condition(noise(), [3.0], ["b"], 0.3, interval="chi2")
    assert (chi2.lower < chi2.upper).all()


@given(order=st.permutations(range(12)), scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
@settings(max_examples=15)
def test_order_shift_and_scale(order, scale, shift):
    lfp = noise(6000)
    starts_s = 2.0 + np.arange(12) * 0.3
    plain = spectra.multitaper(lfp, starts_s, 0.25, max_hz=90)
    moved = spectra.multitaper(
        lfp.with_data(lfp.data * scale + shift), starts_s[list(order)], 0.25, max_hz=90
    )
    np.testing.assert_allclose(
        moved.values / scale**2,
        plain.values[list(order)],
        rtol=1e-2,
        atol=1e-4 * plain.values.max(),
    )


def test_only_the_windows_are_read():
    read = []

    def rows(start, stop):
        read.append((start, stop))
        return np.random.default_rng(start).standard_normal((stop - start, 2))

    lazy = TimeSeries("lfp", Sliced((10_000_000, 2), np.float64, rows), rate_hz=RATE_HZ)
    spectra.power_by_condition(lazy, [10.0, 7000.0], [1, 2], 0.3)
    assert sum(stop - start for start, stop in read) == 2 * 375


def test_theta_of_a_rat_is_at_eight_hertz(sample_data):
    x = np.load(sample_data / "lfp" / "ca1.npy").ravel()
    density = spectra.welch(TimeSeries("ca1", x, rate_hz=1250.0), 4.0, max_hz=40)
    _, expected = sps.welch(x.astype(float), 1250.0, nperseg=5000)
    np.testing.assert_allclose(density[0], expected[: density.shape[1]], rtol=1e-3)
    assert float(density[0].sel(frequency=slice(5, 12)).idxmax()) == pytest.approx(8.0, abs=0.3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: spectra.welch(x, 0.0), "too short"),
        (lambda x: spectra.welch(x, float("nan")), "too short"),
        (lambda x: spectra.welch(x, 100.0), "fewer than the 125000"),
        (lambda x: spectra.welch(x, 1.0, overlap=1.0), "overlap by 1.0"),
        (lambda x: spectra.welch(x, 1.0, window="hat"), "shaped like 'hat'"),
        (lambda x: spectra.welch(x, 1.0, max_hz=0), "up to 0 Hz"),
        (lambda x: spectra.multitaper(x, [], 1.0), "no times"),
        (lambda x: spectra.multitaper(x, [3.0, np.nan], 1.0), "1 of 2 begin at no finite"),
        (lambda x: spectra.multitaper(x, [3.0, 33.5], 1.0), "the first at 33.500 s"),
        (lambda x: spectra.multitaper(x, [3.0], 1.0, half_bandwidth_hz=0.2), "half bandwidth"),
        (lambda x: spectra.power_by_condition(x, [3.0], [1, 2], 1.0), "shape (2,)"),
        (lambda x: spectra.power_by_condition(x, [3.0], [None], 1.0), "have no condition"),
        (lambda x: spectra.power_by_condition(x, [3.0], [np.nan], 1.0), "have no condition"),
        (lambda x: spectra.power_by_condition(x, [3.0], [pd.NA], 1.0), "have no condition"),
        (lambda x: spectra.multitaper(x, ["soon"], 1.0), "must be numbers, not list"),
        (lambda x: spectra.multitaper(x, [[3.0], [4.0]], 1.0), "shape (2, 1)"),
        (lambda x: spectra.power_by_condition(x, [3.0], [1], 1.0, confidence=95), "not 95"),
        (lambda x: spectra.power_by_condition(x, [3.0], [1], 1.0, interval="t"), "called 't'"),
        (lambda x: spectra.chi_squared_interval(1.0, 0), "0 degrees"),
    ],
)
def test_what_cannot_be_done_is_told(call, said):
    with pytest.raises(InputError) as caught:
        call(noise())
    assert said in str(caught.value)
