"""Whatever is done to a file's bytes, readers read it or say what is wrong."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import PanneuroError
from panneuro.formats import abf, movie, nwb, phy, tabular, tiff, video
from panneuro.formats.source import Source
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording
from panneuro.signals.timeseries import TimeSeries


def _nwb(path: Path) -> None:
    with h5py.File(path, "w") as handle:
        handle.attrs["nwb_version"] = "2.7.0"
        handle["identifier"] = "x"
        series = handle.create_group("acquisition/v")
        series["data"] = np.arange(20.0)
        series["data"].attrs["unit"] = "volts"
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = 10.0


def _movie(path: Path) -> None:
    with h5py.File(path, "w") as handle:
        handle["data"] = np.zeros((4, 3, 2), "i2")


def _abf(path: Path) -> None:
    pyabf = pytest.importorskip("pyabf")
    pyabf.abfWriter.writeABF1(np.zeros((2, 50)), str(path), 20_000, units="mV")


def _tiff(path: Path) -> None:
    pytest.importorskip("tifffile").imwrite(path, np.zeros((4, 3, 2), "u2"), imagej=True)


def _csv(path: Path) -> None:
    path.write_text("time,speed (cm/s),note\n0,1,a\n0.1,2,b\n0.2,3,c\n")


def _video(path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        picture = np.zeros((32, 32, 3), np.uint8)
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def _phy(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, np.arange(4, dtype=np.uint64))
    np.save(path.with_name("spike_clusters.npy"), np.array([0, 1, 0, 1]))
    path.with_name("params.py").write_text("sample_rate = 30000.")


KINDS: list[tuple[ModuleType, str, Callable[[Path], None]]] = [
    (nwb, "x.nwb", _nwb),
    (movie, "x.h5", _movie),
    (abf, "x.abf", _abf),
    (tiff, "x.tif", _tiff),
    (tabular, "x.csv", _csv),
    (video, "x.mp4", _video),
    (phy, "spike_times.npy", _phy),
]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8)


def use(recording: Recording) -> None:
    """Read a little of everything."""
    for signal in recording.signals:
        if isinstance(signal, TimeSeries):
            _ = signal.data[:3]
        elif isinstance(signal, Frames):
            _ = None if signal.data is None else signal.data[:2]
        elif isinstance(signal, Events):
            _ = signal.times[:3]
        else:
            _ = signal.df


@pytest.mark.parametrize(("reader", "name", "write"), KINDS, ids=[k[1] for k in KINDS])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(edits=EDITS, keep=st.floats(0, 1) | st.just(1.0))
def test_damage_is_told(
    tmp_path: Path,
    reader: ModuleType,
    name: str,
    write: Callable[[Path], None],
    edits: list[tuple[float, int]],
    keep: float,
) -> None:
    path = tmp_path / "source" / name
    path.parent.mkdir(exist_ok=True)
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(path)
        data = bytearray(path.read_bytes())
        for place, value in edits:
            data[int(place * (len(data) - 1))] = value
        path.write_bytes(bytes(data[: max(1, int(keep * len(data)))]))
        try:
            source = Source(path.parent if reader is phy else path)
            assert 0 <= reader.sniff(source).score <= 1
            use(reader.read(source))
        except PanneuroError as error:
            assert error.message  # noqa: PT017 - any of ours will do
        finally:
            logging.disable(logging.NOTSET)
