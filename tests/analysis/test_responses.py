"""Responses are measured as their definitions say."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter1d

from panneuro.analysis.psth import psth_tensor
from panneuro.analysis.responses import (
    fano_factor,
    first_spike_latency,
    smooth,
    threshold_latency,
    trial_correlation,
    zscore,
)
from panneuro.core.errors import InputError

counts = arrays(np.int64, (5, 3, 8), elements=st.integers(0, 9))
TENSOR = ("presentation", "unit", "time")


def over_time(values, dims=("unit", "time")):
    return xr.DataArray(values, {"time": np.arange(30) / 10}, dims)


@given(counts)
def test_trial_correlation_is_the_mean_over_pairs(values):
    found = trial_correlation(xr.DataArray(values, dims=TENSOR)).values
    for unit in range(3):
        rows = [row for row in values[:, unit].astype(float) if row.std() > 0]
        pairs = [np.corrcoef(one, other)[0, 1] for one, other in combinations(rows, 2)]
        if pairs:
            assert found[unit] == pytest.approx(np.mean(pairs), abs=1e-9)
        else:
            assert np.isnan(found[unit])


def test_trial_correlation_is_one_where_trials_are_alike_and_none_where_flat():
    values = np.zeros((4, 2, 5))
    values[:, 0, 2] = 3
    found = trial_correlation(xr.DataArray(values, dims=TENSOR)).values
    assert found[0] == pytest.approx(1.0)
    assert np.isnan(found[1])
    with pytest.raises(InputError, match="dims presentation, unit, time"):
        trial_correlation([[1, 2]])
    with pytest.raises(InputError, match="have the dims"):
        trial_correlation(xr.DataArray(values[None], dims=("area", *TENSOR)))


def test_fano_factor_of_poisson_counts_is_one():
    drawn = np.random.default_rng(0).poisson(4.0, (20_000, 3))
    dims = TENSOR[:2]
    np.testing.assert_allclose(fano_factor(xr.DataArray(drawn, dims=dims)), 1.0, atol=0.05)
    assert np.isnan(fano_factor(xr.DataArray([[0], [0]], dims=dims))[0])
    with pytest.raises(InputError, match="two presentations"):
        fano_factor(xr.DataArray([[1]], dims=dims))


@given(arrays(float, (2, 30), elements=st.floats(0, 100)), st.floats(0.3, 5))
def test_smoothing_is_scipys_away_from_edges_and_keeps_constants(values, sd):
    found = smooth(over_time(values), sd / 10).values
    far = int(4 * sd + 0.5)
    inside = slice(far, 30 - far)
    np.testing.assert_allclose(
        found[:, inside], gaussian_filter1d(values, sd, mode="constant")[:, inside], atol=1e-9
    )
    np.testing.assert_allclose(smooth(over_time(np.full((2, 30), 7.0)), sd / 10), 7.0)
    turned = smooth(over_time(values.T, ("time", "unit")), sd / 10)
    np.testing.assert_allclose(turned.T, found)


@pytest.mark.parametrize("sd", [0.0, -1.0, np.nan])
def test_impossible_gaussians_are_refused(sd):
    with pytest.raises(InputError, match="Gaussian"):
        smooth(over_time(np.ones(30), ("time",)), sd)


def test_times_that_are_not_even_are_refused():
    with pytest.raises(InputError, match="not evenly spaced"):
        smooth(xr.DataArray([1.0, 2.0, 3.0], {"time": [0.0, 1.0, 3.0]}, ("time",)), 1.0)


def labelled(values, times):
    return xr.DataArray(values, {"time": times}, ("condition", "unit", "time"))


def test_zscore_has_a_baseline_of_mean_none_and_deviation_one():
    random = np.random.default_rng(2)
    times = np.arange(-10, 10) / 10 + 0.05
    rates = labelled(random.poisson(5, (4, 3, 20)).astype(float), times)
    rates[:, 2] = 1.0
    found = zscore(rates, (-1.0, 0.0))
    before = found.sel(time=slice(-1, 0)).isel(unit=slice(2))
    np.testing.assert_allclose(before.mean(["condition", "time"]), 0, atol=1e-12)
    np.testing.assert_allclose(before.std(["condition", "time"]), 1)
    assert found.isel(unit=2).isnull().all()
    assert found.dims == rates.dims
    with pytest.raises(InputError, match="holds 0 bins"):
        zscore(rates, (-5.0, -3.0))


def test_threshold_latency_finds_the_step_of_each_condition():
    random = np.random.default_rng(3)
    times = np.arange(-20, 20) / 100 + 0.005
    rates = labelled(random.normal(10, 0.5, (2, 3, 40)), times)
    rates[0, 0, 25:] += 20  # At 0.055 s.
    rates[1, 1, 30:] += 20  # At 0.105 s.
    rates[0, 1, 22] += 20  # One bin alone is no response.
    found = threshold_latency(rates, (-0.2, 0.0), n_sd=5, n_bins=3)
    assert found.dims == ("condition", "unit")
    assert found[0, 0] == pytest.approx(0.055)
    assert found[1, 1] == pytest.approx(0.105)
    assert np.isnan(found.values[[0, 0, 1, 1], [1, 2, 0, 2]]).all()
    assert np.isnan(threshold_latency(rates * 0, (-0.2, 0.0))).all()
    with pytest.raises(InputError, match="0 bins"):
        threshold_latency(rates, (-0.2, 0.0), n_bins=0)
    with pytest.raises(InputError, match="does not fit"):
        threshold_latency(rates, (-0.2, 0.0), n_bins=41)


@given(st.lists(st.integers(0, 1000), max_size=30), st.lists(st.integers(0, 1000), max_size=9))
def test_first_spikes_are_the_first(train, onsets):
    units = {0: np.array(train) / 1000}
    found = first_spike_latency(units, np.array(onsets) / 1000, (0.01, 0.2)).values[:, 0]
    for onset, latency in zip(onsets, found, strict=True):
        after = [spike - onset for spike in train if 10 <= spike - onset < 200]
        if after:
            assert latency == pytest.approx(min(after) / 1000)
        else:
            assert np.isnan(latency)


def test_missing_responses_are_refused():
    missing = xr.DataArray(np.full((3, 2, 4), np.nan), {"time": range(4)}, TENSOR)
    for measure in (fano_factor, trial_correlation, lambda values: smooth(values, 1.0)):
        with pytest.raises(InputError, match="24 of 24"):
            measure(missing)


def test_measures_take_the_tensor():
    random = np.random.default_rng(4)
    onsets = np.arange(1, 50.0)
    driven = np.sort(np.concatenate([random.uniform(0, 50, 100), onsets + 0.1, onsets + 0.11]))
    tensor = psth_tensor(
        {0: driven, 1: np.sort(random.uniform(0, 50, 200))}, onsets, (0, 0.5), 0.02
    )
    driven_r, free_r = trial_correlation(tensor)
    assert driven_r > 0.5 > 0.1 > abs(free_r)
