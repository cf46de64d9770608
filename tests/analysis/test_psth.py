"""Counts around events are what a plain loop counts, however the work is cut."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pynapple
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.psth import count_windows, psth_blocks, psth_by_condition, psth_tensor
from panneuro.analysis.trains import Trains
from panneuro.core.errors import InputError

milliseconds = st.lists(st.integers(0, 3000), max_size=60)
trains_ms = st.lists(milliseconds, min_size=1, max_size=4)


def made(trains):
    return {unit: np.array(train) / 1000 for unit, train in enumerate(trains)}


def counted(trains, onsets, first, n_bins, width):
    """Count in whole milliseconds, one spike at a time."""
    out = np.zeros((len(onsets), len(trains), n_bins), int)
    for row, onset in enumerate(onsets):
        for unit, train in enumerate(trains):
            for spike in train:
                column = (spike - onset - first) // width
                if 0 <= column < n_bins:
                    out[row, unit, column] += 1
    return out


@given(trains_ms, milliseconds, st.integers(-200, 100), st.integers(1, 9), st.integers(1, 40))
def test_tensor_is_what_a_loop_counts(trains, onsets, first, n_bins, width):
    window = (first / 1000, (first + n_bins * width) / 1000)
    found = psth_tensor(made(trains), np.array(onsets) / 1000, window, width / 1000)
    assert found.dims == ("presentation", "unit", "time")
    assert found.presentation.values.tolist() == list(range(len(onsets)))
    np.testing.assert_array_equal(found, counted(trains, onsets, first, n_bins, width))


@given(trains_ms, milliseconds, st.integers(1, 200))
def test_blocks_and_threads_give_the_whole(trains, onsets, size):
    asked = (made(trains), np.array(onsets) / 1000, (-0.1, 0.2), 0.01)
    whole = psth_tensor(*asked).values
    blocks = psth_blocks(*asked, max_bytes=max(size, 4 * 30))
    parts = [(rows, block.copy()) for rows, block in blocks]
    assert [rows.start for rows, _ in parts] == sorted(rows.start for rows, _ in parts)
    for rows, block in parts:
        np.testing.assert_array_equal(block, whole[rows])
    assert sum(len(block) for _, block in parts) == len(onsets)
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(psth_tensor(*asked, executor=pool), whole)


@given(trains_ms, st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 900)), max_size=20))
def test_windows_count_what_searching_counts(trains, windows):
    starts = np.array([start for start, _ in windows], float) / 1000
    stops = np.array([start + long for start, long in windows], float) / 1000
    found = count_windows(made(trains), starts, stops)
    ordered = [np.sort(train) / 1000 for train in trains]
    expected = [
        np.searchsorted(t, stops - 1e-7) - np.searchsorted(t, starts - 1e-7) for t in ordered
    ]
    np.testing.assert_array_equal(found, np.transpose(expected))


@given(trains_ms, milliseconds, st.integers(-1000, 1000))
def test_shifting_time_and_permuting_units_changes_nothing_else(trains, onsets, shift):
    at = np.array(onsets, float) / 1000
    units = made(trains)
    found = psth_tensor(units, at, (-0.1, 0.2), 0.01)
    moved = {unit: train + shift for unit, train in units.items()}
    np.testing.assert_array_equal(psth_tensor(moved, at + shift, (-0.1, 0.2), 0.01), found)
    turned = psth_tensor(dict(reversed(units.items())), at, (-0.1, 0.2), 0.01)
    np.testing.assert_array_equal(turned.sel(unit=list(units)), found)


@given(trains_ms, milliseconds)
def test_conditions_average_the_tensor(trains, onsets):
    labels = [onset % 3 for onset in onsets]
    asked = (made(trains), np.array(onsets, float) / 1000)
    tensor = psth_tensor(*asked, (-0.1, 0.2), 0.05).values.astype(float)
    with ThreadPoolExecutor(2) as pool:
        found = psth_by_condition(*asked, labels, (-0.1, 0.2), 0.05, executor=pool)
    assert found.condition.values.tolist() == sorted(set(labels))
    for condition in set(labels):
        chosen = tensor[np.array(labels) == condition] / 0.05
        row = found.sel(condition=condition)
        assert row.n_presentations == len(chosen)
        np.testing.assert_allclose(row.rate, chosen.mean(0), atol=1e-9)
        if len(chosen) > 1:
            sem = chosen.std(0, ddof=1) / np.sqrt(len(chosen))
            np.testing.assert_allclose(row.sem, sem, atol=1e-6)
        else:
            assert np.isnan(row.sem).all()


def test_bins_are_equal_where_they_are_no_whole_number_of_ticks():
    spikes = np.arange(9000) / 30_000
    found = psth_tensor({0: spikes}, [0.0], (0.0, 0.3), 1 / 30_000)
    assert (found == 1).all()


def test_tensor_equals_pynapple():
    random = np.random.default_rng(1)
    units = {unit: np.sort(random.uniform(0, 60, 900)) for unit in range(3)}
    onsets = np.arange(1.0, 58.0, 1.5)
    epochs = pynapple.IntervalSet(onsets, onsets + 0.5)
    group = pynapple.TsGroup({unit: pynapple.Ts(train) for unit, train in units.items()})
    theirs = pynapple.build_tensor(group, epochs, bin_size=0.05)
    ours = psth_tensor(units, onsets, (0.0, 0.5), 0.05)
    np.testing.assert_array_equal(ours.transpose("unit", "presentation", "time"), theirs)


def test_the_smallest_type_that_cannot_overflow_is_chosen():
    burst = {0: np.full(300, 0.5)}
    found = psth_tensor(burst, [0.0], (0.0, 1.0), 1.0)
    assert found.dtype == np.uint16
    assert found.item() == 300
    with pytest.raises(InputError, match="overflow"):
        psth_tensor(burst, [0.0], (0.0, 1.0), 1.0, dtype="uint8")
    assert psth_tensor(burst, [0.0], (0.0, 1.0), 1.0, dtype="uint64").item() == 300
    assert psth_tensor({0: np.arange(300.0)}, [0.0], (0.0, 9.0), 9.0).dtype == np.uint8


def test_blocks_cannot_be_written_to():
    (_, block), *_ = psth_blocks({0: [0.1]}, [0.0], (0.0, 1.0), 0.5)
    with pytest.raises(ValueError, match="read-only"):
        block[:] = 0


@pytest.mark.parametrize("units", [{}, {0: []}, {0: [], 1: []}])
def test_units_without_spikes_count_nothing(units):
    found = psth_tensor(units, [0.0, 1.0], (0.0, 1.0), 0.5)
    assert found.shape == (2, len(units), 2)
    assert not found.values.any()
    assert psth_by_condition(units, [0.0], ["a"], (0.0, 1.0), 0.5).rate.shape == (1, len(units), 2)
    assert psth_tensor(units, [], (0.0, 1.0), 0.5).shape == (0, len(units), 2)


def test_making_trains_twice_makes_the_same():
    trains = Trains.of({0: [0.1]})
    assert Trains.of(trains) is trains


@pytest.mark.parametrize(
    ("window", "width", "words"),
    [
        ((0.0, 0.25), 0.1, "whole number of bins"),
        ((0.2, 0.1), 0.1, "does not last"),
        ((0.0, 0.1), 0.0, "no bins"),
        ((0.0, 0.1), np.nan, "no bins"),
        ((0.0, np.inf), 0.1, "finite"),
        ((0.0, 1e9), 1e-9, "too many bins"),
    ],
)
def test_impossible_bins_are_refused(window, width, words):
    with pytest.raises(InputError, match=words):
        psth_tensor({0: [0.1]}, [0.0], window, width)


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="not finite"):
        psth_tensor({0: [0.1]}, [0.0, np.nan], (0.0, 1.0), 0.5)
    with pytest.raises(InputError, match="not finite"):
        psth_tensor({0: [0.1, np.nan]}, [0.0], (0.0, 1.0), 0.5)
    with pytest.raises(InputError, match="2 starts but 1 stops"):
        count_windows({0: [0.1]}, [0.0, 1.0], [0.5])
    with pytest.raises(InputError, match=r"window 0 begins at 1\.0 s"):
        count_windows({0: [0.1]}, [1.0], [0.5])
    with pytest.raises(InputError, match="max_bytes"):
        psth_blocks({0: [0.1]}, [1.0], (0.0, 1.0), 0.5, max_bytes=1)
    with pytest.raises(InputError, match="conditions are missing"):
        psth_by_condition({0: [0.1]}, [1.0, 2.0], [1.0, np.nan], (0.0, 1.0), 0.5)
    with pytest.raises(InputError, match="conditions are missing"):
        psth_by_condition({0: [0.1]}, [1.0, 2.0], ["a", None], (0.0, 1.0), 0.5)
    with pytest.raises(InputError, match="shape"):
        psth_by_condition({0: [0.1]}, [1.0, 2.0], [1.0], (0.0, 1.0), 0.5)
