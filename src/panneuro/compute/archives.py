"""Zip archives: the same bytes for the same content, and nothing believed of others' archives."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO

from panneuro.core.errors import FormatError, LimitError
from panneuro.core.store import is_key

Content = bytes | Path | Iterable[bytes]

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_COMPLAINTS = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
)
"""What `zipfile` raises over an archive that is damaged, locked or packed in some other way."""
_UNIX = 3
_MOST_FILES = 1_000_000
_MOST_TIMES_LARGER = 100
_ALWAYS_ALLOWED_BYTES = 64 << 20
_BLOCK = 1 << 20


def pack(sink: BinaryIO, files: Mapping[str, Content], *, compress: bool = False) -> None:
    """Write a zip archive whose bytes follow from what is in it alone.

    Parameters
    ----------
    sink : binary file
        To write to.
    files : mapping of str to bytes, Path or iterable of bytes
        Content by path in the archive; written in the order of their paths.
    compress : bool
        Whether to deflate. What is stored as it is has the same bytes with every zlib.

    Examples
    --------
    >>> import io
    >>> one, other = io.BytesIO(), io.BytesIO()
    >>> pack(one, {"a": b"1", "b": b"2"})
    >>> pack(other, {"b": b"2", "a": b"1"})
    >>> one.getvalue() == other.getvalue()
    True
    """
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(sink, "w", kind) as archive:
        for path, content in sorted(files.items()):
            about = zipfile.ZipInfo(path, _LONG_AGO)
            about.external_attr, about.create_system, about.compress_type = _MODE, _UNIX, kind
            with archive.open(about, "w", force_zip64=True) as stream:
                for block in _blocks(content):
                    stream.write(block)


def _blocks(content: Content) -> Iterable[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with content.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block
    else:
        yield from content


def unpack(source: Path | BinaryIO, folder: Path) -> list[str]:
    """Extract a zip archive of whoever into a folder, or nothing of it.

    Parameters
    ----------
    source : Path or binary file
        The archive.
    folder : Path
        Where to; empty.

    Returns
    -------
    list of str
        Paths of the files.

    Raises
    ------
    FormatError
        If it is damaged, or holds links, names that lead elsewhere, or two of one name.
    LimitError
        If it would become larger than an honest one.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            inside = [one for one in archive.infolist() if not one.is_dir()]
            _check(inside)
            for one in inside:
                _extract(archive, one, folder)
    except _COMPLAINTS as error:
        raise FormatError(
            f"the archive {_named(source)} cannot be read: {error}", hint="fetch it again"
        ) from error
    return [one.filename for one in inside]


def _named(source: Path | BinaryIO) -> str:
    return repr(str(source)) if isinstance(source, Path) else "of a store"


def _check(inside: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for one in inside:
        mode = one.external_attr >> 16
        if not is_key(one.filename) or (one.create_system == _UNIX and stat.S_ISLNK(mode)):
            raise FormatError(f"an archive holds {one.filename[:200]!r}, which leads elsewhere")
        if (name := one.filename.casefold()) in seen:
            raise FormatError(f"an archive holds {one.filename[:200]!r} twice")
        seen.add(name)
    folders = {name.rpartition("/")[0] for name in seen}
    while folders:
        if both := folders & seen:
            raise FormatError(f"in an archive, {both.pop()[:200]!r} is a file and a folder")
        folders = {name.rpartition("/")[0] for name in folders} - {""}
    packed = sum(one.compress_size for one in inside)
    large = sum(one.file_size for one in inside)
    if large > max(_ALWAYS_ALLOWED_BYTES, _MOST_TIMES_LARGER * packed) or len(seen) > _MOST_FILES:
        raise LimitError(
            f"an archive of {packed:,} bytes says that it becomes {len(inside):,} files of "
            f"{large:,} bytes",
            hint="no honest archive does",
        )


def _extract(archive: zipfile.ZipFile, one: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / one.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    # What is read ends at the size that is said, and is compared with its checksum.
    with archive.open(one) as stream, target.open("xb") as sink:
        while block := stream.read(_BLOCK):
            sink.write(block)
