"""How ScanImage lays out the pages of its TIFF stacks, and when each was taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_STAMP = re.compile(r"^\s*frameTimestamps_sec\s*=\s*([-+0-9.eE]+)", re.MULTILINE)
_OLD = re.compile(r"state\.([A-Za-z0-9_.]+)=([^\r\n]*)")


@dataclass(frozen=True)
class Layout:
    """The order of pages: channels change fastest, then frames of a slice, slices, volumes.

    Parameters
    ----------
    n_channels : int
        Channels that were saved.
    n_slices : int
        Planes of a volume, with those of the flyback.
    frames_per_slice : int
        Pages of a channel that follow each other in one plane.
    n_flyback : int
        The last planes of each volume, taken while the objective returned.
    rate_hz : float, optional
        Frames per second, whatever their plane.
    attributes : mapping
        What else is worth telling.
    """

    n_channels: int = 1
    n_slices: int = 1
    frames_per_slice: int = 1
    n_flyback: int = 0
    rate_hz: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def parse_layout(metadata: Mapping[str, Any], description: str) -> Layout | None:
    """Return the layout that ScanImage wrote down, or nothing if it is not ScanImage's.

    Parameters
    ----------
    metadata : mapping
        What tifffile makes of the header of ScanImage 5 and later.
    description : str
        Of the first page, where ScanImage 3 writes.

    Examples
    --------
    >>> parse_layout({}, "state.acq.frameRate=3.9\\rstate.acq.numberOfChannelsSave=2").rate_hz
    3.9
    """
    frame = metadata.get("FrameData", metadata)
    if isinstance(frame, Mapping) and "SI.hChannels.channelSave" in frame:
        return _new(frame)
    old = {key: value.strip() for key, value in _OLD.findall(description.replace("\r", "\n"))}
    return _old(old) if "acq.frameRate" in old else None


def _new(frame: Mapping[str, Any]) -> Layout:
    saved = frame["SI.hChannels.channelSave"]
    n_channels = len(saved) if isinstance(saved, list | tuple) else 1
    n_slices = _whole(frame.get("SI.hStackManager.actualNumSlices"), 1)
    if "SI.hStackManager.actualNumSlices" not in frame:
        n_slices = _whole(frame.get("SI.hStackManager.numSlices"), 1)
    per_volume = _whole(frame.get("SI.hStackManager.numFramesPerVolume"), n_slices)
    with_flyback = _whole(frame.get("SI.hStackManager.numFramesPerVolumeWithFlyback"), per_volume)
    n_flyback = max(0, with_flyback - per_volume)
    if frame.get("SI.hFastZ.discardFlybackFrames") is True and n_slices == with_flyback:
        n_flyback = 0
    kept = ("SI.VERSION_MAJOR", "SI.VERSION_MINOR", "SI.hStackManager.stackZStepSize")
    zoom = ("SI.hRoiManager.scanZoomFactor", "SI.objectiveResolution")
    return Layout(
        n_channels,
        n_slices + n_flyback,
        max(1, per_volume // n_slices) if n_slices > 1 else 1,
        n_flyback,
        _rate(frame.get("SI.hRoiManager.scanFrameRate")),
        {key: frame[key] for key in (*kept, *zoom) if key in frame} | {"channels_saved": saved},
    )


def _old(state: Mapping[str, str]) -> Layout:
    return Layout(
        _whole(state.get("acq.numberOfChannelsSave"), 1),
        _whole(state.get("acq.numberOfZSlices"), 1),
        _whole(state.get("acq.numberOfFrames"), 1),
        rate_hz=_rate(state.get("acq.frameRate")),
        attributes={"version": state.get("software.version", "")},
    )


def _whole(value: Any, default: int) -> int:
    try:
        return max(1, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return default


def _rate(value: Any) -> float | None:
    try:
        rate = float(value)
    except (TypeError, ValueError):
        return None
    return rate if 0 < rate < 1e9 else None


def parse_stamp(description: str) -> float | None:
    """Return the time in seconds that ScanImage wrote on a page, or nothing.

    Examples
    --------
    >>> parse_stamp("frameNumbers = 1\\nframeTimestamps_sec = 0.017180000")
    0.01718
    """
    found = _STAMP.search(description)
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None
