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

    def array(self, n_rows: int) -> Sliced:
        """Return the first rows as a lazy array."""
        return Sliced((n_rows, self.n_columns), self.dtype, partial(Flat.rows, self))
