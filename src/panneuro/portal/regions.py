"""Where the regions of interest are: their outlines over the image they were found in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.lake.asset import Asset

_MOST = 1000
"""As many are drawn; of more, those that are taken for cells first."""

_MOST_BYTES = 64 << 20
"""Of masks, as a page is waited for."""

_MASK, _IMAGE = "pixel_mask", "image_mask"
_FARTHEST = 8192
"""Pixels: what lies farther out is no place in an image."""

Corner = tuple[int, int]


@dataclass(frozen=True)
class Outline:
    """One region.

    Parameters
    ----------
    row : int
        Of its table.
    path : str
        Around its pixels, as SVG has paths.
    is_cell : bool
        Whether it is taken for a cell; true where nobody said.
    """

    row: int
    path: str
    is_cell: bool


@dataclass(frozen=True)
class Regions:
    """The regions of a table.

    Parameters
    ----------
    name : str
        Of the table.
    outlines : tuple of Outline
        Those that are drawn.
    total : int
        How many there are.
    width, height : int
        Pixels of the image.
    image : str
        Name of the signal that has the image; empty where none fits.
    """

    name: str
    outlines: tuple[Outline, ...]
    total: int
    width: int
    height: int
    image: str


def regions_of(asset: Asset) -> tuple[Regions, ...]:
    """Return the regions of an asset, a map for each table that tells of pixels."""
    found = (_drawn(asset, said) for said in asset.manifest.signals if said["kind"] == "table")
    return tuple(regions for regions in found if regions)


def _drawn(asset: Asset, said: Mapping[str, Any]) -> Regions | None:
    column = next((one for one in (_MASK, _IMAGE) if one in said["columns"]), None)
    if column is None or not said["rows"]:
        return None
    wanted = [column, *({"is_cell"} & set(said["columns"]))]
    columns = asset.rows(said["name"]).select(wanted)
    if columns.nbytes > _MOST_BYTES:
        return None
    table = columns.to_pydict()
    cells = [bool(one) for one in table.get("is_cell", [True] * said["rows"])]
    rows = sorted(range(said["rows"]), key=lambda row: not cells[row])[:_MOST]
    pixels = {row: _pixels(table[column][row]) for row in sorted(rows)}
    pixels = {row: found for row, found in pixels.items() if len(found)}
    if not pixels:
        return None
    reach = np.max([found.max(axis=0) for found in pixels.values()], axis=0) + 1
    image, (height, width) = _image(asset, said["name"], (int(reach[1]), int(reach[0])))
    outlines = (Outline(row, outline(found), cells[row]) for row, found in pixels.items())
    return Regions(said["name"], tuple(outlines), said["rows"], width, height, image)


def _pixels(mask: Any) -> npt.NDArray[np.int64]:
    """Return the pixels of a mask, shape (n_pixels, 2), x before y."""
    if mask is None or not len(mask):
        return np.empty((0, 2), dtype=np.int64)
    if isinstance(mask[0], Mapping):
        places = np.array([(one["x"], one["y"]) for one in mask], dtype=np.float64)
    else:
        drawn = np.nan_to_num(np.array(mask, dtype=np.float64)).T > 0
        places = np.argwhere(drawn).astype(np.float64)
    inside = np.isfinite(places).all(axis=1) & (places >= 0).all(axis=1)
    inside &= (places < _FARTHEST).all(axis=1)
    return np.unique(places[inside].astype(np.int64), axis=0)


def _image(asset: Asset, name: str, reach: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """Return the signal that has the image under some regions, and its height and width."""
    frames = [one for one in asset.manifest.signals if one["kind"] == "frames" and not one["file"]]
    fits = [one for one in frames if len(one["shape"]) > 1 and tuple(one["shape"][:2]) >= reach]
    named = [one for one in fits if one["name"] == name.replace("rois", "mean_image", 1)]
    for one in (*named, *(fits if len(fits) == 1 else ())):
        return one["name"], (one["shape"][0], one["shape"][1])
    return "", reach


def outline(pixels: npt.NDArray[np.int64]) -> str:
    """Return the path around some pixels; what is hollow stays so.

    Parameters
    ----------
    pixels : ndarray of int, shape (n_pixels, 2)
        Places, x before y.

    Examples
    --------
    >>> outline(np.array([[2, 3], [3, 3]]))
    'M2 3H4V4H2z'
    """
    return "".join(_loops({(int(x), int(y)) for x, y in pixels}))


def _loops(inside: set[Corner]) -> Iterator[str]:
    """Walk along the edges of pixels, with the inside on the right, until each is closed."""
    ways: dict[Corner, list[Corner]] = {}
    for x, y in sorted(inside):
        sides = {
            (x, y - 1): ((x, y), (x + 1, y)),
            (x + 1, y): ((x + 1, y), (x + 1, y + 1)),
            (x, y + 1): ((x + 1, y + 1), (x, y + 1)),
            (x - 1, y): ((x, y + 1), (x, y)),
        }
        for beside, (start, stop) in sides.items():
            if beside not in inside:
                ways.setdefault(start, []).append(stop)
    while ways:
        first = next(iter(ways))
        at, path, along = first, [f"M{first[0]} {first[1]}"], -1
        while at in ways:
            to = ways[at].pop()
            if not ways[at]:
                del ways[at]
            axis = 0 if to[1] == at[1] else 1
            step = f"{'HV'[axis]}{to[axis]}"
            path[-1:] = [step] if axis == along else [path[-1], step]
            at, along = to, axis
        path.pop()
        yield "".join(path) + "z"
