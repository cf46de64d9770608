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
_COMPLAINTS = (
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


def load(path: Path) -> npt.NDArray[Any]:
    """Map an array of numbers into memory.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, or holds objects.
    """
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except _COMPLAINTS as error:
        raise _damaged(path, error) from error
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
        except _COMPLAINTS as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"reading {path.name!r} of {path.parent.name!r}: it is no array, or a damaged one: "
        f"{str(error)[:200]}",
        hint="copy it again from where it was written",
    )
