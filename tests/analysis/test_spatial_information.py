"""Spatial information: against its definition at each shift, and pynapple."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.spatial_information import spatial_information
from panneuro.core.errors import InputError


def by_definition(counts, places):
    known = places >= 0
    total = 0.0
    names = np.unique(places[known])
    spikes = np.array([counts[places == name].sum() for name in names], dtype=float)
    times = np.array([(places == name).sum() for name in names])
    share, rates, mean = times / times.sum(), spikes / times, spikes.sum() / times.sum()
    for p, rate in zip(share, rates, strict=True):
        if rate > 0:
            total += p * rate / mean * np.log2(rate / mean)
    return total


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(12, 61), st.integers(1, 5))
def test_each_shift_is_by_definition(seed, n_times, least):
    random = np.random.default_rng(seed)
    places = random.integers(-1, 4, n_times)
    places[0] = 0
    counts = random.poisson(0.8, (n_times, 2))
    found = spatial_information(counts, places, min_shift=least)
    for unit in range(2):
        if not counts[:, unit].any():
            continue
        observed = by_definition(counts[:, unit], places) if counts[places >= 0, unit].any() else 0
        shifts = range(least, n_times - least + 1)
        null = []
        for shift in shifts:
            moved = np.roll(counts[:, unit], shift)
            null.append(by_definition(moved, places) if moved[places >= 0].any() else 0)
        np.testing.assert_allclose(found.information[unit], observed, atol=1e-5)
        np.testing.assert_allclose(found.null[unit], np.mean(null), atol=1e-5)
        # Shifts that tell the same but for rounding may fall on either side.
        fewest, most = (np.sum(np.array(null) >= observed + apart) for apart in (5e-5, -5e-5))
        reached = float(found.p[unit]) * (len(null) + 1) - 1
        assert fewest - 1e-6 <= reached <= most + 1e-6


def test_place_cells_are_told_from_others():
    random = np.random.default_rng(0)
    places = np.abs((np.arange(6000) // 5) % 38 - 19)
    rates = np.column_stack([np.exp(-0.5 * ((places - 9) / 2) ** 2), np.full(6000, 0.2)])
    counts = random.poisson(rates)
    found = spatial_information(counts, places)
    assert found.p[0] < 0.01
    assert found.p[1] > 0.05
    with ThreadPoolExecutor(2) as executor:
        assert found.identical(spatial_information(counts, places, executor=executor))


def test_cells_without_spikes_tell_nothing():
    found = spatial_information(np.zeros((40, 1)), np.arange(40) % 4)
    assert (found.information[0], found.p[0]) == (0, 1)


@pytest.mark.parametrize(
    ("counts", "places", "least"),
    [
        (np.ones((10, 1)), np.zeros(9, int), 1),
        (np.ones((10, 1)), np.zeros(10), 1),
        (np.ones((10, 1)), np.full(10, -1), 1),
        (np.full((10, 1), np.nan), np.zeros(10, int), 1),
        (-np.ones((10, 1)), np.zeros(10, int), 1),
        (np.ones((10, 1)), np.zeros(10, int), 6),
        (np.ones((10, 1)), np.zeros(10, int), 0),
    ],
)
def test_refusals(counts, places, least):
    with pytest.raises(InputError):
        spatial_information(counts, places, min_shift=least)
