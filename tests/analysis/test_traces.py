"""Continuous signals as analyses take them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis import traces
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries


@given(before=st.integers(0, 30), after=st.integers(0, 30))
def test_ends_are_turned_about_their_points(before, after):
    values = np.random.default_rng(0).standard_normal((31, 2))
    lfp = TimeSeries("x", values, rate_hz=10.0)
    turned = np.pad(values, ((30, 30), (0, 0)), "reflect", reflect_type="odd")
    expected = turned[30 - before : 61 + after]
    np.testing.assert_allclose(traces.extended(lfp, -before, 31 + after), expected, atol=1e-5)


def test_values_are_physical():
    counts = np.array([[1, 2], [3, 4]], np.int16)
    lfp = TimeSeries("x", counts, rate_hz=1.0, gain=np.array([0.5, 2.0]), offset=1.0)
    found = traces.physical(lfp, 0, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1.5, 5.0], [2.5, 9.0]])


def test_a_gap_is_told():
    lfp = TimeSeries("x", np.array([0.0, np.inf, 1.0]), rate_hz=2.0, start_s=1.0)
    with pytest.raises(InputError, match=r"channel 0 at 1\.5000 s"):
        traces.physical(lfp, 0, 3)
