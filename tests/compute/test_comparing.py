from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from panneuro.compute.comparing import _arrays, _within, compare
from panneuro.documents import read
from panneuro.lake.asset import Asset
from panneuro.lake.deriving import Derived, derive
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.stores import open_store

numbers = arrays(
    st.sampled_from([np.dtype("float64"), np.dtype("int16"), np.dtype("uint64"), np.dtype("bool")]),
    array_shapes(max_dims=3, max_side=4),
)


def found(one, other):
    return list(_within("x", one, other))


@given(one=numbers)
def test_what_is_the_same_does_not_differ(one):
    assert not list(_arrays("x", one, one.copy()))


@given(one=numbers, data=st.data())
def test_a_change_of_one_number_is_always_found(one, data):
    other = one.copy()
    at = tuple(data.draw(st.integers(0, length - 1)) for length in one.shape)
    other[at] = one[at] + 1 if one.dtype.kind == "f" else one[at] ^ 1
    if np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
        return
    assert list(_arrays("x", one, other))


@given(one=arrays("float64", 5, elements=st.floats(0.1, 1e6)), error=st.floats(1e-12, 1e-3))
def test_the_largest_difference_is_told(one, error):
    (difference,) = _arrays("x", one, one * (1 + error))
    assert difference.largest == pytest.approx(error / (1 + error), rel=1e-3)


def test_differences_that_floats_do_not_hold_are_found():
    (difference,) = _arrays("x", np.array([2**62]), np.array([2**62 + 1]))
    assert 0 < difference.largest < 1e-15


def test_what_is_nothing_beside_its_neighbours_is_rounding():
    one, other = np.array([1.0, 1e-20]), np.array([1.0, -1e-20])
    (difference,) = _arrays("x", one, other)
    assert difference.largest < 1e-10
    (difference,) = _arrays("x", one[1:], other[1:])
    assert difference.largest == 2.0


def test_what_is_not_finite_must_stay_so():
    one = np.array([1.0, np.nan, np.inf])
    assert not list(_arrays("x", one, one.copy()))
    for other in ([1.0, 2.0, np.inf], [1.0, np.nan, -np.inf]):
        (difference,) = _arrays("x", one, np.array(other))
        assert difference.largest is None


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (np.zeros(3), np.zeros(4), "was of shape"),
        (np.array(["a", "b"]), np.array(["a", "c"]), "holds other values"),
        ({"a": [1, 2.0]}, {"a": [1, 2.5]}, "numbers differ by up to 0.2"),
        ({"a": 1}, {"b": 1}, 'was {"a": 1}, is {"b": 1}'),
        ({"a": True}, {"a": 1}, "was true, is 1"),
        ("yes", "no", 'was "yes", is "no"'),
        (b"<svg>x 1.5</svg>", b"<svg>x 1.6</svg>", "numbers differ"),
        (b"<svg>x 1.5</svg>", b"<svg>y 1.5</svg>", "is drawn otherwise"),
        (1, "1", "was int, is str"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), "had columns"),
    ],
)  # fmt: skip
def test_what_differs_is_told_in_words(one, other, told):
    if isinstance(one, np.ndarray):
        (difference,) = _arrays("x", one, other)
    elif isinstance(one, pd.DataFrame):
        (difference,) = found(Table.from_frame("x", one), Table.from_frame("x", other))
    else:
        (difference,) = found(one, other)
    assert told in difference.why


def test_signals_are_compared_by_all_that_they_hold():
    one = Events.from_trains("units", {1: [0.1, 0.2], 2: [0.3]})
    moved = Events.from_trains("units", {1: [0.1], 2: [0.2, 0.3]})
    assert [each.name for each in found(one, moved)] == ["x ends"]
    stamped = TimeSeries("v", np.arange(3.0), timestamps=np.array([0.0, 1.0, 2.0]))
    later = TimeSeries("v", np.arange(3.0), timestamps=np.array([0.0, 1.0, 2.5]))
    assert [each.name for each in found(stamped, later)] == ["x timestamps"]
    array = xr.DataArray(np.ones(2), dims="t", coords={"t": [0.0, 1.0]})
    assert [each.name for each in found(array, array.assign_coords(t=[0.0, 2.0]))] == ["x t"]
    assert not found(array, array.copy())


class Lazy:
    """Counts the most rows that are asked for at once."""

    shape, dtype = (10_000_000, 4), np.dtype("float64")
    most = 0

    def __getitem__(self, rows):
        count = len(range(*rows.indices(self.shape[0])))
        Lazy.most = max(Lazy.most, count)
        return np.broadcast_to(1.0, (count, 4))


def test_large_arrays_are_compared_block_by_block():
    assert not list(_arrays("x", Lazy(), Lazy()))
    assert Lazy.most <= 1 << 20


def made(files=(), **frames):
    """Return an asset of some tables and files."""
    store = open_store(f"memory://{id(frames)}-{np.random.default_rng().integers(1 << 60)}")
    documents = read({"description": {"name": "x_m1_2026-03-02_09-30-00"}})
    tables = tuple(Table.from_frame(name, frame) for name, frame in frames.items())
    manifest, _ = derive(store, Derived(documents, "0a", tables, dict(files)))
    return Asset(store, manifest)


def test_assets_are_judged_by_bytes_then_values_then_tolerance():
    one = pd.DataFrame({"hz": [1.0, 2.0]})
    assert compare(made(rates=one), made(rates=one), 0.0) == ("identical", ())
    near = made(rates=one * (1 + 1e-9))
    sameness, differences = compare(made(rates=one), near, 1e-6)
    assert (sameness, [each.name for each in differences]) == ("equal", ["rates.hz"])
    assert compare(made(rates=one), near, 1e-12)[0] == "different"
    sameness, (lost, new) = compare(made(rates=one), made(means=one), 1.0)
    assert (sameness, lost.why, new.why) == ("different", "is missing", "was not there")


def test_files_that_are_of_no_signal_are_compared_too():
    one, other = made({"files/a.txt": b"1"}), made({"files/a.txt": b"2"})
    assert compare(one, other, 1.0)[0] == "different"


def test_what_is_said_of_a_signal_counts():
    samples = np.arange(10, dtype=np.int16)

    def recorded(rate_hz):
        store = open_store(f"memory://rate-{rate_hz}")
        documents = read(
            {
                "description": {"name": "x_m1_2026-03-02_09-30-00"},
                "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
            }
        )
        signals = (TimeSeries("v", samples, "volts", rate_hz=rate_hz),)
        return Asset(store, derive(store, Derived(documents, "0a", signals))[0])

    sameness, differences = compare(recorded(10.0), recorded(20.0), 0.0)
    assert sameness == "different"
    assert "v.rate_hz" in [one.name for one in differences]
