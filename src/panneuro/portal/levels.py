"""A time series and its coarser levels, read in blocks that are kept for whoever looks next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.lake.asset import Asset
from panneuro.portal.shelves import Shelf
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.head import KEY as HEAD

Values = npt.NDArray[Any]

FACTOR = 64
"""How many bins of a level one bin of the next covers; see `panneuro.storage.pyramid`."""

_BLOCK_BYTES = 256 << 10
"""Chunks that are smaller are kept some together."""

_LARGEST_BLOCK_BYTES = 24 << 20
_MOST_BLOCKS = 64
_OBJECTS_BYTES = 16 << 10


@dataclass(frozen=True)
class Levels:
    """A time series, opened, and its minima and maxima over longer and longer bins.

    Parameters
    ----------
    signal : TimeSeries
        Of plain channels.
    arrays : tuple of array
        The samples, shape (n_times, [n_channels]), then the levels, finest first, each of shape
        (n_bins, [n_channels,] 2).
    key : tuple of str
        Under which blocks are kept.
    shelf : Shelf
        That keeps them, sized in bytes.
    head_bytes : int
        Size of what its arrays are opened from.
    """

    signal: TimeSeries
    arrays: tuple[Any, ...]
    key: tuple[str, ...]
    shelf: Shelf
    head_bytes: int

    @property
    def nbytes(self) -> int:
        """Memory that it keeps beside its blocks: its asset's head, and times where stamped."""
        times = 0 if self.signal.timestamps is None else 8 * len(self.signal)
        return _OBJECTS_BYTES + 2 * self.head_bytes + times

    def depth(self, n_rows: int, bins: int) -> int:
        """Return the coarsest level of which some rows have a value for every bin."""
        depth = 0
        while depth + 1 < len(self.arrays) and FACTOR ** (depth + 1) * bins <= n_rows:
            depth += 1
        return depth

    def read(self, depth: int, first: int, last: int, columns: Sequence[int]) -> Values:
        """Return bins of a level, or samples, of some channels.

        Returns
        -------
        ndarray, shape (last - first, n_channels, 2) or (last - first, n_channels, 1)
        """
        array = self.arrays[depth]
        n_channels = self.signal.n_channels
        rows = _rows_per_block(array)
        if not rows or 2 * len(columns) < n_channels or last - first > rows * _MOST_BLOCKS:
            low, high = min(columns), max(columns) + 1
            wide = len(self.signal.data.shape) > 1
            found = np.asarray(array[first:last, low:high] if wide else array[first:last])
        else:
            found, low, high = self._kept(depth, rows, first, last), 0, n_channels
        found = found.reshape(last - first, high - low, -1)
        if list(columns) == list(range(low, high)):
            return found
        return found[:, [column - low for column in columns]]

    def _kept(self, depth: int, rows: int, first: int, last: int) -> Values:
        """Return rows from blocks; those that are missing are read at once."""
        places = {(*self.key, depth, at): at for at in range(first // rows, -(-last // rows))}
        blocks = self.shelf.take_all(
            list(places),
            lambda missing: self._blocks(depth, rows, [places[key] for key in missing]),
        )
        parts = [
            one[max(0, first - at * rows) : last - at * rows]
            for at, one in zip(places.values(), blocks, strict=True)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _blocks(self, depth: int, rows: int, places: list[int]) -> list[Values]:
        """Return whole blocks, each in memory of its own, so that it can be let go of alone."""
        found = []
        for _, pairs in groupby(enumerate(places), lambda pair: pair[1] - pair[0]):
            run = [at for _, at in pairs]
            values = np.asarray(self.arrays[depth][run[0] * rows : (run[-1] + 1) * rows])
            parts = np.split(values, range(rows, len(values), rows))
            found += parts if len(run) == 1 else [part.copy() for part in parts]
        return found


def levels_of(asset: Asset, name: str, shelf: Shelf) -> Levels:
    """Return the levels of a time series, opened once.

    Raises
    ------
    InputError
        If the signal is of another kind, or has more than channels at each time.
    """
    key = (asset.name, asset.version, name)

    def opened() -> Levels:
        signal = asset[name]
        if not isinstance(signal, TimeSeries) or len(signal.data.shape) > 2:
            raise InputError(f"{name!r} is no time series of plain channels")
        head_bytes = sum(file.size for file in asset.files if file.path == HEAD)
        return Levels(signal, (signal.data, *asset.pyramid(name)), key, shelf, head_bytes)

    return shelf.take((*key, "levels"), opened)


def _rows_per_block(array: Any) -> int:
    """Return how many rows are read at once: whole chunks; none where a chunk is too large."""
    row: int = max(1, int(np.prod(array.shape[1:])) * np.dtype(array.dtype).itemsize)
    rows: int = min(array.array.chunks[0], array.shape[0])
    if row * rows > _LARGEST_BLOCK_BYTES:
        return 0
    return rows * max(1, _BLOCK_BYTES // (row * rows))
