"""Windows are cut into bins exactly, and conditions put in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.windows import Bins, group
from panneuro.core.errors import InputError


@given(st.integers(-5000, 5000), st.integers(1, 500), st.integers(1, 500))
def test_bins_fill_their_window(first, count, width):
    bins = Bins.of((first / 1000, (first + count * width) / 1000), width / 1000)
    assert bins.count == count
    assert bins.width_s == pytest.approx(width / 1000)
    centres = bins.centres_s
    assert centres[0] - bins.width_s / 2 == pytest.approx(first / 1000, abs=1e-8)
    assert centres[-1] + bins.width_s / 2 == pytest.approx((first + count * width) / 1000, abs=1e-8)


def test_a_window_that_does_not_fit_says_which_would():
    with pytest.raises(InputError, match=r"2 bins end at 0\.2 s"):
        Bins.of((0.0, 0.25), 0.1)
    with pytest.raises(InputError, match="not two ends"):
        Bins.of((0.0, 0.1, 0.2), 0.1)


@given(st.lists(st.sampled_from(["b", "a", "c"]), max_size=20))
def test_groups_are_numpys(conditions):
    names, rows = group(np.array(conditions, dtype=str), len(conditions))
    assert names.tolist() == sorted(set(conditions))
    assert names[rows].tolist() == conditions


def test_conditions_of_several_kinds_have_no_order():
    with pytest.raises(InputError, match="put in order"):
        group(np.array(["a", 1], dtype=object), 2)
    with pytest.raises(InputError, match="1 of 2 conditions are missing"):
        group(np.array(["a", None], dtype=object), 2)
