"""Deliveries: files of a recording on their way into a lake, kept beside it until all are there.

A delivery is named by what it holds and by who sends it, so that asking for it again is going on
with it. Files arrive in parts, each under its digest; their names are only ever put together
from what was checked to be a key, and nothing but plain files is written.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from panneuro.core.digests import canonical_json, digest_file, digest_json
from panneuro.core.errors import ConflictError, CorruptionError, InputError, LimitError
from panneuro.core.store import check_key

MOST_FILES = 20_000
PART_BYTES = 8 << 20
"""That are sent at a time, at most."""

_MOST_OPEN = 8
_SPARE_BYTES = 1 << 30
_DEAD_S = 7 * 86_400.0
_SAID, _PARTS, _TREE = "said.json", "parts", "tree"


class FileSaid(BaseModel):
    """A file of a recording."""

    model_config = ConfigDict(extra="ignore")

    path: str = Field(max_length=1_000, description="within what is sent, '/' between folders")
    size: int = Field(ge=0, le=1 << 50, description="bytes")
    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 of its content")


class DeliveryAsked(BaseModel):
    """A recording that is to be added: its files, and what is said of it."""

    model_config = ConfigDict(extra="ignore")

    root: str = Field(max_length=1_000, description="the file or the folder that is the recording")
    files: list[FileSaid] = Field(
        min_length=1, max_length=MOST_FILES, description="path, size and digest of each"
    )
    format: str | None = Field(None, max_length=100, description="name of the reader")
    name: str | None = Field(None, max_length=200, description="of the asset")
    said: dict[str, dict[str, Any]] = Field(default_factory=dict, description="by slot and field")
    template: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="what the rig always says"
    )
    replaces: bool = Field(False, description="make a new version of what has other files")

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse names that climb, meet, or are no keys, and what no record can hold."""
        canonical_json(self.model_dump())
        paths = [check_key(file.path) for file in self.files]
        folders = {
            "/".join(parts[:n])
            for one in paths
            for parts in [one.split("/")]
            for n in range(1, len(parts))
        }
        if len(set(paths)) < len(paths) or folders & set(paths):
            raise ValueError("two files have one name, or a file is a folder too")
        contents = {(file.digest, file.size) for file in self.files}
        if len(dict(contents)) < len(contents):
            raise ValueError("one content has two sizes")
        if self.root not in folders | set(paths):
            raise ValueError(f"the root {self.root[:80]!r} is none of the files and folders")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """How it is to be added."""
        return self.model_dump(include={"format", "name", "said", "template", "replaces"})


@dataclass(frozen=True)
class Missing:
    """A file that is not there yet.

    Parameters
    ----------
    digest : str
        Of its content.
    size : int
        Of all of it.
    offset : int
        How much of it is there.
    """

    digest: str
    size: int
    offset: int


class Delivery:
    """A recording on its way.

    Parameters
    ----------
    folder : Path
        Where it is kept.
    asked : DeliveryAsked
        What it is.
    owner : str
        Who sends it: a principal.
    """

    def __init__(self, folder: Path, asked: DeliveryAsked, owner: str) -> None:
        self.folder = folder
        self.asked = asked
        self.owner = owner
        self.sizes = {file.digest: file.size for file in asked.files}
        self._lock = Lock()

    @property
    def id(self) -> str:
        """By which it is asked for."""
        return self.folder.name

    @property
    def touched(self) -> float:
        """When the last part arrived, in seconds since 1970."""
        with suppress(OSError):
            places = (self.folder, *(self.folder / _PARTS).iterdir())
            return max(place.stat().st_mtime for place in places)
        return 0.0

    def missing(self) -> list[Missing]:
        """Return the files that are not wholly there, each content once."""
        found = ((digest, size, self._have(digest)) for digest, size in self.sizes.items())
        return [
            Missing(*one) for one in found if one[2] < one[1] or not self._part(one[0]).exists()
        ]

    def put(self, digest: str, offset: int, data: bytes) -> int:
        """Take a part of a file, and return how much of the file is there now.

        Raises
        ------
        InputError
            If the delivery has no such file, or the part reaches beyond its end.
        ConflictError
            If the part does not begin where the last one ended.
        LimitError
            If there is no room for it.
        """
        if digest not in self.sizes:
            raise InputError(f"sending a part: no file has the digest {digest[:80]!r}")
        with self._lock:
            have = self._have(digest)
            if offset != have:
                raise ConflictError(
                    f"sending a part: it begins at {offset:,}, and {have:,} bytes are there",
                    hint="ask what is missing, and go on there",
                )
            if offset + len(data) > self.sizes[digest]:
                raise InputError(f"sending a part: the file has {self.sizes[digest]:,} bytes")
            try:
                with self._part(digest).open("ab") as sink:
                    sink.write(data)
            except OSError as error:
                raise LimitError(
                    f"sending a part: it cannot be kept: {error.strerror}",
                    hint="tell who keeps this lake; what arrived stays",
                ) from error
            return have + len(data)

    def _part(self, digest: str) -> Path:
        return self.folder / _PARTS / digest.partition(":")[2]

    def _have(self, digest: str) -> int:
        with suppress(OSError):
            return self._part(digest).stat().st_size
        return 0

    def put_together(self, advance: Callable[[int], None]) -> Path:
        """Verify what arrived, put it together, and return what is to be added.

        Parameters
        ----------
        advance : callable
            Told of bytes as they are verified.

        Raises
        ------
        CorruptionError
            If a file is not what it was said to be; it is to be sent again.
        """
        for digest in self.sizes:
            part = self._part(digest)
            if digest_file(part, advance) != digest:
                part.unlink()
                raise CorruptionError(
                    f"receiving: what arrived as {digest[:19]}… is something else",
                    hint="send it again: the same line goes on",
                )
        tree = self.folder / _TREE
        shutil.rmtree(tree, ignore_errors=True)
        for file in self.asked.files:
            place = tree / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.hardlink_to(self._part(file.digest))
        return tree / self.asked.root

    def discard(self) -> None:
        """Forget it, with all that arrived."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open a delivery that was begun before."""
        said = json.loads((folder / _SAID).read_text(encoding="utf-8"))
        return cls(folder, DeliveryAsked.model_validate(said["asked"]), said["owner"])


