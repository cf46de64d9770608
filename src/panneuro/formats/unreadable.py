"""Formats that are known and cannot be read, with what to convert them into."""

from __future__ import annotations

from dataclasses import dataclass

from panneuro.core.errors import FormatError
from panneuro.formats.source import Source


@dataclass(frozen=True)
class Unreadable:
    """A format that no open library reads.

    Parameters
    ----------
    patterns : tuple of str
        What its files are called, whatever the case.
    begins : bytes
        How they begin, where that is known.
    what : str
        The format, for people.
    why : str
        Why it cannot be read.
    instead : str
        What to do.
    """

    patterns: tuple[str, ...]
    begins: bytes
    what: str
    why: str
    instead: str


_KNOWN = (
    Unreadable(
        ("*.pl2",),
        b"",
        "a PL2 file of Plexon's OmniPlex",
        "its layout is not published, and the library that reads it runs on Windows alone",
        "save it as .plx with Plexon's Offline Sorter or PlexUtil, or as .nex with NeuroExplorer",
    ),
    Unreadable(
        ("*.smrx", "*.smr"),
        b"S64",
        "a 64-bit file of CED's Spike2",
        "its layout is not published, and the library that reads it is closed",
        "in Spike2: File, Export As, a 32-bit .smr file",
    ),
)


def refuse_unreadable(source: Source) -> None:
    """Raise if a source is of a format that is known and cannot be read.

    Raises
    ------
    FormatError
        With what to convert it into.
    """
    for known in _KNOWN:
        for path in source.matching(*known.patterns):
            if source.head(path, len(known.begins)) == known.begins:
                raise FormatError(
                    f"reading {str(path)!r}: it is {known.what}, which cannot be read: {known.why}",
                    hint=known.instead,
                )
