"""Arrays in ``.npy`` files, mapped into memory; pickled objects are never loaded."""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
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


def load(path: Path) -> npt.NDArray[Any]:
    """Map an array of numbers into memory.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, or holds objects.
    """
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except COMPLAINTS as error:
        raise damaged(path, error) from error
    return array


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
            version = np.lib.format.read_magic(stream)
            read_header = np.lib.format.read_array_header_1_0
            if version > (1, 0):
                read_header = np.lib.format.read_array_header_2_0
            read_header(stream)
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
