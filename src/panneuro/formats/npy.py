"""Arrays in ``.npy`` files, read when they are sliced; pickled objects are never loaded."""

from __future__ import annotations

import tokenize
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.flat import Flat
from panneuro.formats.pickles import as_numpy, look_into

# NumPy reads a header with Python's own tokenizer, whose complaints are no ValueError.
COMPLAINTS = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
    OverflowError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
"""What NumPy raises over a damaged file."""


class Header(NamedTuple):
    """What stands before the numbers: what they are, and whether the first axis is fastest."""

    shape: tuple[int, ...]
    in_columns: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        return prod(self.shape) * self.dtype.itemsize


def load(path: Path) -> Flat:
    """Find an array of numbers, which are read when it is sliced.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, or holds objects.
    """
    try:
        with path.open("rb") as stream:
            header = header_of(stream)
            first, there = stream.tell(), path.stat().st_size - stream.tell()
        if there < header.n_bytes:
            raise ValueError(f"it holds {there:,} bytes of {header.n_bytes:,}")
        return Flat(path, header.dtype, first, header.shape, header.in_columns)
    except COMPLAINTS as error:
        raise damaged(path, error) from error


def whole(path: Path) -> npt.NDArray[Any]:
    """Read all of an array of numbers.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, or holds objects.
    """
    array = load(path)
    return array.rows(0, array.shape[0]) if array.shape else array.runs([(0, 1)]).reshape(())


def header_of(stream: IO[bytes]) -> Header:
    """Read what stands before the numbers.

    Raises
    ------
    ValueError
        If it announces objects, or what there cannot be; and the others of `COMPLAINTS`.
    """
    header = _any_header(stream)
    if header.dtype.hasobject:
        raise ValueError("an array of Python objects")
    if not header.dtype.itemsize or min(header.shape, default=0) < 0:
        raise ValueError(f"an array of {header.dtype} of shape {header.shape}")
    return header


def _any_header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    if version > (1, 0):
        read = np.lib.format.read_array_header_2_0
    return Header(*read(stream))


def look_into_objects(path: Path, most: int) -> Any:
    """Return the plain data in an array of objects, without unpickling it.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes; a larger file is refused.

    Raises
    ------
    FormatError
        If the file is damaged or too large.
    """
    if path.stat().st_size > most:
        raise FormatError(f"reading {path.name!r}: it is larger than {most:,} bytes")
    with path.open("rb") as stream:
        try:
            _any_header(stream)
            return as_numpy(look_into(stream.read()))
        except COMPLAINTS as error:
            raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> FormatError:
    """Return the error for a file that NumPy cannot read."""
    return FormatError(
        f"reading {str(path)!r}: it is not the array it claims to be "
        f"({type(error).__name__}: {str(error)[:200]})",
        hint="write it again with numpy.save; arrays of objects (pickles) are never read",
    )
