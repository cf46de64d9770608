"""What the viewer starts from follows from what an asset holds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
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


def made(*signals):
    """Return an asset of some signals, of which nothing is stored."""
    return SimpleNamespace(
        name="made", version="1", manifest=SimpleNamespace(signals=signals, format=""), files=()
    )


def series(name, start_s, stop_s, rate_hz):
    return {
        "kind": "timeseries", "name": name, "shape": [100], "start_s": start_s, "stop_s": stop_s,
        "rate_hz": rate_hz,
    }  # fmt: skip


def bands(start_s, stop_s):
    return {
        "kind": "intervals", "name": "trials", "rows": 3, "columns": [],
        "start_s": start_s, "stop_s": stop_s,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("signals", "begin", "window"),
    [
        ([series("ap", 5.0, 5.1, 30_000.0), series("slow", 0.0, 100.0, 50.0)], 5.0, 0.1),
        ([series("ap", 5.0, 500.0, 30_000.0)], 5.0, 10.0),
        ([bands(40.0, 400.0), series("licks", 0.0, 400.0, None)], 40.0, 60.0),
        ([bands(40.0, 45.0)], 40.0, 5.0),
        ([], 0.0, 1.0),
    ],
)
def test_one_looks_first_where_something_is(signals, begin, window):
    found = viewer_of(made(*signals))
    assert (found["begin"], found["window"]) == pytest.approx((begin, window))


def test_a_signal_without_times_is_not_drawn():
    found = viewer_of(made(series("empty", None, None, None), series("lfp", 3.0, 4.0, 1000.0)))
    assert ([panel["name"] for panel in found["panels"]], found["first"]) == (["lfp"], 3.0)


def test_a_unit_is_at_the_electrode_of_its_peak():
    tables = {
        "units": pa.table({"id": [7, 8, 9], "peak_channel": [12, 10, None]}),
        "electrodes": pa.table({"channel": [10, 11, 12], "x_um": [0.0, 0.0, 0.0]}),
    }
    units = {
        "kind": "events", "name": "units", "units": 3, "columns": ["peak_channel"],
        "start_s": 0.0, "stop_s": 1.0,
    }  # fmt: skip
    asset = made(units, {"kind": "table", "name": "electrodes", "rows": 3, "columns": ["channel"]})
    asset.rows = tables.__getitem__
    (panel,) = viewer_of(asset)["panels"]
    assert (panel["ids"], panel["sites"]) == ([7, 8, 9], [2, 0, None])


def test_a_steady_clock_is_two_knots():
    times = 100 + np.arange(10_000) / 30
    assert len(knots(times, np.arange(10_000) / 29.97)) == 2
