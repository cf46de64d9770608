from __future__ import annotations

import numpy as np
import pytest

from panneuro.core.errors import MissingExtraError
from panneuro.signals.timeseries import TimeSeries


def series(**fields):
    data = np.arange(400, dtype="int16").reshape(100, 4)
    return TimeSeries("lfp", data, "volts", **{"rate_hz": 10.0, **fields})


def test_an_array_with_labels_is_the_signal():
    array = series(channels=("a", "b", "c", "d"), start_s=5.0).to_xarray()
    assert array.dims == ("time", "channel")
    assert array.attrs["units"] == "volts"
    assert array["time"].attrs["units"] == "s"
    assert np.allclose(array["time"], series(start_s=5.0).times())
    assert array.sel(channel="c").to_numpy().tolist() == series().data[:, 2].tolist()
    assert np.array_equal(array.to_numpy(), series().data)


def test_numbers_as_recorded_are_no_volts_and_scaled_ones_are():
    signal = series(gain=np.array([1e-6, 2e-6, 3e-6, 4e-6]), offset=1e-5)
    assert signal.to_xarray().attrs == {"long_name": "lfp, as recorded"}
    scaled = signal.to_xarray(scaled=True)
    assert (scaled.name, scaled.attrs) == ("lfp", {"units": "volts"})
    assert np.allclose(scaled, signal.read(scaled=True))


def test_part_of_a_signal():
    array = series().to_xarray(2.0, 3.0)
    assert np.array_equal(array.to_numpy(), series().read(2.0, 3.0))
    assert np.allclose(array["time"], np.arange(20, 30) / 10)


def test_selection_by_time():
    array = series().to_xarray()
    assert array.sel(time=slice(2.0, 2.9)).shape == (10, 4)
    assert array.sel(time=slice(None, 2.95)).shape == (30, 4)
    assert array.sel(time=slice(9.0, None)).shape == (10, 4)
    assert array.sel(time=slice(-5.0, 1e9)).shape == (100, 4)
    assert array.sel(time=slice(3.0, 2.0)).shape == (0, 4)
    assert array.sel(time=slice(2.01, 2.09)).shape == (0, 4)
    assert array.sel(time=slice(1.0, 5.0)).sel(time=slice(2.0, 2.9)).shape == (10, 4)
    assert array.sel(time=2.04, method="nearest").to_numpy().tolist() == [80, 81, 82, 83]
    assert array.isel(time=slice(None, None, -1)).to_numpy()[0].tolist() == [396, 397, 398, 399]
    assert array.isel(time=[3, 1], channel=slice(1, 3)).to_numpy().tolist() == [[13, 14], [5, 6]]
    assert array.isel(time=7).to_numpy().tolist() == [28, 29, 30, 31]


def test_a_stamped_signal_has_its_own_times():
    stamps = np.cumsum(np.linspace(0.1, 0.5, 100))
    array = series(rate_hz=None, timestamps=stamps).to_xarray(stamps[10], stamps[20])
    assert array["time"].to_numpy().tolist() == stamps[10:20].tolist()
    assert array.sel(time=slice(stamps[12], stamps[14])).shape == (3, 4)


def test_physical_values_for_each_channel():
    gain, offset = np.array([1.0, 2, 3, 4]), np.array([0.0, 1, 0, 1])
    signal = series(gain=gain, offset=offset)
    array = signal.to_xarray(1.0, 2.0, scaled=True)
    assert array.dtype == np.float64
    assert array.attrs["units"] == "volts"
    assert np.array_equal(array.to_numpy(), signal.read(1.0, 2.0, scaled=True))


def test_single_traces_and_images():
    trace = TimeSeries("v", np.arange(10.0), rate_hz=2.0).to_xarray()
    assert (trace.dims, trace.shape) == (("time",), (10,))
    images = TimeSeries("i", np.zeros((3, 2, 5)), rate_hz=2.0).to_xarray()
    assert images.dims == ("time", "channel", "axis_2")


def test_spread_over_dask():
    pytest.importorskip("dask.array")
    array = series().to_xarray(chunks={"time": 30})
    assert array.chunks == ((30, 30, 30, 10), (4,))
    assert np.array_equal(array.mean("time").compute(), series().data.mean(axis=0))


def test_dask_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dask.array", None)
    with pytest.raises(MissingExtraError, match="dask"):
        series().to_xarray(chunks=10)


def test_as_pynapple():
    nap = pytest.importorskip("pynapple")
    frame = series(channels=("a", "b", "c", "d"), gain=0.5).to_pynapple(1.0, 2.0)
    assert isinstance(frame, nap.TsdFrame)
    assert np.array_equal(frame.values, series().read(1.0, 2.0) * 0.5)
    assert list(frame.columns) == ["a", "b", "c", "d"]
    trace = TimeSeries("v", np.arange(10.0), rate_hz=2.0).to_pynapple()
    assert np.allclose(trace.times(), np.arange(10) / 2)
    assert isinstance(trace, nap.Tsd)
    images = TimeSeries("i", np.zeros((3, 2, 5)), rate_hz=2.0).to_pynapple()
    assert isinstance(images, nap.TsdTensor)
