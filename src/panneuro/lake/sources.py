"""The files of a source while they are read: their digests, and whether they changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from functools import cached_property
from threading import Event, Lock
from typing import Any

from panneuro.core.digests import digest_file
from panneuro.core.errors import SourceChangedError
from panneuro.core.progress import Progress
from panneuro.signals.recording import SourceFile


class Reading:
    """How far files are read for their digests, told to whoever watches at the time.

    Parameters
    ----------
    total : int
        Bytes to read.
    progress : Progress
        Who watches at first.
    """

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._done = total, 0
        self._lock = Lock()
        self._stopped = Event()
        self._progress = progress
        progress.start("hashing", total)

    def show(self, progress: Progress) -> None:
        """Tell somebody else of what is left to be done, if there is any."""
        with self._lock:
            if progress is self._progress or self._done == self._total:
                return
            self._progress = progress
            progress.start("hashing the rest", self._total - self._done)

    def advance(self, amount: int) -> None:
        """Note that so much more is read; raises CancelledError once it is to stop."""
        if self.is_stopped:
            raise CancelledError
        with self._lock:
            self._done += amount
            progress = self._progress
        progress.advance(amount)

    def stop(self) -> None:
        """Read no further than the block that is being read."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether no file is to be read any further."""
        return self._stopped.is_set()


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
    reading : Reading
        How far that is.
    """

    files: tuple[SourceFile, ...]
    stamps: Mapping[str, tuple[int, int]]
    digesting: Mapping[str, Future[str]]
    reading: Reading

    @classmethod
    def take(cls, files: Iterable[SourceFile], executor: Executor, progress: Progress) -> Snapshot:
        """Note what every file is, and begin to read it for its digest."""
        files = tuple(files)
        stamps = {file.name: _stamp(file) for file in files}
        reading = Reading(sum(size for size, _ in stamps.values()), progress)
        begun = [executor.submit(digest_file, file.path, reading.advance) for file in files]
        return cls(files, stamps, dict(zip(stamps, begun, strict=True)), reading)

    def close(self) -> None:
        """Read the files no further than the block that is being read."""
        self.reading.stop()
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
