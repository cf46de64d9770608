"""What the signals ask of the arrays that they wrap."""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError


@runtime_checkable
class LazyArray(Protocol):
    """Anything with a shape and a dtype that yields NumPy when sliced: zarr, h5py, memmaps."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis, time first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return the selected part; slices with a step of one must be supported on every axis."""


class Sliced:
    """A lazy array whose elements are computed, a slice of the first axis at a time.

    Parameters
    ----------
    shape : tuple of int
        Length along each axis.
    dtype : dtype
        Type of the elements.
    read : callable
        ``read(start, stop)`` returns rows ``start`` to ``stop`` as an array of shape
        ``(stop - start, *shape[1:])``.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike, read: Any) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._read = read

    def __getitem__(self, key: Any, /) -> Any:
        rows, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(self.shape[0])
            block = self._read(start, max(start, stop))
        else:
            wanted = np.atleast_1d(_numbered(self.shape[0], rows))
            first, last = (int(wanted.min()), int(wanted.max()) + 1) if wanted.size else (0, 0)
            block = self._read(first, last)[wanted - first]
            if np.ndim(rows) == 0 and not isinstance(rows, slice):
                block = block[0]
                return block[tuple(rest)] if rest else block
        return block[(slice(None), *rest)] if rest else block


def _numbered(length: int, chosen: Any) -> Any:
    """Return the places that an index chooses."""
    if isinstance(chosen, slice | int | np.integer):
        return np.array(range(length)[chosen], dtype=np.int64)
    return np.arange(length)[chosen]


def n_bytes(array: LazyArray) -> int:
    """Return the size of an array in bytes, were it all in memory."""
    size = array.dtype.itemsize
    for length in array.shape:
        size *= int(length)
    return size


def refuse_no_times(name: str, *bounds: object, endless: bool = False) -> None:
    """Refuse bounds that are no times.

    Parameters
    ----------
    name : str
        Of the signal that is to be read.
    *bounds : float or None
        Seconds; None stands for all there is.
    endless : bool
        Whether infinity is a time too.

    Raises
    ------
    InputError
        If one of them is not a number, or NaN.
    """
    for bound in bounds:
        time_s = 0.0 if bound is None else _number(bound)
        if math.isnan(time_s) or (math.isinf(time_s) and not endless):
            raise InputError(
                f"a time to read from {name!r} must be a finite number of seconds, not {bound!r}"
            )


def _number(value: Any) -> float:
    """Return a number, also one that an array of one element holds; NaN if it is none."""
    try:
        return math.nan if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
