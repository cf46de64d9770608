"""Which readers there are, and which one fits a source."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from panneuro.core import plugins
from panneuro.core.errors import FormatError, InputError, UnknownFormatError
from panneuro.formats.source import Source
from panneuro.formats.unreadable import refuse_unreadable
from panneuro.signals.recording import Recording

GROUP = "panneuro.formats"
"""The entry-point group in which readers are registered, ours and others' alike."""

_SHOWN = 5
_LOOKED_INTO = 20
_SURE = 0.5


@dataclass(frozen=True)
class Match:
    """How well a reader fits a source.

    Parameters
    ----------
    score : float
        0 if it does not fit, up to 1 if it surely does.
    reason : str
        Why, in words: ``"a .meta file beside each .bin"``.
    """

    score: float
    reason: str


NO = Match(0.0, "nothing of its kind")
"""What `Reader.sniff` answers to a source that is not of its format."""


class Reader(Protocol):
    """What an entry point of the group names: a module or an object with these two functions."""

    def sniff(self, source: Source) -> Match:
        """Say how well the source fits, from names and first bytes only; never raise."""

    def read(self, source: Source) -> Recording:
        """Return documents and lazy signals.

        Raises
        ------
        FormatError
            If the source is of this format but damaged or incomplete.
        """


def choose(source: Source) -> tuple[str, Match]:
    """Return the name of the reader that fits a source best, and why.

    Raises
    ------
    UnknownFormatError
        If none does; the message lists what was tried.
    FormatError
        If it is empty, or of a format that is known and cannot be read.
    """
    _check_files(source)
    matches = {name: _load(name).sniff(source) for name in plugins.names(GROUP)}
    best = max(matches, key=lambda name: matches[name].score, default="")
    if not best or matches[best].score <= 0:
        refuse_unreadable(source)
        if not any(path.stat().st_size for path in source.files):
            raise FormatError(
                f"reading {str(source.path)!r}: there is not one byte in it ({_shown(source)})",
                hint="copy it again from where it was recorded",
            )
        raise UnknownFormatError(
            f"reading {str(source.path)!r}: no reader recognises it (it holds {_shown(source)}); "
            f"tried {', '.join(matches)}",
            hint=_inside(source)
            or "say which it is with --format NAME, or add a reader: see the how-to "
            "'Add a format in one file'",
        )
    return best, matches[best]


def _inside(source: Source) -> str:
    """Return what to type where a folder holds several recordings, nothing where it holds none."""
    inner = sorted(source.path.iterdir())[:_LOOKED_INTO] if source.path.is_dir() else []
    for one in map(Source, inner):
        for name in plugins.names(GROUP) if one.files else ():
            if _load(name).sniff(one).score >= _SURE:
                return (
                    f"it may hold several recordings, {one.path.name} of the format {name}: "
                    f"panneuro add {shlex.quote(str(source.path))}/*"
                )
    return ""


def read(path: Path | str, format: str | None = None) -> Recording:  # noqa: A002
    """Read a recording from a file or folder.

    Parameters
    ----------
    path : path
        What the rig wrote.
    format : str, optional
        Name of the reader; found by sniffing where not given.
    """
    return begin(path, format).complete()


def begin(path: Path | str, format: str | None = None) -> Recording:  # noqa: A002
    """Read what a recording is, but not all of its samples: those that `complete` looks through.

    Parameters
    ----------
    path, format
        As for :func:`read`.
    """
    source = Source(Path(path))
    _check_files(source)
    if format is not None and format not in plugins.names(GROUP):
        raise InputError(
            f"there is no format {format!r}", hint=f"known: {', '.join(plugins.names(GROUP))}"
        )
    return _load(format or choose(source)[0]).read(source)


def _check_files(source: Source) -> None:
    if not source.files:
        raise FormatError(
            f"reading {str(source.path)!r}: the folder is empty",
            hint="name the folder that the rig wrote",
        )


def _shown(source: Source) -> str:
    left = len(source.files) - _SHOWN
    names = ", ".join(source.name(path) for path in source.files[:_SHOWN])
    return names + (f" and {left:,} more" if left > 0 else "")


def _load(name: str) -> Reader:
    return cast(Reader, plugins.load(GROUP, name))
