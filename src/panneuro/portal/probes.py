"""Where the electrodes are: a map of the probe with its areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.lake.asset import Asset

Floats = npt.NDArray[np.float64]

_AXES = (("rel_x", "rel_y"), ("x_um", "y_um"), ("x", "y"), ("x", "z"))
_MARGIN = 6.0
_WIDTH, _HEIGHT = 90.0, 420.0
_SQUARE = 160.0
"""How wide a map is that is not much longer than wide, in its own proportions."""

_LONG = 2.5
_HUES = 8


@dataclass(frozen=True)
class Contact:
    """One electrode on the map.

    Parameters
    ----------
    row : int
        Of the electrodes table.
    x, y : float
        Where it is drawn, in pixels.
    area : str
        Where it was in the brain.
    hue : int
        Number of the area's colour.
    """

    row: int
    x: float
    y: float
    area: str
    hue: int


@dataclass(frozen=True)
class Probe:
    """A map of electrodes.

    Parameters
    ----------
    contacts : tuple of Contact
        Where they are.
    areas : tuple of (str, int)
        Names of areas and their colours.
    width, height : float
        Of the map, in pixels.
    breadth, size : float
        Of a contact, across and along the probe.
    """

    contacts: tuple[Contact, ...]
    areas: tuple[tuple[str, int], ...]
    width: float
    height: float
    breadth: float
    size: float


def probe_of(asset: Asset) -> Probe | None:
    """Return the map of an asset's electrodes; None where their places are not known."""
    known = [said for said in asset.manifest.signals if said["name"] == "electrodes"]
    if not known or not known[0].get("rows"):
        return None
    frame = asset.rows("electrodes").to_pandas()
    places = _places(frame)
    if places is None:
        return None
    areas = [str(one) for one in frame["location"]] if "location" in frame else [""] * len(frame)
    order = [area for area in dict.fromkeys(areas) if area and area != "unknown"]
    hues = {area: at % _HUES for at, area in enumerate(order)}
    shape = _drawn_true if _is_square(places) else _drawn
    x, y, width, height, breadth, size = shape(places)
    contacts = tuple(
        Contact(row, round(float(x[row]), 1), round(float(y[row]), 1), areas[row],
                hues.get(areas[row], _HUES))
        for row in np.flatnonzero(np.isfinite(places).all(axis=1)).tolist()
    )  # fmt: skip
    return Probe(contacts, tuple(hues.items()), width, height, breadth, size)


def _places(frame: Any) -> Floats | None:
    for names in _AXES:
        if set(names) <= set(frame.columns):
            places: Floats = frame[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)
            if np.ptp(np.nan_to_num(places), axis=0).any():
                return places
    return None


def _is_square(places: Any) -> bool:
    """Tell whether electrodes lie in a plane rather than along a shank."""
    across, along = np.nanmax(places, axis=0) - np.nanmin(places, axis=0)
    return bool(0 < along <= _LONG * across)


def _drawn_true(places: Any) -> tuple[Any, Any, float, float, float, float]:
    """Return what `_drawn` does, with lengths alike along and across."""
    low, high = np.nanmin(places, axis=0), np.nanmax(places, axis=0)
    across, along = high - low
    scale = _SQUARE / max(across, along / 2)
    per_side = max(len(np.unique(np.round(places[:, at], 1))) for at in (0, 1))
    size = float(np.clip(_SQUARE / per_side * 0.7, 1.5, 14))
    x = _MARGIN + (places[:, 0] - low[0]) * scale
    y = _MARGIN + (high[1] - places[:, 1]) * scale
    width, height = (float(one * scale + size + 2 * _MARGIN) for one in (across, along))
    return x, y, width, height, size, size


def _drawn(places: Any) -> tuple[Any, Any, float, float, float, float]:
    """Return places in pixels, width and height of the map, breadth and size of a contact."""
    low, high = np.nanmin(places, axis=0), np.nanmax(places, axis=0)
    spread = np.maximum(high - low, 1e-9)
    rows = max(2, len(np.unique(np.round(places[:, 1], 1))))
    inner = _HEIGHT - 2 * _MARGIN
    size = float(np.clip(inner / rows * 0.8, 1.5, 9))
    columns = max(1, len(np.unique(np.round(places[:, 0], 1))))
    breadth = float(np.clip(_WIDTH / columns - 3, 2, 10))
    width = columns * (breadth + 3)
    x = _MARGIN + (places[:, 0] - low[0]) / spread[0] * (width - breadth - 3)
    y = _MARGIN + (high[1] - places[:, 1]) / spread[1] * (inner - size)
    return x, y, width + 2 * _MARGIN, _HEIGHT, breadth, size
