"""What the viewer starts from follows from what an asset holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.portal.panels import knots, viewer_of


def test_every_kind_of_signal_has_its_panel(lake, name):
    found = viewer_of(lake[name])
    kinds = {panel["name"]: panel["kind"] for panel in found["panels"]}
    assert kinds == {
        "trials": "bands", "camera": "frames", "ap": "lines", "running_speed": "lines",
        "pupil": "lines", "units": "raster",
    }  # fmt: skip
    assert found["first"] == pytest.approx(0, abs=0.1)
    assert found["last"] >= 6.0
    assert next(panel["kind"] for panel in found["panels"]) == "bands"


@given(
    st.lists(st.floats(1e-3, 0.2), min_size=2, max_size=300),
    st.floats(-1e3, 1e6),
    st.sampled_from([25.0, 30.0, 100.0]),
)
def test_knots_tell_every_frame(gaps, start, rate):
    times = start + np.cumsum(gaps)
    shown = np.arange(len(times)) / rate
    found = np.array(knots(times, shown))
    told = np.interp(times, found[:, 0], found[:, 1])
    assert np.abs(told - shown).max() <= 0.51 / rate + 1e-5 * max(1, rate)


def test_a_steady_clock_is_two_knots():
    times = 100 + np.arange(10_000) / 30
    assert len(knots(times, np.arange(10_000) / 29.97)) == 2
