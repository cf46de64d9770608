"""Labels are encoded or refused, and axes keep their names."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from panneuro.analysis.labels import axes_of, encode, unit_names
from panneuro.core.errors import InputError


def test_codes_are_in_the_order_of_the_labels():
    classes, codes = encode(["b", "a", "b", "c"])
    assert classes[codes].tolist() == ["b", "a", "b", "c"]
    assert classes.tolist() == sorted(classes.tolist())


@pytest.mark.parametrize(
    ("labels", "n_trials", "message"),
    [
        ([], None, "shape"),
        ([[0, 1]], None, "shape"),
        ([0, 1], 3, "3 trials"),
        ([1, 1], None, "all 2 trials"),
        ([1.0, np.nan], None, "1 of 2"),
        (["go", None], None, "1 of 2"),
    ],
)
def test_what_is_no_label_is_said(labels, n_trials, message):
    with pytest.raises(InputError, match=message):
        encode(np.array(labels, dtype=object) if None in labels else labels, n_trials)


def test_units_have_the_names_they_were_given():
    named = xr.DataArray(np.ones((3, 2)), {"unit": ["x", "y"]}, ("trial", "unit"))
    assert unit_names(named, 2).tolist() == ["x", "y"]
    assert unit_names(np.ones((3, 2)), 2).tolist() == [0, 1]


def test_axes_without_names_are_numbered():
    assert axes_of(np.ones((3, 2, 4)))[0] == ("axis_1", "axis_2")
    named = xr.DataArray(np.ones((3, 2)), {"trial": [1, 2, 3], "time": [0, 1]}, ("trial", "time"))
    dims, coordinates = axes_of(named)
    assert (dims, list(coordinates)) == (("time",), ["time"])
