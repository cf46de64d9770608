"""One adapter over neo's raw readers: what differs between formats is a few small functions."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Electrodes, Probes
from panneuro.formats.hdf5 import check_contained, is_hdf5, open_hdf5, whole
from panneuro.formats.online import Online, Shift, digital, spikes, told_events
from panneuro.formats.rawio import Raw, guarded, open_raw
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import (
    Clock,
    Label,
    Labeller,
    Stream,
    Time,
    signals,
    slug,
    streams,
    time_of,
)
from panneuro.signals.recording import Recording, Signal, SourceFile
from panneuro.signals.timeseries import TimeSeries

Documents = dict[str, dict[str, Any]]


def by_stream(stream: str, _channel: str, _unit: str) -> Label:
    """Take every stream for a signal of electrodes under its own name."""
    return Label(slug(stream), kind="electrodes")


def electrodes(name: str, unit: str = "") -> Labeller:
    """Return a labeller that takes every channel for an electrode."""
    return lambda _stream, _channel, _unit: Label(name, kind="electrodes", unit=unit)


def begins(*heads: bytes) -> Callable[[str, bytes], bool]:
    """Return a test of how a file begins."""
    return lambda _name, head: head.startswith(heads)


def holds(*marks: bytes) -> Callable[[str, bytes], bool]:
    """Return a test for a mark somewhere in the beginning of a file."""
    return lambda _name, head: any(mark in head for mark in marks)


def numbered(raw: Raw, _source: Source) -> list[Shift]:
    """Leave the first segment's names as they are and number the others from 2."""
    return [(0.0, "" if part == 0 else f"_{part + 1}") for part in range(len(raw.parts))]


def same_stem(path: Path) -> Iterable[Path]:
    """Return the files beside a file that differ from it in their ending alone."""
    return (other for other in path.parent.iterdir() if other.stem == path.stem)


def told_by_neo(raw: Raw, _source: Source) -> Documents:
    """Take the start of the session from neo's annotations, if it is there."""
    (block, *_) = getattr(raw.io, "raw_annotations", {"blocks": [{}]})["blocks"]
    told = [one.get("rec_datetime") for one in (block, *block.get("segments", ()))]
    started = next(filter(None, told), None)
    return {"acquisition": {"session_start": started.isoformat()}} if started else {}


