"""Cells show what is there, whatever a view or a table holds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from panneuro.portal.pages import in_cell


@pytest.mark.parametrize("value", [None, math.nan, np.float64("nan"), pd.NaT])
def test_what_is_missing_is_empty(value):
    assert in_cell(value) == ""


def test_arrays_and_texts_are_shown_as_they_are():
    values = np.arange(3.0)
    assert in_cell(values) is values
    assert in_cell("2024-13-45T99:99 is no moment") == "2024-13-45T99:99 is no moment"
    assert in_cell(True) is True


def test_moments_are_shown_as_people_read_them():
    for moment in ("2024-05-01T09:30:00+00:00", pd.Timestamp("2024-05-01T09:30", tz="UTC")):
        assert ">2024-05-01 09:30</time>" in in_cell(moment)
