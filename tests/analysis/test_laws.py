"""Laws of every analysis of spikes: time may shift, units change places, and no count is lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.expected_correlograms import jitter_expectation, shift_predictor
from panneuro.analysis.psth import count_windows, psth_by_condition, psth_tensor
from panneuro.analysis.quality import quality_table
from panneuro.analysis.rasters import raster
from panneuro.analysis.responses import first_spike_latency
from panneuro.analysis.tuning import receptive_fields, tuning_curves
from panneuro.signals.table import Intervals

ONSETS = np.arange(1.0, 19.0, 0.5)
ANGLES = np.tile([0, 45, 90], 12)
LAGS = {"max_lag_s": 0.01}


def shown(shift):
    start = ONSETS + shift
    columns = {"start_time": start, "stop_time": start + 0.4, "orientation": ANGLES}
    places = {"x_position": np.tile([0, 10], 18), "y_position": np.tile([0, 0, 10, 10], 9)}
    return Intervals.from_frame("shown", pd.DataFrame(columns | places))


ANALYSES = {
    "count_windows": lambda units, at: count_windows(units, ONSETS + at, ONSETS + at + 0.4),
    "psth_tensor": lambda units, at: psth_tensor(units, ONSETS + at, (-0.1, 0.3), 0.05),
    "psth_by_condition": lambda units, at: psth_by_condition(
        units, ONSETS + at, ANGLES, (-0.1, 0.3), 0.05
    ),
    "first_spike_latency": lambda units, at: first_spike_latency(units, ONSETS + at, (0.0, 0.3)),
    "tuning_curves": lambda units, at: tuning_curves(units, shown(at), "orientation"),
    "receptive_fields": lambda units, at: receptive_fields(units, shown(at), n_shuffles=19),
    "correlograms": lambda units, at: correlograms(units, **LAGS, epochs=shown(at)),
    "jitter_expectation": lambda units, at: jitter_expectation(units, **LAGS, epochs=shown(at)),
    "shift_predictor": lambda units, at: shift_predictor(
        units, shown(at), conditions=ANGLES, **LAGS
    ),
    "quality_table": lambda units, at: quality_table(units, at, at + 20.0).to_xarray(),
}


def drawn(seed, n_units=4):
    """Return trains on a clock of milliseconds; the last unit is silent."""
    random = np.random.default_rng(seed)
    trains = {unit: np.sort(random.integers(0, 20_000, 300)) / 1000 for unit in range(n_units - 1)}
    return {**trains, n_units - 1: np.empty(0)}


@pytest.mark.parametrize("name", ANALYSES)
@given(seed=st.integers(0, 99), shift=st.integers(-10_000, 10_000))
@settings(max_examples=6)
def test_moving_everything_in_time_changes_nothing(name, seed, shift):
    units = drawn(seed)
    moved = {unit: train + shift for unit, train in units.items()}
    xr.testing.assert_allclose(ANALYSES[name](units, 0.0), ANALYSES[name](moved, float(shift)))


@pytest.mark.parametrize("name", ANALYSES)
@given(seed=st.integers(0, 99), order=st.permutations(range(4)))
@settings(max_examples=6)
def test_units_that_change_places_take_their_results_along(name, seed, order):
    units = drawn(seed)
    found = ANALYSES[name](units, 0.0)
    turned = ANALYSES[name]({unit: units[unit] for unit in order}, 0.0)
    # Nobody promises that sums come in the same order.
    for dim in {"unit", "other"} & set(found.dims):
        turned = turned.sel({dim: list(units)})
    xr.testing.assert_allclose(turned, found)


@given(seed=st.integers(0, 999))
@settings(max_examples=20)
def test_no_spike_is_lost_or_counted_twice(seed):
    units, window = drawn(seed), (-0.1, 0.4)
    tensor = psth_tensor(units, ONSETS, window, 0.05)
    counts = count_windows(units, ONSETS + window[0], ONSETS + window[1])
    xr.testing.assert_equal(tensor.sum("time", dtype="i4"), counts)
    spikes = raster(units, ONSETS, window)
    assert spikes.sizes["spike"] == int(counts.sum())
    mean = psth_by_condition(units, ONSETS, ANGLES, window, 0.05)
    totals = (mean.rate * 0.05 * mean.n_presentations).sum(["condition", "time"])
    np.testing.assert_allclose(totals, counts.sum("presentation"))
    # Windows that touch hold each spike of the session once.
    edges = np.arange(0.0, 20.1, 0.1)
    touching = count_windows(units, edges[:-1], edges[1:]).sum("presentation")
    assert touching.values.tolist() == [len(train) for train in units.values()]


@given(seed=st.integers(0, 999))
@settings(max_examples=20)
def test_no_pair_is_lost_or_counted_twice(seed):
    units = drawn(seed)
    found = correlograms(units, max_lag_s=25.0, bin_s=0.5, rate_hz=1000.0)
    n = np.array([len(train) for train in units.values()])
    expected = np.outer(n, n) - np.diag(n)
    np.testing.assert_array_equal(found.sum("lag"), expected)
