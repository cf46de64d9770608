"""Cross-correlograms: against counting every pair, pynapple, and the laws that hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pynapple
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.correlograms import correlograms
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals

RATE = 30_000

samples = st.lists(st.integers(0, 400), max_size=12).map(sorted)
trains = st.lists(samples, min_size=1, max_size=4)


def seconds(ticks):
    return {unit: np.array(train) / RATE for unit, train in enumerate(ticks)}


def every_pair(ticks, width, n_bins, centred, together=lambda a, b: True):
    """Count pair by pair."""
    out = np.zeros((len(ticks), len(ticks), 2 * n_bins + centred), int)
    for i, first in enumerate(ticks):
        for j, second in enumerate(ticks):
            for a, now in enumerate(first):
                for b, then in enumerate(second):
                    if (i == j and a == b) or not together(now, then):
                        continue
                    lag = then - now
                    if centred:
                        at = np.sign(lag) * ((abs(lag) + width // 2) // width)
                    else:
                        at = lag // width if lag >= 0 else -1 - (-lag // width)
                    if 0 <= at + n_bins < out.shape[2]:
                        out[i, j, at + n_bins] += 1
    return out


@settings(max_examples=60)
@given(trains, st.sampled_from([3, 30]), st.integers(1, 4), st.booleans())
def test_counts_are_those_of_every_pair(ticks, width, n_bins, centred):
    found = correlograms(
        seconds(ticks),
        max_lag_s=width * n_bins / RATE,
        bin_s=width / RATE,
        rate_hz=RATE,
        centred=centred,
    )
    np.testing.assert_array_equal(found, every_pair(ticks, width, n_bins, centred))


@settings(max_examples=20)
@given(trains, st.integers(0, 10**6))
def test_laws(ticks, later):
    found = correlograms(seconds(ticks), max_lag_s=0.005, rate_hz=RATE)
    np.testing.assert_array_equal(found, found.values.transpose(1, 0, 2)[..., ::-1])
    moved = [[tick + later for tick in train] for train in ticks]
    np.testing.assert_array_equal(
        found, correlograms(seconds(moved), max_lag_s=0.005, rate_hz=RATE)
    )
    turned = correlograms(seconds(ticks[::-1]), max_lag_s=0.005, rate_hz=RATE)
    np.testing.assert_array_equal(found, turned.values[::-1, ::-1])


@settings(max_examples=20)
@given(trains)
def test_pairs_stay_within_epochs(ticks):
    frame = pd.DataFrame({"start_time": [100 / RATE, 0.0], "stop_time": [230 / RATE, 60 / RATE]})
    epochs = Intervals.from_frame("epochs", frame)

    def together(a, b):
        return (a < 60 and b < 60) or (100 <= a < 230 and 100 <= b < 230)

    found = correlograms(seconds(ticks), max_lag_s=0.006, epochs=epochs, rate_hz=RATE)
    np.testing.assert_array_equal(found, every_pair(ticks, 30, 6, True, together))


def test_any_number_of_threads_counts_the_same():
    random = np.random.default_rng(0)
    units = {unit: np.sort(random.uniform(0, 20, 2000)) for unit in range(11)}
    one = correlograms(units)
    for n_threads in (1, 2, 5):
        with ThreadPoolExecutor(n_threads) as executor:
            xr_equal = correlograms(units, executor=executor)
        np.testing.assert_array_equal(one, xr_equal)


def test_nanoseconds_agree_with_pynapple():
    random = np.random.default_rng(1)
    units = {unit: np.sort(random.uniform(0, 50, 900)) for unit in range(3)}
    group = pynapple.TsGroup({unit: pynapple.Ts(times) for unit, times in units.items()})
    theirs = pynapple.compute_crosscorrelogram(group, 0.001, 0.02, norm=False)
    ours = correlograms(units, max_lag_s=0.02)
    for first, second in theirs.columns:
        rate = ours.sel(unit=first, other=second) / (len(units[first]) * 0.001)
        np.testing.assert_allclose(rate, theirs[(first, second)], atol=1e-9)


def test_units_without_spikes_have_empty_correlograms():
    found = correlograms({"a": [], "b": [1.0]})
    assert not found.values.any()
    assert correlograms({}).shape == (0, 0, 101)


def test_long_windows_and_bins_are_counted():
    found = correlograms({"a": [0.0, 8.0]}, max_lag_s=10.0, bin_s=0.1)
    assert found.sel(unit="a", other="a").sel(lag=8.0, method="nearest") == 1


def test_epochs_may_not_overlap():
    frame = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [2.0, 3.0]})
    with pytest.raises(InputError, match="overlap"):
        correlograms({"a": [1.0]}, epochs=Intervals.from_frame("epochs", frame))
    empty = Intervals.from_frame("epochs", frame[:0])
    with pytest.raises(InputError, match="no starts and stops"):
        correlograms({"a": [1.0]}, epochs=empty)
