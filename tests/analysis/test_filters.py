"""Filters against SciPy, and against themselves: in blocks as in one piece."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import signal as sps

from panneuro.analysis import bands, filters
from panneuro.analysis.traces import evaluate
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1000.0


def direct(x, taps):
    """Convolve in double precision with the odd extension at both ends."""
    reach = len(taps) // 2
    longer = np.concatenate([2 * x[0] - x[reach:0:-1], x, 2 * x[-1] - x[-2 : -reach - 2 : -1]])
    return sps.fftconvolve(longer, taps[:, None], mode="valid", axes=0)


def close(found, expected, tolerance):
    return np.abs(found - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("band", ["theta", "gamma", (30.0, None), (None, 100.0)])
def test_fir_is_the_convolution_up_to_both_ends(lfp, band):
    taps = bands.fir_taps(band, RATE_HZ)
    found = evaluate(filters.filtered(lfp, band))
    assert found.dtype == np.float32
    assert close(found, direct(lfp.data, taps), 1e-4)


@pytest.mark.parametrize("band", ["theta", (30.0, 80.0), (None, 40.0), (2.0, None)])
def test_butterworth_is_sosfiltfilt(lfp, band):
    kind = {(False, True): "highpass", (True, False): "lowpass"}
    low, high = bands.band_edges(band, RATE_HZ)
    edges = [edge for edge in (low, high) if edge]
    sos = sps.butter(
        4,
        edges if len(edges) > 1 else edges[0],
        kind.get((low is None, high is None), "bandpass"),
        fs=RATE_HZ,
        output="sos",
    )
    expected = sps.sosfiltfilt(sos, lfp.data, axis=0, padlen=20_000)
    found = evaluate(filters.filtered(lfp, band, design="butterworth"))
    assert close(found[10_000:-10_000], expected[10_000:-10_000], 1e-4)


def test_threads_change_nothing(lfp):
    signal = filters.filtered(lfp, "theta")
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(evaluate(signal, executor=pool), evaluate(signal))


def test_zero_phase_is_symmetric_in_time(lfp):
    back = lfp.with_data(lfp.data[::-1])
    one, other = (evaluate(filters.filtered(x, "theta")) for x in (lfp, back))
    np.testing.assert_allclose(one, other[::-1], atol=1e-4)


def test_gain_and_channels_are_kept():
    counts = np.random.default_rng(1).integers(-500, 500, (40_000, 2)).astype(np.int16)
    gain = np.array([1e-3, 2e-3])
    raw = TimeSeries("lfp", counts, "volts", rate_hz=RATE_HZ, gain=gain, channels=("a", "b"))
    theta = filters.filtered(raw, "theta")
    assert theta.channels == ("a", "b")
    assert theta.gain == 1.0
    physical = TimeSeries("lfp", counts * gain, "volts", rate_hz=RATE_HZ)
    np.testing.assert_allclose(
        theta.data[:], evaluate(filters.filtered(physical, "theta")), atol=1e-6
    )


def test_notch_takes_the_line_and_its_harmonics_only():
    t = np.arange(60_000) / RATE_HZ
    kept = np.sin(2 * np.pi * 7 * t) + np.sin(2 * np.pi * 75 * t)
    lines = sum(np.sin(2 * np.pi * f * t + f) for f in (50, 100, 150, 400))
    found = filters.notch(TimeSeries("x", kept + lines, rate_hz=RATE_HZ), 50.0).data[:]
    assert np.abs(found - kept)[3000:-3000].max() < 1e-3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: filters.filtered(x, "thetta"), "no band is named 'thetta'"),
        (lambda x: filters.filtered(x, (10.0, 4.0)), "cannot be cut"),
        (lambda x: filters.filtered(x, (10.0, 600.0)), "cannot be cut"),
        (lambda x: filters.filtered(x, (None, None)), "cannot be cut"),
        (lambda x: filters.filtered(x, (float("nan"), 10.0)), "cannot be cut"),
        (lambda x: filters.filtered(x, "theta", design="bessel"), "designed as 'bessel'"),
        (lambda x: filters.filtered(x, "theta", design="butterworth", order=0), "order 0"),
        (lambda x: filters.notch(x, 499.0), "does not fit"),
        (lambda x: filters.filtered(x.with_data(x.data[:100]), "theta"), "are fewer than"),
        (lambda x: filters.filtered(x.with_data(x.data[:0]), "theta"), "data of shape"),
        (lambda x: filters.filtered(x.with_data(x.data + 1j), "theta"), "complex128"),
        (
            lambda x: filters.filtered(
                TimeSeries("x", x.data, timestamps=np.arange(len(x.data)) / 10), "theta"
            ),
            "constant rate",
        ),
    ],
)
def test_what_cannot_be_filtered_is_told(lfp, call, said):
    with pytest.raises(InputError, match=said):
        call(lfp)


def test_a_value_that_is_not_finite_is_told():
    x = np.zeros((30_000, 2))
    x[12_345, 1] = np.nan
    signal = filters.filtered(TimeSeries("lfp", x, rate_hz=RATE_HZ, start_s=5.0), "theta")
    with pytest.raises(InputError, match=r"channel 1 at 17\.3450 s"):
        signal.data[:10]


@pytest.mark.parametrize("every", [2, 5, 24])
def test_a_lower_rate_keeps_what_it_can_hold_and_nothing_else(every):
    t = np.arange(60_000) / RATE_HZ
    half_hz = RATE_HZ / every / 2
    slow, fast = np.cos(2 * np.pi * 0.7 * half_hz * t), np.cos(2 * np.pi * 1.3 * half_hz * t)
    signal = TimeSeries("x", np.stack([slow, slow + fast], 1), "volts", rate_hz=RATE_HZ)
    found = filters.decimated(signal, every)
    assert found.rate_hz == RATE_HZ / every
    middle = slice(200, -200)
    values = evaluate(found)
    np.testing.assert_allclose(values[middle, 0], slow[::every][middle], atol=1e-3)
    np.testing.assert_allclose(values[middle, 1], values[middle, 0], atol=1e-3)
    np.testing.assert_array_equal(found.data[7:90], values[7:90])


def test_a_rate_is_lowered_by_two_or_more(lfp):
    with pytest.raises(InputError, match="at least 2"):
        filters.decimated(lfp, 1)


@pytest.mark.parametrize("every", [2, 5, 8])
def test_decimating_keeps_what_the_lower_rate_holds(lfp, every):
    low = filters.decimated(lfp, every)
    half_hz = RATE_HZ / every / 2
    taps = bands.low_pass(0.9 * half_hz, 0.2 * half_hz, RATE_HZ)
    expected = direct(lfp.data[:], taps)[::every]
    assert low.rate_hz == RATE_HZ / every
    assert low.data.dtype == np.float32
    assert close(evaluate(low), expected, 1e-5)
    assert close(low.data[4_321:4_400], expected[4_321:4_400], 1e-5)


def test_decimating_stops_what_would_be_folded():
    t = np.arange(60_000) / RATE_HZ
    fast = TimeSeries("ap", np.sin(2 * np.pi * 130 * t)[:, None], "volts", rate_hz=RATE_HZ)
    assert np.abs(filters.decimated(fast, 4).data[2_000:-2_000]).max() < 1e-4
    for every in (0, 1):
        with pytest.raises(InputError, match="samples for each that is kept"):
            filters.decimated(fast, every)
