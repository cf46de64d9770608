"""Spikes and field against sums over spikes, and against spikes that were locked on purpose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from panneuro.analysis.locking import phase_locking, spike_triggered_average
from panneuro.analysis.oscillations import analytic
from panneuro.analysis.traces import evaluate
from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1000.0
START_S = 5.0


@pytest.fixture(scope="module")
def lfp():
    random = np.random.default_rng(2)
    t = np.arange(100_000) / RATE_HZ
    theta = np.cos(2 * np.pi * 8 * t)
    noise = random.standard_normal((len(t), 3)) * 0.2
    return TimeSeries("lfp", theta[:, None] + noise, "volts", rate_hz=RATE_HZ, start_s=START_S)


def locked(kappa, mean, rate, seed=0):
    """Draw spikes whose phase in an 8 Hz rhythm is von Mises."""
    random = np.random.default_rng(seed)
    cycles = np.flatnonzero(random.random(800) < rate)
    phases = random.vonmises(mean, kappa, len(cycles))
    times = START_S + (cycles + phases / (2 * np.pi)) / 8
    return times[(times > START_S + 3) & (times < START_S + 97)]


@pytest.fixture(scope="module")
def units():
    return Events.from_trains(
        "units",
        {
            "strong": locked(3.0, 1.0, 0.9),
            "weak": locked(0.3, -2.0, 0.9, 1),
            "none": np.random.default_rng(9).uniform(START_S + 3, START_S + 97, 700),
            "one": [50.0],
            "outside": [1.0, 4.99, 106.0],
            "silent": [],
        },
    )


def test_it_is_the_sum_over_spikes(lfp, units):
    found = phase_locking(units, lfp, "theta")
    field = evaluate(analytic(lfp, "theta"))
    times = units["weak"]
    at = (times - START_S) * RATE_HZ
    low = at.astype(int)
    share = (at - low)[:, None]
    values = field[low] * (1 - share) + field[low + 1] * share
    vectors = values / np.abs(values)
    for channel in range(3):
        angles = np.angle(vectors[:, channel])
        cosines = np.cos(angles[:, None] - angles[None, :])
        n = len(angles)
        expected = (cosines.sum() - n) / (n * (n - 1))
        one = found.sel(unit="weak", channel=channel)
        assert float(one.ppc) == pytest.approx(expected, abs=1e-5)
        assert float(one.strength) == pytest.approx(abs(vectors[:, channel].mean()), abs=1e-5)


def test_von_mises_spikes_have_their_strength_and_phase(lfp, units):
    found = phase_locking(units, lfp, "theta")
    strong = found.sel(unit="strong")
    expected = special.i1(3.0) / special.i0(3.0)
    np.testing.assert_allclose(strong.strength, expected, atol=0.04)
    np.testing.assert_allclose(strong.ppc, expected**2, atol=0.06)
    np.testing.assert_allclose(strong.phase, 1.0, atol=0.1)
    assert (strong.p < 1e-6).all()
    assert (abs(found.sel(unit="none").ppc) < 0.01).all()
    assert (found.sel(unit="none").p > 0.001).all()


def test_few_and_no_spikes_have_the_documented_values(lfp, units):
    found = phase_locking(units, lfp, "theta")
    assert found["n_spikes"].values[-3:].tolist() == [1, 0, 0]
    one = found.sel(unit="one")
    np.testing.assert_allclose(one.strength, 1.0, rtol=1e-5)
    assert np.isnan(one.ppc).all()
    for name in ("outside", "silent"):
        assert all(
            np.isnan(found[what].sel(unit=name)).all() for what in ("strength", "phase", "p")
        )


def test_p_is_uniform_without_locking(lfp):
    random = np.random.default_rng(1)
    trains = {unit: random.uniform(10, 100, 60) for unit in range(300)}
    found = phase_locking(Events.from_trains("units", trains), lfp, "theta")
    for level in (0.05, 0.25, 0.5):
        assert float((found.p[:, 0] < level).mean()) == pytest.approx(level, abs=0.08)


def test_a_dead_channel_has_no_phase(units):
    flat = TimeSeries("lfp", np.zeros((100_000, 1)), rate_hz=RATE_HZ, start_s=START_S)
    found = phase_locking(units, flat, "theta")
    assert float(found.strength.sel(unit="strong")[0]) == 0.0


def test_averages_are_means_of_windows(lfp, units):
    found = spike_triggered_average(units, lfp, (-0.05, 0.1))
    rows = np.rint((units["weak"] - START_S) * RATE_HZ).astype(int)
    expected = np.mean([lfp.data[row - 50 : row + 101] for row in rows], axis=0)
    np.testing.assert_allclose(found.average.sel(unit="weak"), expected.T, atol=1e-6)
    assert found.lag.values[[0, 50, -1]].tolist() == [-0.05, 0.0, 0.1]
    assert np.isnan(found.average.sel(unit="silent")).all()
    assert int(found["n_spikes"].sel(unit="strong")) == len(units["strong"])


def test_spikes_near_the_ends_are_left_out(lfp):
    near = Events.from_trains("units", {0: [START_S + 0.01, 50.0, START_S + 99.95]})
    assert spike_triggered_average(near, lfp, (-0.05, 0.1)).n_spikes.values.tolist() == [1]
    assert spike_triggered_average(near, lfp, (0.0, 0.0)).n_spikes.values.tolist() == [3]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda u, x: spike_triggered_average(u, x, (0.1, -0.1)), "around spikes cannot be"),
        (lambda u, x: spike_triggered_average(u, x, (0.0, np.nan)), "around spikes cannot be"),
        (lambda u, x: spike_triggered_average(u, x, (-90.0, 90.0)), "more than 'lfp' is long"),
        (lambda u, x: spike_triggered_average(u, x, max_bytes=9), "max_bytes allows"),
        (lambda u, x: phase_locking({0: [1.0, 2.0]}, x, "theta"), "one clock"),
        (lambda u, x: phase_locking({0: [9.0, np.nan]}, x, "theta"), "not finite"),
        (lambda u, x: phase_locking(u, x, (None, 8.0)), "without two edges"),
    ],
)
def test_what_cannot_be_done_is_told(lfp, units, call, said):
    with pytest.raises(InputError, match=said):
        call(units, lfp)


def test_only_spikes_in_epochs_are_used(lfp, units):
    epochs = [(10.0, 40.0), (60.0, 61.5)]
    kept = {
        unit: [t for t in times if any(a <= t < b for a, b in epochs)]
        for unit, times in units.trains().items()
    }
    for measure in (
        lambda which, **asked: phase_locking(which, lfp, "theta", **asked),
        lambda which, **asked: spike_triggered_average(which, lfp, **asked),
    ):
        xr.testing.assert_allclose(measure(units, epochs=epochs), measure(kept))


def test_workers_and_the_order_of_units_change_nothing(lfp, units):
    turned = dict(reversed(units.trains().items()))
    for measure in (
        lambda which, **asked: phase_locking(which, lfp, "theta", **asked),
        lambda which, **asked: spike_triggered_average(which, lfp, **asked),
    ):
        alone = measure(units)
        for workers in (1, 3):
            with ThreadPoolExecutor(workers) as pool:
                xr.testing.assert_identical(measure(units, executor=pool), alone)
        xr.testing.assert_allclose(measure(turned).sel(unit=list(units)), alone)


@given(shift=st.integers(-1000, 1000))
@settings(max_examples=10)
def test_moving_both_in_time_changes_nothing(shift):
    values = np.random.default_rng(0).standard_normal((9000, 1))
    times = {0: np.random.default_rng(1).uniform(1, 8, 50)}
    at_zero = TimeSeries("lfp", values, "volts", rate_hz=RATE_HZ)
    moved = TimeSeries("lfp", values, "volts", rate_hz=RATE_HZ, start_s=float(shift))
    found = phase_locking(times, at_zero, "theta")
    again = phase_locking({0: times[0] + shift}, moved, "theta")
    xr.testing.assert_allclose(found, again, rtol=1e-4)
