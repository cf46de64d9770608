"""What the viewer starts from: which signals are drawn, how, and what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.manifest import StoredFile
from panneuro.lake.asset import Asset
from panneuro.portal.pictures import span_of
from panneuro.portal.said import unit_of

_WINDOW_S, _SLOW_WINDOW_S = 10.0, 60.0
_FAST_HZ = 20.0
"""Slower signals, and trials alone, are first looked at for longer."""

_MOST_LINES = 64
"""Above as many channels a heat map is drawn."""

_ORDER = ("bands", "frames", "heat", "lines", "raster")
_KNOTS = (2, 16, 128, 1024)
_PEAKS = ("peak_channel_id", "peak_channel", "peak_electrode")

VIDEOS: Mapping[str, str] = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4", ".webm": "webm"}
"""Endings of videos that browsers play, and in which form they are sent."""

Floats = npt.NDArray[np.float64]

NO_PANELS = {"panels": (), "first": 0.0, "last": 1.0, "begin": 0.0, "window": 1.0}


def viewer_of(asset: Asset) -> dict[str, Any]:
    """Return what the viewer starts from: what can be drawn, how, and over which seconds."""
    panels = [(panel, said) for said in asset.manifest.signals if (panel := _panel(said))]
    panels.sort(key=lambda pair: _ORDER.index(pair[0]["kind"]))
    for panel, said in panels:
        panel["start_s"], panel["stop_s"] = span_of(asset, said)
        if panel["kind"] == "raster":
            panel["ids"] = asset.rows(said["name"])["id"].to_pylist()
            panel["sites"] = _sites(asset, said)
        if panel["kind"] == "frames" and video_of(asset, said):
            panel["clock"] = _clock(asset, said)
    drawn = [panel for panel, _ in panels]
    lasting = [one for one in drawn if one["kind"] != "frames" or one["rows"] > 1] or drawn
    first = min((panel["start_s"] for panel in lasting), default=0.0)
    last = max((panel["stop_s"] for panel in lasting), default=1.0)
    return {
        "reference": f"{asset.name}@{asset.version}",
        "panels": drawn,
        "first": first,
        "last": last,
        **_opening(lasting, first, last),
    }


def _opening(panels: Sequence[Mapping[str, Any]], first: float, last: float) -> dict[str, float]:
    """Return where one looks first: at the beginning of the fastest signal, as long as it is."""
    fast = max(panels, key=lambda panel: panel.get("rate_hz", 0.0), default=None)
    if fast is None or fast.get("rate_hz", 0.0) < _FAST_HZ:
        begin = min((one["start_s"] for one in panels if one["kind"] == "bands"), default=first)
        return {"begin": begin, "window": min(_SLOW_WINDOW_S, last - begin)}
    return {"begin": fast["start_s"], "window": min(_WINDOW_S, fast["stop_s"] - fast["start_s"])}


def _panel(said: Mapping[str, Any]) -> dict[str, Any] | None:
    panel = {"name": said["name"], "unit": unit_of(said)}
    if said["kind"] == "timeseries" and len(said["shape"]) <= 2:
        rows = said["shape"][1] if len(said["shape"]) > 1 else 1
        if not rows or not said["shape"][0] or said["start_s"] is None:
            return None
        kind = "heat" if rows > _MOST_LINES else "lines"
        electrodes = said.get("electrodes") or []
        names = said.get("channels") or []
        rois = said.get("attributes", {}).get("rois")
        panel |= {"kind": kind, "rows": rows, "electrodes": electrodes, "channels": names}
        panel |= {"rate_hz": said["rate_hz"]} if said["rate_hz"] else {"stamped": True}
        return panel | ({"rois": rois} if isinstance(rois, str) else {})
    if said["kind"] == "events" and said["units"]:
        return panel | {"kind": "raster", "rows": said["units"]}
    if said["kind"] == "intervals" and said["rows"]:
        others = [one for one in said["columns"] if one not in ("id", "start_time", "stop_time")]
        return panel | {"kind": "bands", "rows": said["rows"], "columns": others}
    if said["kind"] == "frames" and said["frames"] and (not said["file"] or said.get("thumbnails")):
        return panel | {"kind": "frames", "rows": said["frames"]}
    return None


def _sites(asset: Asset, said: Mapping[str, Any]) -> list[int | None]:
    """Return the row of the electrode at which each unit is; none where that is not told."""
    table, columns = asset.rows(said["name"]), said["columns"]
    if "electrodes" in columns:
        groups = table["electrodes"].to_pylist()
        return [_row(group[0]) if group else None for group in groups]
    for column in _PEAKS:
        if column in columns:
            known = _rows_by_number(asset)
            return [known.get(_row(one)) for one in table[column].to_pylist()]
    if "channel_name" in columns:
        rows = _rows_by_channel(asset)
        return [rows.get(name) for name in table["channel_name"].to_pylist()]
    return []


def _row(value: Any) -> int | None:
    whole = isinstance(value, int | float) and float(value).is_integer()
    return int(value) if whole else None


def _rows_by_number(asset: Asset) -> dict[int | None, int]:
    """Return the row of each electrode by the number that it goes by."""
    for said in asset.manifest.signals:
        if said["name"] == "electrodes":
            table = asset.rows("electrodes")
            numbered = next((one for one in ("id", "channel") if one in table.column_names), None)
            numbers = table[numbered].to_pylist() if numbered else range(table.num_rows)
            return {_row(number): row for row, number in enumerate(numbers)}
    return {}


def _rows_by_channel(asset: Asset) -> dict[str, int]:
    found: dict[str, int] = {}
    for said in asset.manifest.signals:
        if said["kind"] == "timeseries" and said["electrodes"]:
            found |= dict(zip(said["channels"], said["electrodes"], strict=False))
    return found


def video_of(asset: Asset, said: Mapping[str, Any]) -> StoredFile | None:
    """Return the file of a video that the asset holds and browsers play."""
    if said["kind"] != "frames" or not said["file"]:
        return None
    if PurePosixPath(said["file"]).suffix.lower() not in VIDEOS:
        return None
    kept = f"original/{said['file']}"
    return next((file for file in asset.files if file.path == kept), None)


def _clock(asset: Asset, said: Mapping[str, Any]) -> list[list[float]]:
    """Return moments of the session and the seconds of the video that show them."""
    if not said.get("times"):
        length = (said["frames"] - 1) / said["rate_hz"]
        return [[said["start_s"], 0.0], [said["start_s"] + length, length]]
    times = np.asarray(asset.array(said["times"])[:], dtype=np.float64)
    if asset.manifest.format == "video" or not said["rate_hz"]:
        return knots(times, times - times[0])
    return knots(times, np.arange(len(times)) / said["rate_hz"])


def knots(times: Floats, shown: Floats) -> list[list[float]]:
    """Return as few pairs as tell one clock by another to half a frame, by straight lines.

    Examples
    --------
    >>> knots(5 + np.arange(1000) / 30, np.arange(1000) / 25)
    [[5.0, 0.0], [38.3, 39.96]]
    """
    known = np.isfinite(times)
    times, shown = times[known], shown[known]
    near = 0.5 * float(np.median(np.diff(shown))) if len(shown) > 1 else 0.0
    for count in _KNOTS:
        at = np.unique(np.linspace(0, len(times) - 1, count).astype(int))
        if np.abs(np.interp(times, times[at], shown[at]) - shown).max(initial=0.0) <= near:
            break
    return list(np.stack([times[at], shown[at]], axis=1).round(6).tolist())
