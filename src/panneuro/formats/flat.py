"""Arrays that lie in a file as they are: read when they are asked for.

They are not mapped into memory: a file that shrinks under a map kills the process, and to be given
and to lose the pages of a map takes longer than to copy what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
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
    """A lazy array of numbers in a file.

    Parameters
    ----------
    path : Path
        The file.
    dtype : dtype
        Of the numbers as they are stored.
    first_byte : int
        Where they begin.
    shape : tuple of int
        Length along each axis.
    in_columns : bool
        Whether the first axis changes fastest, as in Fortran, and not the last.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".dat") as file:
    ...     _ = file.write(b"header" + np.arange(12, dtype="<i2").tobytes())
    ...     file.flush()
    ...     Flat(Path(file.name), np.dtype("<i2"), 6, (3, 4))[1:]
    array([[ 4,  5,  6,  7],
           [ 8,  9, 10, 11]], dtype=int16)
    """

    path: Path
    dtype: np.dtype[Any]
    first_byte: int
    shape: tuple[int, ...]
    in_columns: bool = False

    def __getitem__(self, key: Any, /) -> Any:
        return Sliced(self.shape, self.dtype, self.rows)[key]

    @property
    def transposed(self) -> Flat:
        """The same numbers, with the axes in the opposite order."""
        return replace(self, shape=self.shape[::-1], in_columns=not self.in_columns)

    def rows(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a part of the first axis, in memory of its own.

        Raises
        ------
        FormatError
            If the file ends before it.
        """
        length, width = self.shape[0], prod(self.shape[1:])
        if not self.in_columns:
            found = self.runs([(start * width, stop * width)])
            return found.reshape(stop - start, *self.shape[1:])
        begins = range(0, width * length, length) if length else ()
        found = self.runs([(begin + start, begin + stop) for begin in begins])
        return found.reshape(*self.shape[:0:-1], stop - start).T

    def part(self, start: int, stop: int, columns: Any) -> npt.NDArray[Any]:
        """Return some columns of some rows; of few columns, in memory for these alone.

        Parameters
        ----------
        start, stop : int
            The first row, and the row after the last.
        columns : slice or array of int
            Which columns, in order.
        """
        _, n_columns = self.shape
        width = len(np.arange(n_columns)[columns])
        if 2 * width >= n_columns:
            return self.rows(start, stop)[:, columns]
        found = np.empty((stop - start, width), self.dtype)
        step = max(1, _PIECE_BYTES // (n_columns * self.dtype.itemsize))
        for at in range(start, stop, step):
            end = min(at + step, stop)
            found[at - start : end - start] = self.rows(at, end)[:, columns]
        return found

    def runs(self, spans: Sequence[tuple[int, int]]) -> npt.NDArray[Any]:
        """Return numbers that lie one after the other in the file, from several places of it.

        Parameters
        ----------
        spans : sequence of pairs of int
            Of each run, the first number and the number after the last, as they lie.

        Returns
        -------
        ndarray, shape (n_numbers,)
            One run behind the other.

        Raises
        ------
        FormatError
            If the file ends before them.
        """
        size = self.dtype.itemsize
        found = np.empty(sum(stop - start for start, stop in spans), self.dtype)
        room, at = memoryview(found.view(np.uint8)), 0
        with self.path.open("rb") as file:
            for start, stop in spans:
                wanted = (stop - start) * size
                file.seek(self.first_byte + start * size)
                got = file.readinto(room[at : at + wanted])
                if got < wanted:
                    raise FormatError(
                        f"reading {str(self.path)!r}: {wanted:,} bytes were asked for from its "
                        f"byte {self.first_byte + start * size:,} on, and {got:,} found",
                        hint="the file is shorter than it was: copy it again from the rig",
                    )
                at += wanted
        return found
