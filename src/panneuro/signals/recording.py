"""What a reader makes of a source: documents, signals and the files they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panneuro.core.errors import FormatError
from panneuro.signals.arrays import LazyArray
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

Signal = TimeSeries | Events | Table | Frames


@dataclass(frozen=True)
class SourceFile:
    """A file that a recording was read from.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        Its path within the source, "/"-separated: what the lake calls it.
    kept : bool
        Whether the lake keeps it verbatim under ``original/``. Every file is, large or small, but
        for big raw files that live on as signals, bit for bit.
    """

    path: Path
    name: str
    kept: bool


@dataclass(frozen=True)
class Structure:
    """An NWB file's whole tree, in the Zarr v3 convention of hdmf-zarr.

    Parameters
    ----------
    nodes : mapping of str to bytes
        The hierarchy as Zarr keys and values: every ``zarr.json``, and the chunks of small arrays.
    bulk : mapping of str to array-like
        By path of the array, the data too large for `nodes`. Their ``zarr.json`` in `nodes` is
        right but for chunks and codecs, which storage chooses.
    """

    nodes: Mapping[str, bytes]
    bulk: Mapping[str, LazyArray]


@dataclass(frozen=True)
class Recording:
    """What a reader makes of a source.

    Parameters
    ----------
    format : str
        Name of the reader: ``"spikeglx"``, ``"nwb"``, ….
    signals : tuple of Signal
        With unique names.
    files : tuple of SourceFile
        Every file that was read.
    documents : mapping
        What the files say of subject, session, rig, …: plain values by slot and field.
    notes : tuple of str
        What people should know: what was skipped, assumed, or found odd.
    structure : Structure, optional
        The whole tree, where the source is NWB already: then signals point into it by `path`.
    search : callable, optional
        Given the recording, returns it with what only reading all samples tells.
    """

    format: str
    signals: tuple[Signal, ...]
    files: tuple[SourceFile, ...]
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    structure: Structure | None = None
    search: Callable[[Recording], Recording] | None = None

    def __post_init__(self) -> None:
        for name, count in Counter(signal.name for signal in self.signals).items():
            if count > 1:
                raise FormatError(f"reading {self.format}: {count} signals are named {name!r}")

    def complete(self) -> Recording:
        """Return it with what only reading all samples tells, such as edges of digital lines."""
        return self.search(self) if self.search else self

    def __getitem__(self, name: str) -> Signal:
        for signal in self.signals:
            if signal.name == name:
                return signal
        known = ", ".join(signal.name for signal in self.signals)
        raise FormatError(f"the recording has no signal {name!r}", hint=f"it has: {known}")
