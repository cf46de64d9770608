"""Folders of suite2p: traces of regions of interest, where they are, and the mean image.

``ops.npy`` and ``stat.npy`` are pickles; they are looked into, never unpickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from panneuro.core.errors import FormatError
from panneuro.core.reals import is_real
from panneuro.formats.flat import Flat
from panneuro.formats.npy import load, look_into_objects
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import KEPT_BYTES, Source
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

TRACES = {
    "F": ("fluorescence", "raw fluorescence of each region"),
    "Fneu": ("neuropil", "fluorescence around each region"),
    "spks": ("deconvolved", "deconvolved activity of each region"),
    "F_chan2": ("fluorescence_channel_2", "raw fluorescence in the second channel"),
    "Fneu_chan2": ("neuropil_channel_2", "fluorescence around each region in the second channel"),
}
"""Name and meaning of each file of traces."""

_PICKLE_BYTES = 1 << 30
_SHAPES = ("npix", "radius", "aspect_ratio", "compact", "skew", "std")
_OPTIONS = ("fs", "tau", "nplanes", "nchannels", "Lx", "Ly", "nframes", "diameter")
_DESCRIPTIONS = {
    "is_cell": "whether suite2p or a person takes it for a cell",
    "cell_probability": "how sure the classifier is that it is a cell",
    "x_px": "centre in pixels",
    "y_px": "centre in pixels",
    "npix": "pixels in the region",
    "pixel_mask": "pixels of the region with their weights",
}


def sniff(source: Source) -> Match:
    """Recognise traces and the choice of cells, as suite2p names them."""
    names = {path.name for path in source.files}
    if source.path.is_dir() and {"F.npy", "iscell.npy"} <= names:
        return Match(0.95, "F.npy and iscell.npy, as suite2p writes them")
    return NO


def read(source: Source) -> Recording:
    """Read the traces of each plane; the combined view only where there are no planes.

    Raises
    ------
    FormatError
        If the frame rate is not told, or the files do not fit together.
    """
    folders = sorted(path.parent for path in source.matching("F.npy"))
    if not folders:
        raise FormatError(
            f"reading {str(source.path)!r} as suite2p: there is no F.npy in it",
            hint="name the folder that suite2p wrote, with plane0 in it",
        )
    planes = [folder for folder in folders if folder.name != "combined"] or folders
    notes = [f"{folder.name} repeats the planes; left out" for folder in set(folders) - set(planes)]
    signals: list[Signal] = []
    for folder in planes:
        suffix = f"_{folder.name}" if len(planes) > 1 else ""
        signals += _plane(folder, suffix, notes)
    own = [path for path in source.files if path.parent in planes and path.stem not in TRACES]
    left = {path for path in own if path.stat().st_size > KEPT_BYTES}
    left |= {path for path in source.files if path.parent in {*folders} - {*planes}}
    notes += [f"{source.name(path)} is large and not kept" for path in sorted(left & {*own})]
    files = [
        source.file(path, kept=None if path.parent in planes else True)
        for path in source.files
        if path not in left
    ]
    documents: dict[str, dict[str, Any]] = {
        "description": {"kind": "derived", "modalities": ["ophys"]},
        "processing": {"runs": [{"step": "suite2p", "parameters": _told(planes[0])}]},
    }
    return Recording("suite2p", tuple(signals), tuple(files), documents, tuple(notes))


def _options(folder: Path) -> dict[str, Any]:
    path = folder / "ops.npy"
    if not path.is_file():
        return {}
    found = look_into_objects(path, _PICKLE_BYTES)
    options = found[0] if isinstance(found, list) and found else found
    return options if isinstance(options, dict) else {}


def _told(folder: Path) -> dict[str, Any]:
    options = _options(folder)
    plain = {key: options[key] for key in _OPTIONS if key in options}
    return {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in plain.items()
        if isinstance(value, int | float | np.generic)
    }


def _plane(folder: Path, suffix: str, notes: list[str]) -> list[Signal]:
    rate = _told(folder).get("fs")
    if not is_real(rate, above=0):
        raise FormatError(
            f"reading {folder.name!r}: ops.npy tells no usable frame rate 'fs' ({rate!r})",
            hint="copy ops.npy beside F.npy, as suite2p wrote it",
        )
    signals: list[Signal] = []
    for stem, (name, meaning) in TRACES.items():
        values = _load(folder / f"{stem}.npy")
        if values is None:
            continue
        over_time = values.transposed
        if signals and over_time.shape != signals[0].data.shape:  # type: ignore[union-attr]
            raise FormatError(f"reading {folder.name!r}: {stem}.npy does not fit F.npy")
        signals.append(
            TimeSeries(
                f"{name}{suffix}",
                over_time,
                "a.u.",
                rate_hz=float(rate),
                neurodata_type="RoiResponseSeries",
                role="processing/ophys",
                description=meaning,
                attributes={"rois": f"rois{suffix}"},
                source=f"{stem}.npy",
            )
        )
    n_rois = int(signals[0].data.shape[1])  # type: ignore[union-attr]
    rois = _rois(folder, f"rois{suffix}", n_rois, notes)
    return [*signals, rois, *_mean_image(folder, f"mean_image{suffix}")]


def _mean_image(folder: Path, name: str) -> list[Signal]:
    """Return the image in which the regions were found, none where it is not told."""
    image = np.asarray(_options(folder).get("meanImg", ()))
    if image.ndim != 2 or image.dtype.kind not in "iuf" or not image.size:
        return []
    return [
        Frames(
            name,
            np.zeros(1),
            image[np.newaxis],
            shape=image.shape,
            unit="a.u.",
            role="processing/ophys",
            description="mean of all frames after they were aligned",
        )
    ]


def _load(path: Path) -> Flat | None:
    if not path.is_file():
        return None
    values = load(path)
    if len(values.shape) != 2 or values.dtype.kind not in "biuf":
        raise FormatError(f"reading {path.name!r}: {values.shape} {values.dtype} is no matrix")
    return values


def _rois(folder: Path, name: str, n_rois: int, notes: list[str]) -> Table:
    chosen = _load(folder / "iscell.npy")
    if chosen is None or chosen.shape[0] != n_rois:
        raise FormatError(f"reading {folder.name!r}: iscell.npy does not fit F.npy")
    frame = pd.DataFrame({"is_cell": chosen[:, 0] > 0})
    if chosen.shape[1] > 1:
        frame["cell_probability"] = chosen[:, 1]
    red = _load(folder / "redcell.npy")
    if red is not None and red.shape[0] == n_rois:
        frame["is_red"] = red[:, 0] > 0
    for column, values in _shapes(folder, n_rois, notes).items():
        frame[column] = values
    told = {column: _DESCRIPTIONS.get(column, "") for column in frame.columns}
    return Table.from_frame(name, frame, descriptions={k: v for k, v in told.items() if v})


def _shapes(folder: Path, n_rois: int, notes: list[str]) -> dict[str, list[Any]]:
    """Return where each region is, and its pixels, out of ``stat.npy``."""
    path = folder / "stat.npy"
    try:
        rois = look_into_objects(path, _PICKLE_BYTES) if path.is_file() else []
        if len(rois) == n_rois:
            return _columns(rois)
    except (TypeError, ValueError, KeyError, IndexError):
        why = "is not as suite2p writes it"
    else:
        why = "does not tell where the regions are"
    notes.append(f"stat.npy of {folder.name} {why}; regions have no place")
    return {}


def _columns(rois: list[dict[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "y_px": [float(roi["med"][0]) for roi in rois],
        "x_px": [float(roi["med"][1]) for roi in rois],
    }
    for key in _SHAPES:
        if all(key in roi for roi in rois):
            columns[key] = [float(roi[key]) for roi in rois]
    if all({"xpix", "ypix", "lam"} <= roi.keys() for roi in rois):
        columns["pixel_mask"] = [_mask(roi) for roi in rois]
    return columns


def _mask(roi: dict[str, Any]) -> list[dict[str, Any]]:
    parts = (np.asarray(roi[key]).tolist() for key in ("xpix", "ypix", "lam"))
    return [{"x": x, "y": y, "weight": w} for x, y, w in zip(*parts, strict=True)]