@dataclass(frozen=True)
class NeoFormat:
    """A format that neo reads: an entry point of the group ``panneuro.formats``.

    Parameters
    ----------
    name : str
        Of the format.
    rawio : str
        The class in `neo.rawio`.
    patterns : tuple of str
        What its files are called, whatever the case.
    takes : str
        Which argument of the class names the source: ``"filename"`` or ``"dirname"``.
    maker : str
        Who makes the amplifier.
    flat : bool
        Whether a recording's files all lie in one folder, which is what neo must be given.
    companions : callable, optional
        From a file that was named to those beside it that neo reads with it.
    magic : callable
        From the name, in lower case, and the first bytes of such a file to whether it is of the
        format; by default its name suffices.
    score : float
        How sure a match is.
    keywords : mapping
        Further arguments of the class.
    locate : callable, optional
        From a source to the path given to neo; by default the one file that matches, or the folder.
    label : callable
        What each channel is.
    clock : callable, optional
        When samples were taken, where neo errs.
    shifts : callable
        By segment, seconds to add to its times and what to set behind its signals' names.
    check : callable, optional
        Looks for what is missing before neo does; returns notes or raises `FormatError`.
    mend : callable, optional
        Corrects what neo's reader tells wrongly; returns notes.
    events : callable
        The digital lines and messages.
    spike_span : tuple of float, optional
        The seconds in which neo finds all spikes, where it needs to be told.
    counts_from_start : bool
        Whether the rig's clock began at another moment than the session; then the first sample of
        all is the zero of time.
    probes : callable, optional
        From a source to where the geometry of its probes is.
    documents : callable
        What the files say of session, rig and subject.
    bulk : tuple of str
        Files that live on as signals, whole, and are not kept beside them, as those that neo tells
        it takes for buffers are not.
    stamps : tuple of str
        Files that live on as times of signals, and are kept only where they are small.
    containers : tuple of str
        Files that hold more than becomes signals, such as waveforms: always kept verbatim, as all
        files are of which nothing is said; but those of `patterns` only where they are small.
    keeps : callable, optional
        From a reader to the files of which only their content tells whether they are kept.
    """

    name: str
    rawio: str
    patterns: tuple[str, ...]
    takes: str = "filename"
    maker: str = ""
    flat: bool = False
    companions: Callable[[Path], Iterable[Path]] | None = None
    magic: Callable[[str, bytes], bool] | None = None
    score: float = 0.6
    keywords: Mapping[str, Any] = field(default_factory=dict)
    locate: Callable[[Source], Path] | None = None
    label: Labeller = by_stream
    clock: Clock | None = None
    shifts: Callable[[Raw, Source], list[Shift]] = numbered
    check: Callable[[Source], list[str]] | None = None
    mend: Callable[[Raw], list[str]] | None = None
    events: Online = told_events
    spike_span: tuple[float, float] | None = None
    counts_from_start: bool = False
    probes: Callable[[Source], Probes] | None = None
    documents: Callable[[Raw, Source], Documents] = told_by_neo
    bulk: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    keeps: Callable[[Raw], Mapping[Path, bool]] | None = None

    def sniff(self, source: Source) -> Match:
        """Say how well the source fits, from names and first bytes."""
        by = "its name and first bytes" if self.magic else "its name"
        for path in source.matching(*self.patterns):
            try:
                fits = self.magic is None or self.magic(path.name.lower(), source.head(path))
            except OSError:
                continue
            if fits:
                return Match(self.score, f"{path.name} fits {self.name} by {by}")
        return NO

    def read(self, source: Source) -> Recording:
        """Return documents and lazy signals of a source."""
        path = (self.locate or self._located)(source)
        self._check_containers(source)
        notes = self.check(source) if self.check else []
        raw = open_raw(self.rawio, str(path), notes, **{self.takes: str(path), **self.keywords})
        with guarded(str(path), notes):
            if self.mend:
                notes.extend(self.mend(raw))
            made, words = self._signals(raw, source, notes)
            documents = self._documents(raw, source, notes)
        if not made:
            raise FormatError(
                f"reading {str(path)!r}: it holds no signal, no event and no spike",
                hint="check that the files were copied whole",
            )
        told = tuple(made), self._files(source, raw), documents, tuple(dict.fromkeys(notes))
        search = partial(_searched, str(path), frozenset(words)) if words else None
        return Recording(self.name, *told, search=search)

    def _check_containers(self, source: Source) -> None:
        """Refuse HDF5 that reaches into other files, which neo would follow."""
        for path in source.matching(*self.patterns):
            if is_hdf5(source.head(path)):
                with open_hdf5(path) as file, whole(source.name(path)):
                    check_contained(source.name(path), file)

    def _located(self, source: Source) -> Path:
        if self.takes == "dirname":
            return self._folder(source)
        found = source.matching(*self.patterns)
        if len(found) == 1:
            return found[0]
        shown = ", ".join(source.name(path) for path in found[:5])
        raise FormatError(
            f"reading {str(source.path)!r}: it holds {len(found)} recordings of {self.name} "
            f"({shown or 'none'})",
            hint=f"name one: panneuro add {shlex.quote(str(found[0]))}"
            if found
            else "name the file of one recording",
        )

    def _folder(self, source: Source) -> Path:
        if source.path.is_dir():
            folders = {path.parent for path in source.matching(*self.patterns)}
            return folders.pop() if self.flat and len(folders) == 1 else source.path
        raise FormatError(
            f"reading {str(source.path)!r}: it is one file of a recording of several",
            hint=f"name its folder: {str(source.root)!r}",
        )

    def _signals(
        self, raw: Raw, source: Source, notes: list[str]
    ) -> tuple[list[Signal], list[str]]:
        """Return the signals, and the names of those that are digital words."""
        electrodes = Electrodes(self.probes(source) if self.probes else None)
        found = streams(raw, self.label)
        shifts = self._shifts(raw, source, found)
        made: list[Signal] = []
        words: list[str] = []
        for part, (shift, suffix) in zip(raw.parts, shifts, strict=True):
            clock = _shifted(self.clock, shift)
            for kind, signal in signals(raw, found, part, suffix, clock, electrodes):
                made.append(signal)
                words += [signal.name] if kind == "digital" else []
        made.extend(self.events(raw, shifts))
        made.extend(spikes(raw, shifts, self.spike_span, notes))
        if len(electrodes):
            made.append(electrodes.table())
        if self.counts_from_start and any(shift for shift, _ in shifts):
            notes.append(_clock_note(shifts))
        return made, words

    def _shifts(self, raw: Raw, source: Source, found: list[Stream]) -> list[Shift]:
        """Return the shift of each segment that makes the first sample of all the zero of time."""
        told = self.shifts(raw, source)
        if not self.counts_from_start or not found:
            return told
        first = min(
            time_of(raw, part, stream, self.clock).start_s + shift
            for part, (shift, _) in zip(raw.parts, told, strict=True)
            for stream in found
        )
        return [(shift - first, suffix) for shift, suffix in told]

    def _documents(self, raw: Raw, source: Source, notes: list[str]) -> Documents:
        documents = self.documents(raw, source)
        if self.maker:
            made = {"name": self.maker, "kind": "amplifier", "manufacturer": self.maker}
            documents.setdefault("instrument", {}).setdefault("devices", [made])
        documents.setdefault("description", {}).setdefault("modalities", ["ecephys"])
        start = documents.get("acquisition", {}).get("session_start", "")
        if start and not _zoned(start):
            notes.append(
                f"the session starts at {start} by the rig's clock, which tells no time zone"
            )
        return documents

    def _files(self, source: Source, raw: Raw) -> tuple[SourceFile, ...]:
        kept: dict[Path, bool | None] = dict.fromkeys(raw.buffers, False)
        kept |= dict.fromkeys(source.matching(*self.patterns, *self.stamps), None)
        kept |= dict.fromkeys(source.matching(*self.bulk), False)
        kept |= dict.fromkeys(source.matching(*self.containers), True)
        kept |= self.keeps(raw) if self.keeps else {}
        beside = self.companions(source.path) if self.companions and source.path.is_file() else ()
        regular = (path for path in beside if path.is_file() and not path.is_symlink())
        paths = dict.fromkeys((*source.files, *sorted(regular)))
        return tuple(source.file(path, kept=kept.get(path, True)) for path in paths)


def _searched(path: str, words: frozenset[str], recording: Recording) -> Recording:
    """Return a recording with the edges of its digital lines."""
    notes, made = list(recording.notes), list[Signal]()
    with guarded(path, notes):
        for signal in recording.signals:
            if isinstance(signal, TimeSeries) and signal.name in words:
                made.extend(digital(signal, notes))
            else:
                made.append(signal)
    notes = list(dict.fromkeys(notes))
    return replace(recording, signals=tuple(made), notes=tuple(notes), search=None)


def _zoned(moment: str) -> bool:
    return moment.endswith("Z") or moment[-6:-5] in ("+", "-")


def _clock_note(shifts: list[Shift]) -> str:
    read = -shifts[0][0]
    return f"times count from the first sample, when the rig's own clock read {read:.6f} s"


def _shifted(clock: Clock | None, shift: float) -> Clock:
    """Return a clock that runs some seconds ahead of another, or of what neo tells."""

    def shifted(raw: Raw, block: int, segment: int, stream: int, time: Time) -> Time:
        told = clock(raw, block, segment, stream, time) if clock else time
        return told.later(shift) if shift else told

    return shifted
