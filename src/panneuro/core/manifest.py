"""What ``asset.json`` holds: the documents, the signals and every file of a version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panneuro.core.digests import PREFIX, digest_bytes, sealed, unsealed
from panneuro.core.errors import CorruptionError
from panneuro.core.store import check_key, is_key

KEY = "_lake/asset.json"
"""Where it lies in a version; putting it there is the commit."""

SCHEMA = "panneuro/asset/1.0"

_VERSION = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class StoredFile:
    """One object of a version.

    Parameters
    ----------
    path : str
        Within the version.
    size : int
        Bytes.
    digest : str
        ``sha256:…``.
    key : str
        Of the object in the lake, where it is another version's; empty for the version's own.
    """

    path: str
    size: int
    digest: str
    key: str = ""

    def __post_init__(self) -> None:
        check_key(self.path)
        if self.key:
            check_key(self.key)
        if self.size < 0 or not self.digest.startswith(PREFIX):
            raise ValueError(f"{self.path!r} has an impossible size or digest")

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        shared = {"key": self.key} if self.key else {}
        return {"path": self.path, "size": self.size, "digest": self.digest, **shared}


@dataclass(frozen=True)
class Manifest:
    """One version of an asset, whole.

    Parameters
    ----------
    name : str
        Of the asset.
    version : str
        Twelve hexadecimal digits that follow from what it was made from.
    created : str
        When it was committed, ISO 8601 in UTC.
    parent : str
        The version that this one replaces, empty for the first.
    format : str
        Of the source.
    documents : mapping
        The eight slots.
    signals : tuple of mapping
        What `panneuro.storage.descriptors` says of each; where its samples are coded, also
        ``codec``, ``codec_why``, ``raw_bytes``, ``stored_bytes`` and, if it could be estimated,
        ``noise_floor_bits``.
    files : tuple of StoredFile
        Every object but this one.
    sources : tuple of mapping
        Path, size and digest of every file it was made from, and whether it is kept verbatim.
    notes : tuple of str
        What the reader had to say.
    run : str
        Key of the Run that made it.
    """

    name: str
    version: str
    created: str
    parent: str
    format: str
    documents: Mapping[str, Any]
    signals: tuple[Mapping[str, Any], ...]
    files: tuple[StoredFile, ...]
    sources: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    run: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """The version's folder in the lake."""
        return prefix_of(self.name, self.version)

    @property
    def stored_bytes(self) -> int:
        """Bytes that this version holds itself, not counting what it shares."""
        return sum(file.size for file in self.files if not file.key)

    @property
    def source_bytes(self) -> int:
        """Bytes of the files it was made from."""
        return sum(int(source["size"]) for source in self.sources)

    def key_of(self, file: StoredFile) -> str:
        """Return the key in the lake of one of the files."""
        return file.key or f"{self.prefix}/{file.path}"

    def encode(self) -> bytes:
        """Return the JSON text."""
        said = {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "created": self.created,
            "parent": self.parent,
            "format": self.format,
            "documents": self.documents,
            "signals": list(self.signals),
            "files": [file.to_json() for file in self.files],
            "sources": list(self.sources),
            "notes": list(self.notes),
            "run": self.run,
            **self.extra,
        }
        return sealed(said)

    @property
    def digest(self) -> str:
        """Of the JSON text."""
        return digest_bytes(self.encode())

    @classmethod
    def decode(cls, data: bytes, key: str = KEY) -> Manifest:
        """Read the JSON text; what a later minor version adds is kept.

        Parameters
        ----------
        data : bytes
            The text.
        key : str
            Where it was found, for the message.

        Raises
        ------
        CorruptionError
            If it is not an asset of a version that is known.
        """
        try:
            said = unsealed(data)
            if said.pop("schema").rpartition(".")[0] != SCHEMA.rpartition(".")[0]:
                raise ValueError("its schema is not known")
            if not is_version(said["version"]):
                raise ValueError(f"{said['version']!r} is not a version")
            if "/" in said["name"] or not is_key(said["name"]):
                raise ValueError(f"{said['name']!r} is not a name")
            _check_parts(said)
            files = tuple(StoredFile(**file) for file in said.pop("files"))
            known: dict[str, Any] = {name: said.pop(name) for name in _PLAIN}
            lists: dict[str, Any] = {
                name: tuple(said.pop(name)) for name in ("signals", "sources", "notes")
            }
            return cls(**known, **lists, files=files, extra=said)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptionError(
                f"{key!r} cannot be read: {type(error).__name__}: {error}",
                hint="panneuro check --repair   writes it again if it can; else restore a copy",
            ) from error


def _check_parts(said: dict[str, Any]) -> None:
    """Raise ValueError or TypeError unless documents, signals and sources look like themselves."""
    if not all(isinstance(slot, dict) for slot in said["documents"].values()):
        raise ValueError("its documents are none")
    for signal in said["signals"]:
        if not is_key(signal["name"]) or "/" in signal["name"] or not isinstance(signal, dict):
            raise ValueError(f"{signal['name']!r} is not the name of a signal")
    for source in said["sources"]:
        if not (isinstance(source["digest"], str) and isinstance(source["size"], int)):
            raise TypeError(f"{source!r} is not a source")
    if not isinstance(said["created"], str) or not isinstance(said["parent"], str):
        raise TypeError("its time or its parent is no text")


_PLAIN = ("name", "version", "created", "parent", "format", "documents", "run")


def is_version(text: str) -> bool:
    """Say whether a text is the version of an asset: twelve hexadecimal digits."""
    return _VERSION.fullmatch(text) is not None


def prefix_of(name: str, version: str) -> str:
    """Return the folder of a version in the lake."""
    return f"assets/{name}/{version}"
