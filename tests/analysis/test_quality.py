"""Quality metrics are what their definitions and simulated truth say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.quality import (
    amplitude_cutoff,
    drift,
    noise_cutoff,
    noise_level,
    presence_ratio,
    quality_table,
    snr,
)
from panneuro.core.errors import InputError


@given(st.lists(st.integers(0, 3000), max_size=50), st.integers(1, 50))
def test_presence_is_the_share_of_bins_with_a_spike(spikes, n_bins):
    times = np.sort(spikes).astype(float)
    found = presence_ratio(times, 0.0, n_bins * 60.0 + 59)
    edges = np.arange(n_bins + 1) * 60.0 - 1e-9
    assert found == pytest.approx(np.mean(np.histogram(times, edges)[0] > 0))


def test_presence_of_a_session_shorter_than_a_bin_is_not_known():
    assert np.isnan(presence_ratio([1.0], 0.0, 59.0))
    with pytest.raises(InputError, match="cannot last"):
        presence_ratio([1.0], 0.0, 59.0, bin_s=0.0)


@pytest.mark.parametrize("missing", [0.05, 0.2, 0.3])
def test_amplitude_cutoff_finds_what_is_missing(missing):
    whole = np.sort(np.random.default_rng(0).normal(100, 15, 60_000))
    found = amplitude_cutoff(whole[int(missing * len(whole)) :])
    assert found == pytest.approx(missing, abs=0.04)


def test_amplitude_cutoff_of_few_spikes_is_not_known_and_of_a_falling_tail_a_half():
    assert np.isnan(amplitude_cutoff(np.arange(499.0)))
    assert amplitude_cutoff(np.random.default_rng(0).exponential(1, 9000)) > 0.45
    with pytest.raises(InputError, match="finite"):
        amplitude_cutoff([np.nan] * 600)


def test_noise_cutoff_is_that_of_the_international_brain_laboratory():
    """Golden numbers of ibllib 3, brainbox.metrics.single_units.noise_cutoff."""
    random = np.random.default_rng(0)
    assert noise_cutoff(random.normal(100, 15, 5000)) == pytest.approx(-0.9766813029873141)
    cut = random.normal(100, 15, 5000)
    assert noise_cutoff(cut[cut > 90]) == pytest.approx(8.026738933737185)
    assert noise_cutoff(random.gamma(4, 20, 3000)) == pytest.approx(-0.7573917257465966)


@given(st.integers(0, 2**32), st.integers(-20, 20))
def test_noise_cutoff_does_not_depend_on_the_unit_of_amplitudes(seed, power):
    sizes = np.random.default_rng(seed).gamma(4, 20, 500)
    assert noise_cutoff(sizes * 2.0**power) == noise_cutoff(sizes)


@pytest.mark.parametrize("sizes", [[], [0.0, 0.0], [1.0], [1.0] * 50, [3.0, 4.0]])
def test_noise_cutoff_of_a_tail_that_does_not_vary_is_not_known(sizes):
    assert np.isnan(noise_cutoff(sizes))


def test_noise_cutoff_refuses_what_is_no_size():
    with pytest.raises(InputError, match="below 0"):
        noise_cutoff([-1.0, 2.0])
    with pytest.raises(InputError, match="finite"):
        noise_cutoff([np.nan, 2.0])


def test_noise_ignores_spikes_and_snr_is_relative_to_it():
    trace = np.random.default_rng(0).normal(3, 7, 200_000)
    trace[::1000] -= 500
    assert noise_level(trace) == pytest.approx(7, rel=0.02)
    assert snr([1.0, -70.0, 20.0], 7.0) == 10
    with pytest.raises(InputError, match="noise of 0"):
        snr([1.0], 0)
    with pytest.raises(InputError, match="not finite"):
        noise_level([np.nan])


def test_drift_follows_a_ramp():
    times = np.arange(0, 600, 0.1)
    found = drift(times, times / 60, 0.0, 600.0)
    assert found.ptp == pytest.approx(9, abs=1e-6)
    assert found.sd == pytest.approx(np.std(np.arange(10)), abs=1e-6)
    assert found.mad == pytest.approx(2.5, abs=1e-6)
    still = drift(times, np.full(len(times), 4.0), 0.0, 600.0)
    assert (still.ptp, still.sd, still.mad) == (0, 0, 0)


def test_drift_of_few_spikes_is_not_known():
    times = np.arange(0, 600, 1.0)
    assert np.isnan(drift(times, times, 0.0, 600.0).ptp)
    assert np.isnan(drift(times, times, 0.0, 61.0, min_spikes=1).ptp)
    assert drift(times, times, 0.0, 600.0, min_spikes=60).ptp == 540
    with pytest.raises(InputError, match="600 spikes have 1 positions"):
        drift(times, [1.0], 0.0, 600.0)


def test_table_has_a_row_for_every_unit():
    random = np.random.default_rng(0)
    units = {"a": np.sort(random.uniform(0, 600, 3000)), "b": []}
    sizes = {"a": random.normal(100, 10, 3000), "b": []}
    table = quality_table(units, 0.0, 600.0, amplitudes=sizes)
    assert table.index.tolist() == ["a", "b"]
    assert table.n_spikes.tolist() == [3000, 0]
    assert table.firing_rate.tolist() == [5.0, 0.0]
    assert table.loc["b", "presence_ratio"] == 0
    assert table.loc["a", "amplitude_median"] == pytest.approx(100, abs=1)
    assert table.loc["a", "noise_cutoff"] < 5
    assert table.loc["b", ["noise_cutoff", "amplitude_median"]].isna().all()
    assert np.isnan(table.loc["b", "isi_violations_ratio"])
    assert table.loc["a", "isi_violations_ratio"] == pytest.approx(0.5, abs=0.35)
    with pytest.raises(InputError, match="outside the session"):
        quality_table(units, 0.0, 100.0)
    with pytest.raises(InputError, match="one amplitude"):
        quality_table(units, 0.0, 600.0, amplitudes={"a": [1.0]})
