"""A source on disk, as readers see it: a file or a folder, its files listed once and guarded."""

from __future__ import annotations

import fnmatch
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PureWindowsPath

from panneuro.core.errors import FormatError, LimitError, NotFoundError
from panneuro.signals.recording import SourceFile

MAX_FILES = 100_000
"""A folder with more files than this is not one recording."""

KEPT_BYTES = 4 << 20
"""A rig's own files up to this size are kept verbatim beside the signals made of them."""


@dataclass(frozen=True)
class Source:
    """A file or folder to be read.

    Parameters
    ----------
    path : Path
        What the user named.

    Raises
    ------
    NotFoundError
        If there is nothing there.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise NotFoundError(f"reading {str(self.path)!r}: there is no such file or folder")

    @cached_property
    def root(self) -> Path:
        """The folder that names are relative to."""
        return self.path if self.path.is_dir() else self.path.parent

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file, sorted by name; links that leave the source are refused.

        Links to its own folders are not followed.

        Raises
        ------
        LimitError
            If there are more than `MAX_FILES`.
        FormatError
            If a link leads out of the source or nowhere, or something in it is no file.
        OSError
            If a folder in it cannot be listed.
        """
        if not self.path.is_dir():
            self._check_file(self.path)
            return (self.path,)
        found: list[Path] = []
        for path in _walk(self.path):
            self._guard(path)
            if not path.is_dir():
                found.append(path)
            if len(found) > MAX_FILES:
                raise LimitError(
                    f"reading {str(self.path)!r}: it holds more than {MAX_FILES:,} files",
                    hint="name the folder of one recording",
                )
        return tuple(sorted(found))

    def _guard(self, path: Path) -> None:
        """Refuse links that lead nowhere or out, and what could be read for ever."""
        if path.is_symlink():
            if not path.exists():
                raise FormatError(
                    f"reading {str(self.path)!r}: the link {self.name(path)!r} leads nowhere",
                    hint="put the file that it names in its place, or remove the link",
                )
            if not path.resolve().is_relative_to(self.path.resolve()):
                raise FormatError(
                    f"reading {str(self.path)!r}: the link {self.name(path)!r} leads out of it",
                    hint="replace the link by the file, or name the folder that holds both",
                )
        if not path.is_dir():
            self._check_file(path)

    def _check_file(self, path: Path) -> None:
        if not path.is_file():
            raise FormatError(
                f"reading {str(self.path)!r}: {self.name(path)!r} is a pipe or a device, no file",
                hint="save what comes out of it as a file, or remove it from the folder",
            )

    def name(self, path: Path) -> str:
        """Return a file's name within the source, "/"-separated and in Unicode's NFC form."""
        return unicodedata.normalize("NFC", path.relative_to(self.root).as_posix())

    def matching(self, *patterns: str) -> tuple[Path, ...]:
        """Return the files whose name, or end of the path, matches a pattern, whatever the case."""
        found = [index for pattern in patterns for index in self._indexes(pattern.lower())]
        return tuple(self.files[index] for index in sorted(set(found)))

    def _indexes(self, pattern: str) -> Iterator[int]:
        """Yield the places of the files that match; a folder may hold very many, and few do."""
        last = re.compile(fnmatch.translate(pattern.rpartition("/")[2])).match
        for index, name in enumerate(self._own_names):
            if last(name) and (
                "/" not in pattern or Path(self.name(self.files[index]).lower()).match(pattern)
            ):
                yield index

    @cached_property
    def _own_names(self) -> tuple[str, ...]:
        """The files' own names in lower case, as patterns are compared with."""
        return tuple(unicodedata.normalize("NFC", path.name.lower()) for path in self.files)

    def head(self, path: Path, n_bytes: int = 4096) -> bytes:
        """Return the first bytes of a file."""
        with path.open("rb") as stream:
            return stream.read(n_bytes)

    def file(self, path: Path, *, kept: bool | None = True) -> SourceFile:
        """Describe a file; what lives on as signals is not kept verbatim (None: if it is small)."""
        keep = path.stat().st_size <= KEPT_BYTES if kept is None else kept
        return SourceFile(path, self.name(path), keep)


def within(folder: Path, name: str, *, told: str) -> Path:
    """Return the path of what a header names, which must lie in a folder.

    Parameters
    ----------
    folder : Path
        The recording's, or one of its folders.
    name : str
        As the header has it; whoever wrote the header chose it.
    told : str
        Where it was read, for the message.

    Raises
    ------
    FormatError
        If it leads out of the folder, on any system.
    """
    parts = PureWindowsPath(name)
    if parts.drive or parts.root or ".." in parts.parts or "\0" in name:
        raise FormatError(
            f"reading {told}: it names {name!r}, which is not in its own folder",
            hint="put the file beside the one that names it, and write its name alone there",
        )
    return folder / name


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files, and links to folders, which are not followed."""
    for where, folders, names in os.walk(folder, onerror=_refuse, followlinks=False):
        yield from (Path(where) / name for name in names if not _is_litter(name))
        yield from (path for name in folders if (path := Path(where) / name).is_symlink())


def _refuse(error: OSError) -> None:
    """Raise what kept a folder from being listed: its files would be missing without a word."""
    raise error


def _is_litter(name: str) -> bool:
    """Say whether a file is a desktop's own, and none of the recording's."""
    return name.startswith("._") or name in (".DS_Store", "Thumbs.db", "desktop.ini")
