"""Arrays in ``.npz`` archives, mapped into memory one by one; pickled objects are never loaded.

What is stored as it is, is mapped where it lies. What is deflated is inflated once, a block at a
time, into a temporary file that has no name, and mapped there: of neither is more in memory than
what is looked at.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats.npy import COMPLAINTS, damaged

MAX_INFLATED_BYTES = 2 << 30
"""Archives whose deflated arrays are larger than this are refused."""

_MAX_MEMBERS = 1000
_BLOCK = 1 << 20
_LOCAL_HEADER = 30
_COMPLAINTS = (
    *COMPLAINTS,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
)
"""What `zipfile` and NumPy raise over a damaged archive; a locked one is a RuntimeError."""


def load(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Map every array of an archive into memory.

    Parameters
    ----------
    path : Path
        The archive.

    Returns
    -------
    dict
        The arrays by name, of any type but objects.

    Raises
    ------
    FormatError
        If the archive or one of its arrays is damaged, or holds objects.
    LimitError
        If it holds very many arrays, or more than `MAX_INFLATED_BYTES` of deflated ones.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "two.npz"
    >>> np.savez_compressed(path, lfp=np.arange(4.0), fs=500.0)
    >>> {name: array.tolist() for name, array in load(path).items()}
    {'lfp': [0.0, 1.0, 2.0, 3.0], 'fs': 500.0}
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
            _refuse_many(path, members)
            return {
                one.filename.removesuffix(".npy"): _mapped(path, archive, one) for one in members
            }
    except (FormatError, LimitError):
        raise
    except _COMPLAINTS as error:
        raise damaged(path, error) from error


def _refuse_many(path: Path, members: list[zipfile.ZipInfo]) -> None:
    size = sum(one.file_size for one in members if one.compress_type != zipfile.ZIP_STORED)
    if len(members) > _MAX_MEMBERS or size > MAX_INFLATED_BYTES:
        raise LimitError(
            f"reading {str(path)!r}: it unpacks to {len(members):,} arrays and {size:,} bytes",
            hint="save arrays that large with numpy.save or numpy.savez, which do not pack",
        )


def _mapped(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Return an array once every byte of it was compared with its checksum."""
    with archive.open(member) as stream:
        shape, in_columns, dtype = _header(stream)
        begin, size = stream.tell(), int(np.prod(shape, dtype=object)) * dtype.itemsize
        if begin + size != member.file_size:
            raise ValueError(
                f"{member.filename!r} has {member.file_size - begin} bytes, not {size}"
            )
        order: Literal["C", "F"] = "F" if in_columns else "C"
        if size <= _BLOCK:
            return np.frombuffer(stream.read(), dtype).reshape(shape, order=order)
        if member.compress_type == zipfile.ZIP_STORED:
            _drain(stream)
            return np.memmap(path, dtype, "r", _data_start(path, member) + begin, shape, order)
        with tempfile.TemporaryFile(prefix="panneuro-") as inflated:
            shutil.copyfileobj(stream, inflated, _BLOCK)
            inflated.flush()
            return np.memmap(inflated, dtype, "r", 0, shape, order)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    if version > (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, in_columns, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return shape, in_columns, dtype


def _drain(stream: IO[bytes]) -> None:
    """Read to the end, where the checksum is compared."""
    while stream.read(_BLOCK):
        pass


def _data_start(path: Path, member: zipfile.ZipInfo) -> int:
    """Return where the bytes of a stored member begin: after a header of its own."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        names, extra = struct.unpack("<HH", file.read(_LOCAL_HEADER)[-4:])
        start: int = member.header_offset + _LOCAL_HEADER + names + extra
        if start + member.file_size > os.fstat(file.fileno()).st_size:
            raise ValueError(f"{member.filename!r} leads out of the file")
    return start
