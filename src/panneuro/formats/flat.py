"""Samples that lie in a file one row after the other: read when they are asked for.

They are not mapped into memory: a file that shrinks under a map kills the process, and to be given
and to lose the pages of a map takes longer than to copy what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.signals.arrays import Sliced

_PIECE_BYTES = 4 << 20
"""Of whole rows, read at once where few of their columns are wanted."""


@dataclass(frozen=True)
class Flat:
    """A table of numbers in a file, in C order.

    Parameters
    ----------
    path : Path
        The file.
    dtype : dtype
        Of the numbers as they are stored.
    first_byte : int
        Where they begin.
    n_columns : int
        How many are in a row.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".dat") as file:
    ...     _ = file.write(b"header" + np.arange(12, dtype="<i2").tobytes())
    ...     file.flush()
    ...     Flat(Path(file.name), np.dtype("<i2"), 6, 4).rows(1, 3)
    array([[ 4,  5,  6,  7],
           [ 8,  9, 10, 11]], dtype=int16)
    """

    path: Path
    dtype: np.dtype[Any]
    first_byte: int
    n_columns: int

    def rows(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return some rows, in memory of their own.

        Raises
        ------
        FormatError
            If the file ends before them.
        """
        count = (stop - start) * self.n_columns
        offset = self.first_byte + start * self.n_columns * self.dtype.itemsize
        found = np.fromfile(self.path, self.dtype, count, offset=offset)
        if len(found) < count:
            raise FormatError(
                f"reading {str(self.path)!r}: samples {start:,} to {stop:,} were asked for and "
                f"{len(found) // self.n_columns:,} found",
                hint="the file is shorter than it was: copy it again from the rig",
            )
        return found.reshape(-1, self.n_columns)

    def part(self, start: int, stop: int, columns: Any) -> npt.NDArray[Any]:
        """Return some columns of some rows; of few columns, in memory for these alone.

        Parameters
        ----------
        start, stop : int
            The first row, and the row after the last.
        columns : slice or array of int
            Which columns, in order.
        """
        width = len(np.arange(self.n_columns)[columns])
        if 2 * width >= self.n_columns:
            return self.rows(start, stop)[:, columns]
        found = np.empty((stop - start, width), self.dtype)
        step = max(1, _PIECE_BYTES // (self.n_columns * self.dtype.itemsize))
        for at in range(start, stop, step):
            end = min(at + step, stop)
            found[at - start : end - start] = self.rows(at, end)[:, columns]
        return found

    def array(self, n_rows: int) -> Sliced:
        """Return the first rows as a lazy array."""
        return Sliced((n_rows, self.n_columns), self.dtype, partial(Flat.rows, self))
