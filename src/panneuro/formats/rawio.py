"""Neo's raw readers behind one guard: any failure is one error, warnings become notes."""

from __future__ import annotations

import io
import logging
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, InputError, PanneuroError
from panneuro.formats.flat import Flat

ReadColumns = Callable[[int, int, npt.NDArray[np.int64]], npt.NDArray[Any]]
"""From the first row, the row after the last, and the columns, to their values."""

_SILENT = (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ResourceWarning)
_LONGEST_REASON = 600
_KEPT_OPEN = ("_memmap_analogsignal_buffers", "_nsx_fids")
"""Where neo's readers keep the files that they have opened."""

_READS = "_get_analogsignal_chunk"
"""What readers of files that lie row after row leave as it is."""


@dataclass(frozen=True)
class Raw:
    """A parsed raw reader of neo.

    Parameters
    ----------
    io : neo.rawio.BaseRawIO
        With its header parsed.
    what : str
        The file or folder, for messages.
    mapped : dict
        The files that `io` has mapped into memory, and how long they were then.
    lock : Lock
        Held while `io` is asked: neo's readers share file handles.
    """

    io: Any
    what: str
    mapped: dict[Path, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # Some readers are in a circle of references, and Python then drops their files unclosed.
        for name in _KEPT_OPEN:
            files = self.io.__dict__.setdefault(name, {})
            weakref.finalize(self, _close, files)

    @property
    def parts(self) -> list[tuple[int, int]]:
        """Every (block, segment), in order."""
        header = self.io.header
        return [
            (block, segment)
            for block in range(header["nb_block"])
            for segment in range(header["nb_segment"][block])
        ]

    @property
    def buffers(self) -> set[Path]:
        """Files that are samples from end to end, where neo tells of any."""
        told = getattr(self.io, "_buffer_descriptions", None) or {}
        found = [one for block in told.values() for part in block.values() for one in part.values()]
        return {Path(one["file_path"]) for one in found if one["type"] == "raw"}

    def check_mapped(self) -> None:
        """Refuse to read from a file that was cut off, which would kill the process.

        Raises
        ------
        FormatError
            If a file that is mapped is shorter than it was.
        """
        for path, size in self.mapped.items():
            if path.stat().st_size < size:
                raise FormatError(
                    f"reading {str(path)!r}: it has {path.stat().st_size:,} bytes and had {size:,} "
                    "when it was opened",
                    hint="add it again when the rig has finished writing, or copy it again",
                )

    def channels(self, stream: int) -> Any:
        """Return the rows of neo's channel header that belong to a stream."""
        header = self.io.header
        rows = header["signal_channels"]
        return rows[rows["stream_id"] == header["signal_streams"][stream]["id"]]


def _close(files: Any) -> None:
    """Close files in dictionaries of any depth."""
    if isinstance(files, dict):
        for value in files.values():
            _close(value)
    elif hasattr(files, "close"):
        files.close()


@contextmanager
def guarded(what: str, notes: list[str]) -> Iterator[None]:
    """Turn anything that a library raises into a `FormatError`, and what it warns of into notes.

    Parameters
    ----------
    what : str
        The file or folder that is read, for the message.
    notes : list of str
        Warnings, and what the library prints, are appended to it, each once.
    """
    printed = io.StringIO()
    with (
        warnings.catch_warnings(record=True) as caught,
        logged("neo") as told,
        redirect_stdout(printed),
    ):
        warnings.simplefilter("always")
        try:
            yield
        except PanneuroError:
            raise
        except Exception as error:
            raise failure(what, error) from error
    found = [str(w.message) for w in caught if not issubclass(w.category, _SILENT)]
    said = (*found, *told, *printed.getvalue().splitlines())
    notes.extend(dict.fromkeys(_shortened(text) for text in said))


def failure(what: str, error: Exception) -> FormatError:
    """Return the error that tells of a library's failure on a file."""
    reason = _shortened(str(error)) or "no reason given"
    return FormatError(
        f"reading {what!r}: {type(error).__name__}: {reason}",
        hint="the files are damaged or incomplete: compare them with those on the rig and copy "
        "them again",
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + " …"


@contextmanager
def logged(name: str) -> Iterator[list[str]]:
    """Collect a library's log instead of letting it print."""
    records: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def open_raw(name: str, what: str, notes: list[str], **keywords: Any) -> Raw:
    """Parse the header of a recording with one of neo's raw readers.

    Parameters
    ----------
    name : str
        Of the class in `neo.rawio`.
    what : str
        The file or folder, for messages.
    notes : list of str
        What neo warns of is appended to it.
    **keywords
        For the class.

    Raises
    ------
    FormatError
        If neo cannot parse it, for whatever reason.
    """
    with guarded(what, notes):
        from neo import rawio

        reader = getattr(rawio, name)(**keywords)
        raw = Raw(reader, what)
        reader.parse_header()
        raw.mapped.update((path, path.stat().st_size) for path in _mapped(reader.__dict__))
        return raw


def _mapped(held: Any) -> Iterator[Path]:
    """Yield the files that are mapped into memory in dictionaries and lists of any depth."""
    if isinstance(held, np.memmap) and held.filename is not None:
        yield Path(str(held.filename))
    elif isinstance(held, dict):
        yield from chain.from_iterable(map(_mapped, held.values()))
    elif isinstance(held, list | tuple):
        yield from chain.from_iterable(map(_mapped, held))


class Columnar:
    """A lazy array of times × channels of which only the asked-for part is read.

    Parameters
    ----------
    n_rows : int
        Number of samples.
    columns : ndarray of int
        The channels, as `read` calls them.
    dtype : dtype
        Of the samples as they are stored.
    read : callable
        ``read(start, stop, columns)`` returns an array of shape ``(stop - start, len(columns))``.
    """

    def __init__(
        self, n_rows: int, columns: npt.NDArray[np.int64], dtype: npt.DTypeLike, read: ReadColumns
    ) -> None:
        self.shape = (n_rows, len(columns))
        self.dtype = np.dtype(dtype)
        self._columns = columns
        self._source = read

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        rows, columns = (*(key if isinstance(key, tuple) else (key,)), slice(None))[:2]
        chosen = self._columns[slice(None) if columns is Ellipsis else columns]
        block = self._rows(slice(None) if rows is Ellipsis else rows, np.atleast_1d(chosen))
        return block if np.ndim(chosen) else block[..., 0]

    def _rows(self, rows: Any, columns: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[0])
            if step < 1:
                raise InputError(f"samples are read forwards, not with a step of {step}")
            return self._read(start, stop, columns)[::step]
        wanted = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        wanted = np.where(wanted < 0, wanted + self.shape[0], wanted)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < self.shape[0]:
            raise InputError(f"there is no sample {rows!r} among {self.shape[0]:,}")
        first, last = (int(wanted.min()), int(wanted.max()) + 1) if wanted.size else (0, 0)
        block = self._read(first, last, columns)[wanted - first]
        return block if np.ndim(rows) else np.asarray(block[0])

    def _read(self, start: int, stop: int, columns: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        shape = (max(stop - start, 0), len(columns))
        # Neo takes a stop of 0 for "until the end".
        if 0 in shape:
            return np.empty(shape, self.dtype)
        return np.asarray(self._source(start, stop, columns), dtype=self.dtype)


def chunks(
    raw: Raw,
    place: tuple[int, int, int],
    columns: npt.NDArray[np.int64],
    n_rows: int,
    dtype: npt.DTypeLike,
) -> Columnar:
    """Return some channels of one stream in one segment, read by neo when sliced.

    Parameters
    ----------
    raw : Raw
        The parsed reader.
    place : tuple of int
        Neo's indices of block, segment and stream.
    columns : ndarray of int
        Which of the stream's channels, in order.
    n_rows : int
        Number of samples.
    dtype : dtype
        Of the samples as they are stored.
    """
    lying = _lying(raw, place)
    read = partial(_rows, *lying) if lying else partial(_chunk, raw, place, np.dtype(dtype))
    return Columnar(n_rows, columns, dtype, read)


def _lying(raw: Raw, place: tuple[int, int, int]) -> tuple[Flat, npt.NDArray[np.int64]] | None:
    """Return the file in which a stream lies row after row, and which columns are its own.

    None where it lies otherwise: compressed, channel after channel, in pieces.
    """
    from neo.rawio.baserawio import BaseRawWithBufferApiIO as Lying

    block, segment, number = place
    if getattr(type(raw.io), _READS, None) is not getattr(Lying, _READS):
        return None
    stream = raw.io.header["signal_streams"][number]
    told = raw.io.get_analogsignal_buffer_description(block, segment, stream["buffer_id"])
    if told["type"] != "raw" or told.get("time_axis", 0) != 0:
        return None
    shape = tuple(map(int, told["shape"]))
    flat = Flat(Path(told["file_path"]), np.dtype(told["dtype"]), told["file_offset"], shape)
    own = raw.io._stream_buffer_slice[stream["id"]]
    return flat, np.arange(shape[1])[slice(None) if own is None else own]


def _rows(
    flat: Flat,
    own: npt.NDArray[np.int64],
    start: int,
    stop: int,
    columns: npt.NDArray[np.int64],
) -> npt.NDArray[Any]:
    return flat.part(start, stop, _indexes(own[columns]))


def _chunk(
    raw: Raw,
    place: tuple[int, int, int],
    dtype: np.dtype[Any],
    start: int,
    stop: int,
    columns: npt.NDArray[np.int64],
) -> npt.NDArray[Any]:
    block, segment, stream = place
    try:
        with raw.lock:
            raw.check_mapped()
            found = raw.io.get_analogsignal_chunk(
                block, segment, start, stop, stream, channel_indexes=_indexes(columns)
            )
            # Copied at once: what is mapped may be cut off later.
            values: npt.NDArray[Any] = np.array(found, dtype=dtype)
    except PanneuroError:
        raise
    except Exception as error:
        # The file may have changed since it was opened.
        raise failure(raw.what, error) from error
    if values.shape != (stop - start, len(columns)):
        raise FormatError(
            f"reading {raw.what!r}: samples {start:,} to {stop:,} were asked for and "
            f"{values.shape[0]:,} found",
            hint="the file is shorter than its header says: copy it again from the rig",
        )
    return values


def _indexes(columns: npt.NDArray[np.int64]) -> Any:
    """Return the columns as a slice where they are one, so that neo need not copy all of them."""
    if np.all(np.diff(columns) == 1):
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns
