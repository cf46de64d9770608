"""Arrays in ``.npz`` archives, of which only what is asked for is read; pickles are never loaded.

What is stored as it is, is read where it lies. What is deflated is inflated once, a block at a
time, into a temporary file that has no name, and mapped there, where nobody can cut it off.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Literal

import numpy as np

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats.flat import Flat
from panneuro.formats.npy import COMPLAINTS, damaged, header_of
from panneuro.signals.arrays import LazyArray

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


def load(path: Path) -> dict[str, LazyArray]:
    """Find every array of an archive.

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
                one.filename.removesuffix(".npy"): _array(path, archive, one) for one in members
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


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> LazyArray:
    """Return an array once every byte of it was compared with its checksum."""
    with archive.open(member) as stream:
        header = header_of(stream)
        (shape, in_columns, dtype), begin, size = header, stream.tell(), header.n_bytes
        if begin + size != member.file_size:
            raise ValueError(
                f"{member.filename!r} has {member.file_size - begin} bytes, not {size}"
            )
        order: Literal["C", "F"] = "F" if in_columns else "C"
        if size <= _BLOCK:
            return np.frombuffer(stream.read(), dtype).reshape(shape, order=order)
        if member.compress_type == zipfile.ZIP_STORED:
            _drain(stream)
            return Flat(path, dtype, _data_start(path, member) + begin, shape, in_columns)
        with tempfile.TemporaryFile(prefix="panneuro-") as inflated:
            shutil.copyfileobj(stream, inflated, _BLOCK)
            inflated.flush()
            return np.memmap(inflated, dtype, "r", 0, shape, order)


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
