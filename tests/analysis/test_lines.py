"""Lines that were put in are found and taken out; what was there before stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps
from scipy import stats

from panneuro.analysis.lines import line_test, without_lines
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1000.0


def noise(n=41_234, channels=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, channels)).cumsum(0) * 0.05


def hum(n, line_hz, amplitudes=(2.0, 0.5, 1.0)):
    t = np.arange(n) / RATE_HZ
    return sum(
        a * np.sin(2 * np.pi * k * line_hz * t + k)[:, None] * [1.0, 0.5, 0.0]
        for k, a in enumerate(amplitudes, 1)
    )


def test_f_is_the_regression_on_tapers():
    x = noise(2000, 1)
    found = line_test(TimeSeries("x", x, rate_hz=RATE_HZ), [0.0], (0.0, 2.0), half_bandwidth_hz=2.0)
    tapers = sps.windows.dpss(2000, 4, 7)
    each = np.fft.rfft(tapers * (x[:, 0] - x.mean()), axis=1)
    sums = tapers.sum(1)
    mean = sums @ each / (sums @ sums)
    f = 6 * (sums @ sums) * abs(mean) ** 2 / (abs(each - sums[:, None] * mean) ** 2).sum(0)
    np.testing.assert_allclose(found.f[0, 0], f, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(found.p[0, 0], stats.f.sf(found.f[0, 0], 2, 12), rtol=1e-9)


def test_p_is_uniform_without_lines():
    x = np.random.default_rng(0).standard_normal((60_000, 2))
    found = line_test(TimeSeries("x", x, rate_hz=RATE_HZ), np.arange(59.0), (0.0, 1.0), max_hz=490)
    inner = found.p.sel(frequency=slice(10, 490))
    for level in (0.01, 0.1, 0.5):
        assert float((inner < level).mean()) == pytest.approx(level, rel=0.1)


def test_amplitude_is_the_sinusoids():
    n = 4000
    lfp = TimeSeries("x", noise(n) + hum(n, 50.0), "volts", rate_hz=RATE_HZ)
    found = line_test(lfp, [0.0], (0.0, 4.0), max_hz=160)
    amplitude = found.amplitude[0].sel(frequency=[50.0, 100.0, 150.0])
    expected = np.array([[2.0, 0.5, 1.0], [1.0, 0.25, 0.5]])
    np.testing.assert_allclose(amplitude[:2], expected, atol=0.03)
    assert (found.p[0, :2].sel(frequency=50.0) < 1e-6).all()


@pytest.mark.parametrize("line_hz", [50.0, 49.93, 60.21])
def test_lines_go_and_the_rest_stays(line_hz):
    x = noise()
    lfp = TimeSeries("x", x + hum(len(x), line_hz) + 3.0, "volts", rate_hz=RATE_HZ)
    clean = without_lines(lfp, round(line_hz / 10) * 10.0).data[:] - 3.0
    for channel in range(3):
        assert np.std(clean[:, channel] - x[:, channel]) < 0.03
    _, before = sps.welch(x, RATE_HZ, nperseg=2000, axis=0)
    _, after = sps.welch(clean, RATE_HZ, nperseg=2000, axis=0)
    at = round(line_hz * 2)
    assert (after[at - 1 : at + 2].sum(0) < 5 * before[at - 1 : at + 2].sum(0)).all()


@given(start=st.integers(0, 41_000), count=st.integers(0, 6000))
@settings(max_examples=8)
def test_any_rows_are_rows_of_the_whole(start, count):
    x = noise(channels=1)[:, 0] + hum(41_234, 50.0)[:, 0]
    lfp = TimeSeries("x", x, rate_hz=RATE_HZ)
    clean = without_lines(lfp, max_hz=120)
    whole = WHOLE.setdefault("x", clean.data[:])
    np.testing.assert_array_equal(clean.data[start : start + count], whole[start : start + count])


WHOLE = {}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: line_test(x, [0.0], (0.0, 1.0), half_bandwidth_hz=1.0), "two tapers"),
        (lambda x: without_lines(x, 600.0), "cannot be found"),
        (lambda x: without_lines(x, 50.0, duration_s=0.1), "cannot be found"),
        (lambda x: without_lines(x, 50.0, duration_s=100.0), "shorter than a window"),
        (lambda x: without_lines(x, 50.0, tolerance_hz=-1), "cannot be found"),
        (lambda x: without_lines(x, 50.0, significance=1.5), "between 0 and 1"),
    ],
)
def test_what_cannot_be_done_is_told(call, said):
    with pytest.raises(InputError, match=said):
        call(TimeSeries("x", noise(), rate_hz=RATE_HZ))
