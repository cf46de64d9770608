"""Fields say what they are of, and in which units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from panneuro.analysis.fields import Fields, tuning_fields
from panneuro.analysis.place import decode_position
from panneuro.analysis.replay import score_replay, score_replays
from panneuro.analysis.sequences import item_fields
from panneuro.signals.table import Intervals

EDGES = np.arange(0, 101, 10.0)
RANDOM = np.random.default_rng(0)


def along(unit):
    position = np.abs(np.arange(4000) % 200 - 100.0)
    rates = 30 * np.exp(-((position[:, None] - EDGES) ** 2) / 200)
    counts = xr.DataArray(
        RANDOM.poisson(rates * 0.1), {"unit": list("abcdefghijk")}, ("time", "unit")
    )
    return counts, xr.DataArray(position, dims="time", attrs={"units": unit} if unit else {})


@pytest.mark.parametrize(("unit", "speed"), [("cm", "cm/s"), ("", None)])
def test_the_unit_of_positions_goes_wherever_they_go(unit, speed):
    counts, position = along(unit)
    fields = tuning_fields(counts, position, EDGES, 0.1)
    assert (fields.position_unit, fields.units) == (unit, tuple("abcdefghijk"))
    named = fields.dataset
    assert named.x.attrs["units"] == unit
    assert named.unit.values.tolist() == list("abcdefghijk")
    found = decode_position(counts, position, EDGES, 0.1)
    for name in ("position", "true_position", "error"):
        assert found[name].attrs["units"] == unit
    replay = score_replay(counts[:20], fields, 0.1, n_shuffles=9)
    assert replay.posterior.position.attrs["units"] == unit
    events = pd.DataFrame({"start_time": [0.0], "stop_time": [0.1]})
    trains = {name: [0.01, 0.03, 0.05] for name in "abcdefghijk"}
    table = score_replays(trains, Intervals.from_frame("bursts", events), fields, n_shuffles=9)
    assert table.attrs["units"].get("speed") == speed


def test_a_track_in_metres_has_a_hundredth_of_the_error_of_one_in_centimetres():
    counts, position = along("cm")
    metres = (position / 100).assign_attrs(units="m")
    in_cm, in_m = (
        decode_position(counts, one, edges, 0.1, dtype=float)
        for one, edges in ((position, EDGES), (metres, EDGES / 100))
    )
    np.testing.assert_allclose(in_m.error, in_cm.error / 100, atol=1e-12)
    np.testing.assert_allclose(in_cm.error, np.abs(in_cm.position[:, 0] - position))


def test_bins_one_after_the_other_are_seconds():
    counts, position = along("cm")
    found = decode_position(counts.to_numpy(), position, EDGES, 0.1)
    np.testing.assert_allclose(found.time[:3], [0.05, 0.15, 0.25])
    assert found.time.attrs["units"] == "s"


def test_fields_of_items_are_named_after_them():
    fields = item_fields([[4, 1], [0, 1], [2, 1]], ["B", "A", "B"], bin_s=0.5)
    named = fields.dataset
    assert named.rate_hz.dims == ("unit", "item")
    assert named.rate_hz.sel(item="B", unit=0) == 6.0


def test_fields_need_no_names():
    named = Fields(np.ones((2, 3)), np.ones(3), (np.arange(4.0),)).dataset
    assert named.unit.values.tolist() == [0, 1]
    assert named.x.attrs == {"units": "", "long_name": "position"}
