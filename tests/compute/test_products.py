from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from panneuro.compute.products import names_in, product, sorted_out
from panneuro.core.errors import InputError, NotFoundError
from panneuro.documents import read
from panneuro.documents.slots import Evaluation, Quality, Status
from panneuro.lake.deriving import Derived, derive
from panneuro.signals.timeseries import TimeSeries


@dataclass
class Fit:
    """Something that a fit returns."""

    slope: float
    values: np.ndarray


def kept(lake, run="0a", **values):
    """Return an asset that holds some values."""
    products = sorted_out(tuple(values), values if len(values) > 1 else next(iter(values.values())))
    documents = read(
        {
            "description": {"name": f"x_{run}"},
            "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
        }
    )
    made = Derived(documents, run, tuple(products.signals), products.files, products.said)
    manifest, _ = derive(lake.store, made)
    lake.reindex()
    return lake[manifest.name]


def test_what_is_kept_is_read_back(lake, tmp_path):
    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "w.bin").write_bytes(b"123")
    (folder / "link").symlink_to("/etc/hostname")
    array = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("x", "y"), coords={"x": [1, 2]})
    asset = kept(
        lake,
        table=pd.DataFrame({"a": [1, 2]}, index=pd.Index(["u", "v"], name="unit")),
        series=pd.Series([1.5], name="hz"),
        array=array,
        both=xr.Dataset({"p": ("t", [1, 2]), "q": ("t", [3, 4])}),
        numbers=np.arange(4, dtype=np.int16),
        value=Fit(0.5, np.array([1.0, np.nan])),
        lfp=TimeSeries("other", np.arange(8, dtype=np.int16), "volts", rate_hz=4.0),
        files=folder,
    )
    assert product(asset, "table").df.to_dict("list") == {"unit": ["u", "v"], "a": [1, 2]}
    assert product(asset, "series").df.hz.tolist() == [1.5]
    xr.testing.assert_equal(product(asset, "array"), array)
    assert product(asset, "both").q.values.tolist() == [3, 4]
    assert product(asset, "numbers").dtype == np.int16
    assert product(asset, "value") == {"slope": 0.5, "values": [1.0, None]}
    assert product(asset, "lfp").read(scaled=True).tolist() == list(range(8))
    assert product(asset, "files") == {"deep/w.bin": b"123"}
    assert {"table", "array", "files"} <= set(names_in(asset))
    assert lake.find("has:array").names == [asset.name]
    with pytest.raises(NotFoundError):
        product(asset, "nothing")
    assert lake.check().ok


def test_figures_are_drawn_the_same_every_time(lake):
    figure = pytest.importorskip("matplotlib.figure")

    def drawn():
        one = figure.Figure()
        one.subplots().plot([1, 2], [3, 4], label="x")
        return one

    first, second = (kept(lake, run, figure=drawn()) for run in ("0a", "0b"))
    svg = product(first, "figure")
    assert svg.startswith(b"<?xml")
    assert svg == product(second, "figure")
    assert first.read_file("figures/figure.png") == second.read_file("figures/figure.png")


def test_documents_replace_what_is_inherited():
    quality = Quality(evaluations=(Evaluation(name="drift", history=(Status(status="pass"),)),))
    assert sorted_out(("quality",), quality).documents == [quality]


def test_what_is_none_is_not_made():
    assert not sorted_out(("a", "b"), (None, 3)).signals
    assert list(sorted_out(("a", "b"), (None, 3)).said) == ["b"]


@pytest.mark.parametrize("returned", [3, (1, 2, 3), {"a": 1}, {"a": 1, "b": 2, "c": 3}, None])
def test_what_is_returned_must_be_what_is_given(returned):
    with pytest.raises(InputError, match="the step gives a, b, and returned"):
        sorted_out(("a", "b"), returned)


def test_what_cannot_be_kept_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be kept"):
        sorted_out(("a",), object())
    with pytest.raises(InputError, match="no file or folder"):
        sorted_out(("a",), tmp_path / "nothing")
