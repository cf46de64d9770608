from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.storage.pyramid import FACTOR, SMALLEST, Pyramid

SPAN = FACTOR * FACTOR
LENGTHS = st.integers(1, 3 * SPAN) | st.sampled_from([SPAN - 1, SPAN, SPAN + 1, 2 * SPAN])


def brute(level, factor):
    starts = range(0, len(level), factor)
    bins = [level[start : start + factor] for start in starts]
    if level.shape[-1:] == (2,) and factor == FACTOR and level.dtype.names is None:
        return np.array([np.stack([b[..., 0].min(0), b[..., 1].max(0)], -1) for b in bins])
    raise AssertionError


def collect(values, block, twice=False):
    pyramid = Pyramid(values.shape, values.dtype, min(SPAN, len(values)))
    finest = []
    for start in range(0, len(values), SPAN):
        for _ in range(1 + twice):
            for at in range(start, min(start + SPAN, len(values)), block):
                stop = min(at + block, start + SPAN, len(values))
                pyramid.observe(at, values[at:stop])
        finest.append(pyramid.finest())
    return pyramid, np.concatenate(finest)


@given(
    LENGTHS,
    st.sampled_from([None, 1, 3]),
    st.sampled_from([64, 128, 4096]),
    st.sampled_from(["i2", "u2", "f4", "f8"]),
    st.booleans(),
)
def test_every_level_has_the_extremes_of_its_bins(length, width, block, dtype, twice):
    shape = (length,) if width is None else (length, width)
    values = np.random.default_rng(length).normal(0, 1000, shape).astype("i2").astype(dtype)
    pyramid, level = collect(values, block, twice)
    starts = range(0, length, FACTOR)
    for at, start in enumerate(starts):
        part = values[start : start + FACTOR]
        assert np.array_equal(level[at], np.stack([part.min(0), part.max(0)], -1))
    assert level.shape == pyramid.shape
    below = level
    for above in pyramid.coarser():
        assert np.array_equal(above, brute(below, FACTOR))
        below = above
    assert len(below) <= SMALLEST


def test_the_next_span_may_go_by_before_the_finest_is_asked_for():
    values = np.random.default_rng(0).integers(-99, 99, (3 * SPAN, 2)).astype("i2")
    pyramid = Pyramid(values.shape, values.dtype, SPAN)
    pyramid.observe(0, values[:SPAN])
    finest = []
    for start in (SPAN, 2 * SPAN):
        pyramid.observe(start, values[start : start + SPAN])
        finest.append(pyramid.finest())
    finest.append(pyramid.finest())
    assert np.array_equal(np.concatenate(finest), collect(values, FACTOR)[1])


def test_what_is_not_a_number_hides_nothing_that_is():
    values = np.zeros(SPAN)
    values[64:128] = np.nan
    values[200:250], values[201] = np.nan, 7.0
    _, finest = collect(values, 4096)
    assert np.isnan(finest[1]).all()
    assert not np.isnan(finest[[0, 2, 3]]).any()
    assert finest[3].tolist() == [0.0, 7.0]


@pytest.mark.parametrize(
    ("shape", "dtype", "suits"),
    [
        ((10_000,), "i2", True),
        ((10_000, 384), "f8", True),
        ((100, 384), "i2", False),
        ((10_000, 4, 4), "i2", False),
        ((10_000,), "?", False),
        ((10_000, 100_000), "i2", False),
    ],
)
def test_signals_that_have_one(shape, dtype, suits):
    assert Pyramid.suits(shape, np.dtype(dtype)) == suits
