"""Bins keep the order of numbers, and a cover of a range leaves nothing out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.catalog.bins import bin_of, cover
from panneuro.core.quantities import Range

_unhurried = settings(deadline=None)

fields = st.sampled_from(["units", "date"])
values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2_000).map(float)
bounds = st.floats(allow_nan=False) | st.integers(0, 2_000).map(float)


@_unhurried
@given(fields, values, values)
def test_bins_sort_as_numbers_do(field: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bin_of(field, low).fine <= bin_of(field, high).fine
    assert bin_of(field, low).coarse <= bin_of(field, high).coarse


@_unhurried
@given(fields, bounds, bounds, values)
def test_a_number_is_inside_or_at_an_end_or_outside(
    field: str, one: float, other: float, value: float
) -> None:
    low, high = sorted((one, other))
    fine, coarse = bin_of(field, value)
    covered = cover(field, Range(low, high))
    inside = any(first < fine < last for first, last in covered.fine) or (
        covered.coarse is not None and covered.coarse[0] < coarse < covered.coarse[1]
    )
    if inside:
        assert low <= value <= high
    elif fine not in covered.ends:
        assert not low <= value <= high


@pytest.mark.parametrize(("field", "width"), [("units", 10.0), ("date", 40 * 86_400.0)])
def test_numbers_far_apart_have_bins_of_their_own(field: str, width: float) -> None:
    names = {bin_of(field, 100 + at * width).fine for at in range(10)}
    assert len(names) == 10


def test_zero_has_one_bin_whatever_its_sign() -> None:
    assert bin_of("units", 0.0) == bin_of("units", -0.0)
