"""Damaged objects made again from the recording itself, where somebody still has it.

It is written once more, beside the lake, as it was: of that, only objects with the very digests
that ``asset.json`` lists are taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from panneuro.core.digests import digest_bytes, digest_file
from panneuro.core.errors import InputError, ObjectNotFoundError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.core.progress import Progress
from panneuro.core.store import Store
from panneuro.documents import read as read_documents
from panneuro.formats.readers import read
from panneuro.lake.adding import laid_out, workers
from panneuro.lake.coding import chooser
from panneuro.signals.recording import Recording, SourceFile
from panneuro.storage.stores import open_store
from panneuro.storage.writing import CHOICES, VersionWriter


def restore(
    store: Store, manifest: Manifest, damaged: Iterable[StoredFile], path: Path, progress: Progress
) -> set[str]:
    """Make damaged objects of a version again and put them where they were.

    Parameters
    ----------
    store : Store
        The lake's.
    manifest : Manifest
        Of the version that was written from the recording, and has the objects as its own.
    damaged : iterable of StoredFile
        Those of its objects that are gone or damaged.
    path : Path
        The recording.
    progress : Progress
        Told of bytes as they are written.

    Returns
    -------
    set of str
        Keys of the objects that are as they were.

    Raises
    ------
    InputError
        If it is another recording than the version was made from.
    """
    recording = read(path, manifest.format)
    kept = _same_files(recording, manifest, path)
    with TemporaryDirectory(prefix="panneuro-") as folder:
        _write(store, manifest, recording, kept, folder, progress)
        restored = set()
        for file in damaged:
            made = Path(folder, file.path)
            if made.is_file() and digest_file(made) == file.digest:
                store.put_file(manifest.key_of(file), made)
                restored.add(manifest.key_of(file))
        return restored


def _same_files(
    recording: Recording, manifest: Manifest, path: Path
) -> list[tuple[SourceFile, str]]:
    """Return the files that are kept verbatim; all must be what they were."""
    was = {source["path"]: source["digest"] for source in manifest.sources}
    now = {file.name: digest_file(file.path) for file in recording.files}
    if now != was:
        other = min(name for name in now | was if now.get(name) != was.get(name))
        raise InputError(
            f"{str(path)!r} is not what {manifest.name!r} was made from: {other!r} differs",
            hint="name the file or folder that it was added from, as it was",
        )
    return [(file, now[file.name]) for file in recording.files if file.kept]


def _write(
    store: Store,
    manifest: Manifest,
    recording: Recording,
    kept: list[tuple[SourceFile, str]],
    folder: str,
    progress: Progress,
) -> None:
    """Write the version anew in a folder, coded as it was decided then."""
    scratch = open_store(folder)
    for file in manifest.files:
        if file.path.startswith(f"{CHOICES}/"):
            with suppress(ObjectNotFoundError):
                data = store.get(manifest.key_of(file))
                if digest_bytes(data) == file.digest:
                    scratch.put(file.path, data)
    layout = laid_out(recording, read_documents(manifest.documents), manifest.name)
    with workers() as executor:
        writer = VersionWriter(scratch, executor, chooser(), progress)
        writer.write(layout.structure, layout.signals, kept, layout.seed)
