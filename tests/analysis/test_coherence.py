"""Coherence against SciPy and closed forms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import signal as sps

from panneuro.analysis import coherence as co
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 500.0


def mixed(n=60_000, seed=0):
    """Return four channels; the second shares half its power with the first, 6 ms late."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((n, 4))
    shared = random.standard_normal(n + 10)
    values[:, 0] += shared[10:]
    values[:, 1] += shared[7:-3]
    return TimeSeries("lfp", values, "volts", rate_hz=RATE_HZ)


@pytest.mark.parametrize("max_hz", [None, 60.0])
def test_one_taper_is_scipys(max_hz):
    lfp = mixed()
    onsets_s = np.arange(0, 120, 1.0)
    taper = sps.windows.dpss(500, 1.0)
    asked = {"half_bandwidth_hz": 1.0, "max_hz": max_hz}
    cross = co.cross_spectra(lfp, onsets_s, (0.0, 1.0), **asked)
    found = co.coherence(lfp, onsets_s, (0.0, 1.0), **asked)
    count = found.sizes["frequency"]
    for one, other in ((0, 1), (1, 0), (2, 3)):
        pair = lfp.data[:, one], lfp.data[:, other]
        options = {"fs": RATE_HZ, "window": taper, "nperseg": 500, "noverlap": 0}
        np.testing.assert_allclose(
            cross[:, one, other], sps.csd(*pair, **options)[1][:count], atol=1e-7
        )
        expected = sps.coherence(*pair, **options)[1][:count]
        np.testing.assert_allclose(found[:, one, other], expected, atol=1e-4)


def test_shared_power_gives_its_coherence_and_its_delay():
    lfp = mixed()
    found = co.coherence(lfp, np.arange(119.0), (0.0, 1.0), kind="complex")
    inner = found.sel(frequency=slice(5, 200))[:, 0, 1]
    assert float((np.abs(inner) ** 2).mean()) == pytest.approx(0.25, abs=0.03)
    slope = np.polyfit(inner.frequency, np.unwrap(np.angle(inner)), 1)[0]
    assert slope / (2 * np.pi) == pytest.approx(-3 / RATE_HZ, rel=0.05)


def test_kinds_belong_together():
    lfp = mixed(20_000)
    squared, magnitude, imaginary, values = (
        co.coherence(lfp, np.arange(39.0), (0.0, 1.0), max_hz=40, kind=kind)
        for kind in ("squared", "magnitude", "imaginary", "complex")
    )
    np.testing.assert_allclose(squared, np.abs(values.values) ** 2, rtol=1e-5)
    np.testing.assert_allclose(magnitude, np.abs(values.values), rtol=1e-5)
    np.testing.assert_allclose(imaginary, values.values.imag)


def test_unrelated_channels_pass_the_threshold_as_seldom_as_it_says():
    lfp = mixed(200_000)
    found = co.coherence(lfp, np.arange(0, 399, 1.0)[:200], (0.0, 1.0), half_bandwidth_hz=1.0)
    unrelated = found.sel(frequency=slice(5, 240))[:, 2, 3]
    assert float((unrelated > co.chance_coherence(200, 0.9)).mean()) == pytest.approx(0.1, abs=0.05)


def test_it_is_hermitian_and_follows_channels():
    lfp = mixed(20_000)
    found = co.coherence(lfp, np.arange(39.0), (0.0, 1.0), kind="complex").values
    np.testing.assert_allclose(found, found.conj().swapaxes(1, 2), atol=1e-6)
    turned = lfp.with_data(lfp.data[:, ::-1])
    other = co.coherence(turned, np.arange(39.0), (0.0, 1.0), kind="complex").values
    np.testing.assert_allclose(other, found[:, ::-1, ::-1], atol=1e-4)


def test_a_dead_channel_is_zero():
    values = mixed(5000).data.copy()
    values[:, 2] = 0.0
    found = co.coherence(TimeSeries("lfp", values, rate_hz=RATE_HZ), np.arange(9.0), (0.0, 1.0))
    assert (found.sel(channel=2) == 0).all()
    np.testing.assert_allclose(found[:, 0, 0], 1.0, rtol=1e-5)


def test_workers_change_nothing():
    lfp = mixed(30_000)
    asked = (lfp, np.random.default_rng(0).uniform(0, 58, 70), (0.0, 1.0))
    alone = co.cross_spectra(*asked)
    for workers in (1, 3):
        with ThreadPoolExecutor(workers) as pool:
            assert co.cross_spectra(*asked, executor=pool).identical(alone)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: co.cross_spectra(x, [1.0], (0.0, 1.0), max_bytes=999), "max_bytes allows"),
        (
            lambda x: co.coherence(x, [1.0], (0.0, 1.0), half_bandwidth_hz=1.0),
            "one window with one taper",
        ),
        (lambda x: co.coherence(x, [1.0], (0.0, 1.0), kind="partial"), "'partial'"),
        (lambda x: co.coherence(x, [], (0.0, 1.0)), "no onsets"),
        (lambda x: co.chance_coherence(1), "1 observations"),
        (lambda x: co.chance_coherence(10, 1.0), "at 1.0"),
    ],
)
def test_what_cannot_be_done_is_told(call, said):
    with pytest.raises(InputError, match=said):
        call(mixed(2000))