def id_of(asked: DeliveryAsked, owner: str) -> str:
    """Return what names a delivery: the same for the same, however often it is asked for."""
    return digest_json([owner, asked.model_dump()]).partition(":")[2][:32]


class Staging:
    """Where deliveries are kept until they are whole.

    Parameters
    ----------
    folder : Path
        On a disk with room for them; made when the first arrives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._open: dict[str, Delivery] = {}
        self._looked = False

    def get(self, id_: str) -> Delivery | None:
        """Return a delivery that was begun, None where there is none."""
        with self._lock:
            self._look()
            return self._open.get(id_)

    def begin(self, asked: DeliveryAsked, owner: str) -> Delivery:
        """Begin a delivery, or go on with the very same one.

        Raises
        ------
        LimitError
            If there is no room for it, or its owner has too many begun.
        """
        id_ = id_of(asked, owner)
        with self._lock:
            self._look()
            if id_ not in self._open:
                self._forget()
                self._make_room(asked, owner)
                folder = self._folder / id_
                (folder / _PARTS).mkdir(parents=True, exist_ok=True, mode=0o700)
                said = {"owner": owner, "asked": asked.model_dump()}
                (folder / _SAID).write_text(json.dumps(said), encoding="utf-8")
                self._open[id_] = Delivery(folder, asked, owner)
                for empty in (d for d, size in self._open[id_].sizes.items() if not size):
                    self._open[id_].put(empty, 0, b"")
            return self._open[id_]

    def drop(self, delivery: Delivery) -> None:
        """Forget a delivery."""
        with self._lock:
            self._open.pop(delivery.id, None)
            delivery.discard()

    def _look(self) -> None:
        """Find what an earlier server left, once."""
        if not self._looked and self._folder.is_dir():
            for folder in self._folder.iterdir():
                with suppress(OSError, ValueError, LookupError):
                    self._open[folder.name] = Delivery.load(folder)
        self._looked = True

    def _forget(self) -> None:
        """Forget what nobody goes on with."""
        for one in [one for one in self._open.values() if time.time() - one.touched > _DEAD_S]:
            self._open.pop(one.id).discard()

    def _make_room(self, asked: DeliveryAsked, owner: str) -> None:
        if sum(one.owner == owner for one in self._open.values()) >= _MOST_OPEN:
            raise LimitError(
                f"sending: {_MOST_OPEN} recordings of yours are on their way already",
                hint="go on with one of them first; what nobody goes on with ends after a week",
            )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        due = sum(one.size - one.offset for each in self._open.values() for one in each.missing())
        wanted = sum({file.digest: file.size for file in asked.files}.values())
        if wanted + due + _SPARE_BYTES > shutil.disk_usage(self._folder).free:
            raise LimitError(
                f"sending: there is no room for {wanted:,} bytes more",
                hint="tell who keeps this lake",
            )
