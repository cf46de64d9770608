"""The files of a source while they are read: their digests, and whether they changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import Any

from panneuro.core.digests import digest_file
from panneuro.core.errors import SourceChangedError
from panneuro.core.progress import Progress
from panneuro.signals.recording import SourceFile


@dataclass(frozen=True)
class Snapshot:
    """What the files of a source were when they were read.

    Parameters
    ----------
    files : tuple of SourceFile
        The files.
    stamps : mapping
        By name, size and time of the last change.
    digesting : mapping
        By name, what will be the digest.
    stopped : Event
        Set when no file is to be read any further.
    """

    files: tuple[SourceFile, ...]
    stamps: Mapping[str, tuple[int, int]]
    digesting: Mapping[str, Future[str]]
    stopped: Event

    @classmethod
    def take(cls, files: Iterable[SourceFile], executor: Executor, progress: Progress) -> Snapshot:
        """Note what every file is, and begin to read it for its digest."""
        files = tuple(files)
        stamps = {file.name: _stamp(file) for file in files}
        stopped = Event()

        def advance(amount: int) -> None:
            if stopped.is_set():
                raise CancelledError
            progress.advance(amount)

        progress.start("hashing", sum(size for size, _ in stamps.values()))
        begun = [executor.submit(digest_file, file.path, advance) for file in files]
        return cls(files, stamps, dict(zip(stamps, begun, strict=True)), stopped)

    def close(self) -> None:
        """Read the files no further than the block that is being read."""
        self.stopped.set()
        for digest in self.digesting.values():
            digest.cancel()

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """By name, waited for; where that ends early, so does the reading.

        Raises
        ------
        SourceChangedError
            If a file is not what it was when it began to be read.
        """
        try:
            done = wait(self.digesting.values(), return_when=FIRST_EXCEPTION).done
            self.check()
            for digest in done:
                digest.result()
            return {name: digest.result() for name, digest in self.digesting.items()}
        finally:
            self.close()

    def check(self) -> None:
        """Raise SourceChangedError if a file is not what it was."""
        for file in self.files:
            try:
                now = _stamp(file)
            except OSError:
                now = (-1, -1)
            if now != self.stamps[file.name]:
                raise SourceChangedError(
                    f"the source file {file.name!r} changed while it was being read",
                    hint="add it again when the rig has finished writing",
                )

    def to_json(self) -> list[dict[str, Any]]:
        """Return what ``asset.json`` says of the sources."""
        return [
            {
                "path": file.name,
                "size": self.stamps[file.name][0],
                "digest": self.digests[file.name],
                "kept": file.kept,
            }
            for file in sorted(self.files, key=lambda file: file.name)
        ]


def _stamp(file: SourceFile) -> tuple[int, int]:
    found = file.path.stat()
    return found.st_size, found.st_mtime_ns
