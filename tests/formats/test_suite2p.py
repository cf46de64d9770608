"""Traces and regions out of suite2p's folders, whose pickles stay closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats import suite2p
from panneuro.formats.source import Source
from panneuro.signals.frames import Frames
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries


def plane(place: Path, n_rois: int, seed: int = 0) -> Path:
    """Write a plane as suite2p does."""
    place.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in ("F", "Fneu", "spks"):
        np.save(place / f"{name}.npy", rng.random((n_rois, 20), dtype=np.float32))
    np.save(place / "iscell.npy", np.array([[roi % 2, 0.5] for roi in range(n_rois)]))
    ops = {
        "fs": np.float64(7.5),
        "meanImg": np.arange(16.0).reshape(4, 4),
        "data_path": ["/x"],
        "tau": 1.0,
    }
    np.save(place / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
    stat = np.empty(n_rois, dtype=object)
    stat[:] = [
        {"med": (np.float64(roi), 2 * roi), "npix": 2, "xpix": np.array([1, 2]),
         "ypix": np.array([3, roi]), "lam": np.array([0.5, 1.0], "f4")}
        for roi in range(n_rois)
    ]  # fmt: skip
    np.save(place / "stat.npy", stat, allow_pickle=True)
    return place


def test_traces_are_time_by_region(tmp_path: Path) -> None:
    place = plane(tmp_path / "plane0", 3)
    found = suite2p.read(Source(place))
    assert [signal.name for signal in found.signals] == [
        "fluorescence", "neuropil", "deconvolved", "rois", "mean_image",
    ]  # fmt: skip
    traces = found["fluorescence"]
    assert isinstance(traces, TimeSeries)
    np.testing.assert_array_equal(traces.data[2:5], np.load(place / "F.npy").T[2:5])
    assert traces.rate_hz == 7.5


def test_regions_are_a_table(tmp_path: Path) -> None:
    rois = suite2p.read(Source(plane(tmp_path / "plane0", 3)))["rois"]
    assert isinstance(rois, Table)
    assert rois["is_cell"].tolist() == [False, True, False]
    assert rois["y_px"].tolist() == [0.0, 1.0, 2.0]
    assert rois["x_px"].tolist() == [0.0, 2.0, 4.0]
    assert rois["pixel_mask"][2][1] == {"x": 2, "y": 2, "weight": 1.0}
    assert rois.arrow.num_rows == 3


def test_the_mean_image_is_one_frame(tmp_path: Path) -> None:
    image = suite2p.read(Source(plane(tmp_path / "plane0", 3)))["mean_image"]
    assert isinstance(image, Frames)
    np.testing.assert_array_equal(image.read(), np.arange(16.0).reshape(1, 4, 4))


def test_planes_are_told_apart_and_combined_is_left_out(tmp_path: Path) -> None:
    for name, count in (("plane0", 2), ("plane1", 3), ("combined", 5)):
        plane(tmp_path / "suite2p" / name, count)
    source = Source(tmp_path / "suite2p")
    assert suite2p.sniff(source).score > 0.9
    found = suite2p.read(source)
    assert [s.name for s in found.signals if isinstance(s, Table)] == ["rois_plane0", "rois_plane1"]
    assert any("combined" in note for note in found.notes)


def test_pickles_are_not_run(tmp_path: Path) -> None:
    place, target = plane(tmp_path / "plane0", 2), tmp_path / "touched"

    class Armed:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (target,)

    np.save(place / "stat.npy", np.array([Armed(), Armed()]), allow_pickle=True)
    found = suite2p.read(Source(place))
    assert any("stat.npy" in note for note in found.notes)
    assert not target.exists()


@pytest.mark.parametrize("name", ["F.npy", "iscell.npy", "ops.npy"])
def test_damage_is_told(tmp_path: Path, name: str) -> None:
    place = plane(tmp_path / "plane0", 2)
    (place / name).write_bytes(b"\x93NUMPY\x01\x00 damaged")
    with pytest.raises(FormatError):
        suite2p.read(Source(place))
    (place / name).unlink()
    if name != "F.npy":
        with pytest.raises(FormatError):
            suite2p.read(Source(place))


def test_files_must_fit(tmp_path: Path) -> None:
    place = plane(tmp_path / "plane0", 2)
    np.save(place / "spks.npy", np.zeros((3, 20)))
    with pytest.raises(FormatError, match="does not fit"):
        suite2p.read(Source(place))


def test_a_real_folder(sample_data: Path) -> None:
    folder = sample_data / "imaging/suite2p"
    found = suite2p.read(Source(folder))
    rois = [s for s in found.signals if isinstance(s, Table)]
    assert [len(table) for table in rois] == [15, 25]
    traces = found["deconvolved_plane1"]
    assert isinstance(traces, TimeSeries)
    np.testing.assert_array_equal(traces.data[:], np.load(folder / "plane1/spks.npy").T)
    assert traces.rate_hz == 10.0
    assert all(
        len(mask) == n for mask, n in zip(rois[0]["pixel_mask"], rois[0]["npix"], strict=True)
    )
