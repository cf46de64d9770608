from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from panneuro.pipelines.judging import judge_units
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

DURATION_S = 180.0


@pytest.fixture
def sorted_units():
    """Return a regular unit, one that violates refractoriness, a rare one, and a small one."""
    rng = np.random.default_rng(0)
    regular = np.arange(0.05, DURATION_S - 0.1, 0.1) + rng.uniform(0, 0.05, 1799)
    trains = {
        3: regular,
        4: np.sort(np.concatenate([regular[::2], regular[::2] + 0.001])),
        7: regular[::200],
        9: regular + 0.01,
    }
    table = pd.DataFrame({"snr": [8.0, 8.0, 8.0, 1.0], "area": ["CA1"] * 4})
    units = Events.from_trains("units", trains, Table.from_frame("units", table))
    count = int(units.counts.sum())
    shape = -np.exp(-(np.linspace(-3, 3, 60) ** 2))
    templates = xr.DataArray(
        1e-5 * shape[None, :, None] * np.ones((4, 60, 2)),
        {"unit": units.ids, "time": np.linspace(-1e-3, 2e-3, 60), "channel": ["a", "b"]},
        ("unit", "time", "channel"),
        attrs={"units": "volts"},
    )
    amplitudes = xr.DataArray(rng.normal(1e-4, 1e-5, count), dims="spike")
    samples = np.zeros((int(DURATION_S * 100), 2), np.int16)
    return TimeSeries("ap", samples, "volts", rate_hz=100.0), units, templates, amplitudes


def test_units_are_labelled(sorted_units):
    metrics, figure = judge_units(*sorted_units)
    assert metrics.label.to_dict() == {3: "good", 4: "multi-unit", 7: "noise", 9: "noise"}
    assert metrics.unknown[3] == ""
    assert metrics.unknown[7] == "amplitude_cutoff"
    assert metrics.area.tolist() == ["CA1"] * 4
    assert len(figure.axes) == 3


def test_thresholds_decide(sorted_units):
    metrics, _ = judge_units(*sorted_units, preset="llobet", min_snr=0.5, min_spikes=1)
    assert metrics.label[9] == "good"
    assert metrics.label[4] == "multi-unit"


def test_no_units_are_no_error(sorted_units):
    recording, _, templates, amplitudes = sorted_units
    none = Events("units", np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    metrics, figure = judge_units(recording, none, templates[:0], amplitudes[:0])
    assert metrics.empty
    assert len(figure.axes) == 3
