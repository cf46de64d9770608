"""Sums over subsets against the product of matrices that they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.subset_sums import pack, subset_sums


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 420),
    st.integers(1, 150),
    st.integers(1, 9),
    st.sampled_from(["f4", "f8"]),
    st.booleans(),
)
def test_they_are_a_product(seed, n_trials, n_columns, n_subsets, kind, signed):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_trials, n_columns)).astype(kind)
    members = random.random((n_subsets, n_trials)) < 0.5
    weights = np.where(members, 1.0, -1.0 if signed else 0.0)
    found = subset_sums(values, pack(members), signed=signed)
    assert found.dtype == values.dtype
    np.testing.assert_allclose(found, weights @ values, atol=1e-11 if kind == "f8" else 1e-3)


@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_of_a_larger_array_are_written_where_it_is_said(order):
    values = np.asarray(np.arange(60.0).reshape(6, 10), order=order)[:, 2:7]
    members, out = np.eye(6, dtype=bool), np.full((6, 5), np.nan)
    assert subset_sums(values, pack(members), out=out) is out
    np.testing.assert_array_equal(out, values)
