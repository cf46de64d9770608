"""Envelopes and phases against SciPy's Hilbert transform, and in blocks as in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps

from panneuro.analysis import bands, oscillations
from panneuro.analysis.traces import evaluate
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1000.0


def direct(x, taps):
    """Filter what is turned about both its ends, and transform it after Hilbert."""
    longer = np.concatenate([2 * x[0] - x[:0:-1], x, 2 * x[-1] - x[-2::-1]])
    passed = sps.fftconvolve(longer, taps[:, None], mode="same", axes=0)
    return sps.hilbert(passed, axis=0)[len(x) - 1 : 2 * len(x) - 1]


def close(found, expected, tolerance):
    return np.abs(found - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("band", ["theta", "gamma"])
def test_analytic_is_filter_and_hilbert(lfp, band):
    expected = direct(lfp.data, bands.fir_taps(band, RATE_HZ))
    found = evaluate(oscillations.analytic(lfp, band))
    assert close(found, expected, 1e-3)
    assert close(found.real, expected.real, 1e-4)
    envelope = evaluate(oscillations.envelope(lfp, band))
    np.testing.assert_allclose(envelope, np.abs(found), rtol=1e-5, atol=1e-6)
    angles = evaluate(oscillations.phase(lfp, band))
    np.testing.assert_allclose(angles, np.angle(found), atol=1e-5)


@pytest.mark.parametrize(("band", "every"), [("theta", 16), ("theta", 50), ("gamma", 8)])
def test_decimated_is_every_nth(lfp, band, every):
    whole = evaluate(oscillations.analytic(lfp, band))
    few = oscillations.analytic(lfp, band, every=every)
    assert few.rate_hz == RATE_HZ / every
    assert len(few) == -(-len(lfp) // every)
    assert close(evaluate(few), whole[::every], 1e-4)


@given(start=st.integers(0, 80_000), count=st.integers(0, 40_000))
@settings(max_examples=15)
def test_any_rows_are_rows_of_the_whole(start, count):
    random = np.random.default_rng(0)
    noise = TimeSeries("x", random.standard_normal((90_000, 2)), rate_hz=RATE_HZ)
    wanted = oscillations.envelope(noise, "gamma")
    whole = evaluate(oscillations.envelope(noise, "gamma"))
    np.testing.assert_array_equal(wanted.data[start : start + count], whole[start : start + count])


def test_an_array_is_filled(lfp, tmp_path):
    signal = oscillations.envelope(lfp, "theta", every=10)
    out = np.lib.format.open_memmap(tmp_path / "e.npy", "w+", np.float32, signal.data.shape)
    assert evaluate(signal, out) is out
    np.testing.assert_array_equal(out, evaluate(signal))
    with pytest.raises(InputError, match="into an array of"):
        evaluate(signal, np.empty(3))


def test_theta_of_a_rat(sample_data):
    x = np.load(sample_data / "lfp" / "ca1.npy").astype(float).ravel()
    lfp = TimeSeries("ca1", x, "volts", rate_hz=1250.0)
    expected = np.abs(direct(x[:, None], bands.fir_taps("theta", 1250.0))[:, 0])
    assert close(oscillations.envelope(lfp, "theta").data[:], expected, 1e-4)


@pytest.mark.parametrize("every", [1, 16])
@pytest.mark.parametrize("kind", [oscillations.envelope, oscillations.analytic, oscillations.phase])
def test_long_signals_are_thinned_and_nothing_else_changes(monkeypatch, kind, every):
    random = np.random.default_rng(8)
    stored = (random.normal(size=(70_001, 2)).cumsum(axis=0) * 40).astype(np.int16)
    long = TimeSeries("lfp", stored, "volts", rate_hz=RATE_HZ, gain=2e-6, offset=1e-3)
    found = kind(long, "theta", every=every)
    values = evaluate(found)
    np.testing.assert_array_equal(found.data[1_000:1_100], values[1_000:1_100])
    np.testing.assert_array_equal(found.data[-3_000 // every :], values[-3_000 // every :])
    monkeypatch.setattr("panneuro.analysis.oscillations.thinning_below", lambda *_: None)
    whole = evaluate(kind(long, "theta", every=every))
    if kind is oscillations.phase:
        values, whole = np.exp(1j * values), np.exp(1j * whole)
        strong = evaluate(oscillations.envelope(long, "theta", every=every)) > 1e-4
        values, whole = values[strong], whole[strong]
        assert strong.mean() > 0.5
    nearness = 2e-4 if kind is oscillations.phase else 3e-5
    assert np.abs(values - whole).max() < nearness * np.abs(whole).max()


@pytest.mark.parametrize(
    ("band", "every", "said"),
    [
        ((None, 10.0), 1, "without two edges"),
        ("gamma", 50, "keep more samples: every="),
        ("gamma", 0, "0 samples for each"),
    ],
)
def test_what_has_no_envelope_is_told(lfp, band, every, said):
    with pytest.raises(InputError, match=said):
        oscillations.envelope(lfp, band, every=every)


def test_a_phase_is_named_and_in_radians(lfp):
    found = oscillations.phase(lfp, "theta")
    assert (found.name, found.unit) == ("phase", "radians")
