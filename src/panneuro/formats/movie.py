"""Movies in plain HDF5: one dataset of time × y × x, as two-photon pipelines write them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from panneuro.core.errors import FormatError
from panneuro.formats.described import Description, of
from panneuro.formats.hdf5 import HDF5Array, check_contained, is_hdf5, open_hdf5, whole
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.signals.arrays import Sliced
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording

NAMES = ("data", "mov", "movie", "input_frames", "frames", "images", "imaging")
"""Names of datasets that are taken for a movie, best first."""


def sniff(source: Source) -> Match:
    """Recognise an HDF5 file with a dataset of three axes under a usual name."""
    if not source.path.is_file() or not is_hdf5(source.head(source.path, 8)):
        return NO
    try:
        with open_hdf5(source.path) as handle, whole(source.path.name):
            if "nwb_version" in handle.attrs:
                return NO
            found = _find(handle)
            return Match(0.5, f"HDF5 with a movie in {found.name!r}") if found is not None else NO
    except FormatError:
        return NO


def _find(handle: h5py.File) -> h5py.Dataset | None:
    for name in NAMES:
        link = handle.get(name, getlink=True)
        item = handle.get(name) if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Dataset) and item.ndim == 3 and item.dtype.kind in "iuf":
            return item
    return None


def read(source: Source) -> Recording:
    """Read the movie of an HDF5 file, lazily. A description beside it tells ``rate_hz``.

    Raises
    ------
    FormatError
        If there is none, or the file is damaged or reaches into others.
    """
    handle = open_hdf5(source.path)
    with whole(source.path.name):
        check_contained(source.path.name, handle)
        found, names = _find(handle), list(handle)
    if found is None:
        raise FormatError(
            f"reading {source.path.name!r}: no dataset of time × y × x in it",
            hint=f"name it one of: {', '.join(NAMES)}",
        )
    description = of(source.path) or Description(str(source.path), {})
    rate, notes = description.number("rate_hz", 0.0), []
    if rate <= 0:
        notes.append("nothing tells the frame rate: frames are counted as if one a second")
    others = [name for name in names if f"/{name}" != found.name]
    if others:
        notes.append(f"not read: {', '.join(others)}")
    frames = Frames(
        description.text("name", "two_photon"),
        Sliced(found.shape[:1], np.float64, lambda a, b: np.arange(a, b) / (rate or 1.0)),
        HDF5Array(found, found.dtype),
        shape=tuple(found.shape[1:]),
        rate_hz=rate or None,
        unit=description.text("unit", "n.a."),
        neurodata_type="TwoPhotonSeries",
        description=description.text("description", ""),
    )
    documents: dict[str, dict[str, Any]] = {"description": {"modalities": ["ophys"]}}
    return Recording(
        "movie", (frames,), (source.file(source.path, kept=None),), documents, tuple(notes)
    )
