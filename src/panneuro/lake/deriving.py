"""Deriving: what a run made of assets becomes an asset, wholly visible or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panneuro.core.digests import digest_json
from panneuro.core.errors import InputError, ObjectNotFoundError
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.progress import Progress, Silence
from panneuro.core.store import Prefixed, Store, is_key
from panneuro.documents import Documents
from panneuro.documents.slots import Acquisition, Description, Processing, RunReference, Slot
from panneuro.lake.adding import areas_of, workers
from panneuro.lake.coding import chooser
from panneuro.lake.committing import commit, moment
from panneuro.lake.indexing import versions
from panneuro.signals.recording import Signal, Structure
from panneuro.signals.table import Table
from panneuro.storage.compose import compose
from panneuro.storage.neurodata import is_name
from panneuro.storage.writing import Content, VersionWriter

FORMAT = "derived"
"""What the manifest of such an asset says of its source's format."""

_STRICTEST = ("private", "embargo", "public")
_BY_PYNWB = ("electrodes",)
_NO_TREE = {"zarr.json": b'{"zarr_format":3,"node_type":"group","attributes":{}}'}


@dataclass(frozen=True)
class Derived:
    """What a run made, before it is in the lake.

    Parameters
    ----------
    documents : Documents
        With the asset's name; see `inherited`.
    run : str
        Key of the run. The version follows from it, so another attempt at the same run makes the
        same version.
    signals : tuple of Signal
        With unique names.
    files : mapping of str to bytes or Path
        By path in the version, what NWB has no type for.
    products : mapping
        What else the manifest is to say, by name: the kind and path of each such product.
    """

    documents: Documents
    run: str
    signals: tuple[Signal, ...] = ()
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    products: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the asset."""
        return self.documents.description.name or ""

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that follow from the run."""
        return version_of(self.run, self.name)


def version_of(run: str, name: str) -> str:
    """Return the version that a run gives the asset of a name.

    Examples
    --------
    >>> version_of("0a", "ecephys_m1_2026-03-02_09-30-00_tune")
    'e889a8b0eabb'
    """
    return digest_json({"run": run, "name": name}).partition(":")[2][:12]


def find_derived(store: Store, run: str, name: str) -> Manifest | None:
    """Return what a run committed under a name, None if it did not."""
    try:
        return Manifest.decode(store.get(f"{prefix_of(name, version_of(run, name))}/{KEY}"))
    except ObjectNotFoundError:
        return None


def derive(
    store: Store, derived: Derived, progress: Progress | None = None
) -> tuple[Manifest, int]:
    """Write and commit what a run made, unless the newest version holds the very same.

    Parameters
    ----------
    store : Store
        The lake's.
    derived : Derived
        What was made.
    progress : Progress, optional
        Told of raw bytes as they are written.

    Returns
    -------
    manifest : Manifest
        Of the version that holds it: a new one, or an older one of equal content, so that what was
        computed from that need not be computed again.
    sent_bytes : int
        Put into the store now.

    Raises
    ------
    InputError
        If a name cannot be a key.
    ConflictError
        If another version of the name is committed meanwhile, or the run was done before and made
        something else.
    """
    _check_names(derived)
    earlier = versions(store, derived.name)
    for manifest in earlier:
        if manifest.version == derived.version:
            return manifest, 0
    parent = earlier[-1] if earlier else None
    content = _write(store, derived, progress or Silence())
    manifest = _manifest(derived, content, parent)
    if parent and content_of(parent) == content_of(manifest):
        for file in manifest.files:
            store.delete(manifest.key_of(file))
        return parent, 0
    return commit(store, manifest)[0], content.sent_bytes


def _check_names(derived: Derived) -> None:
    name = derived.name
    if not name or "/" in name or "@" in name or not is_key(name):
        raise InputError(f"an asset cannot be named {name!r}", hint="letters, digits, '-' and '_'")
    for signal in derived.signals:
        if not is_name(signal.name):
            raise InputError(f"{name!r}: a signal cannot be named {signal.name!r}")
    for path in derived.files:
        if not is_key(path) or path.startswith(("_lake/", "original/")):
            raise InputError(f"{name!r}: a file cannot be kept as {path!r}")


def _write(store: Store, derived: Derived, progress: Progress) -> Content:
    structure, signals = Structure(_NO_TREE, {}), derived.signals
    if not all(_needs_no_tree(signal) for signal in signals):
        structure, signals = compose(signals, derived.documents)
    folder = Prefixed(store, prefix_of(derived.name, derived.version))
    with workers() as executor:
        writer = VersionWriter(folder, executor, chooser(None), progress)
        return writer.write(structure, signals, (), derived.name, derived.files)


def _needs_no_tree(signal: Signal) -> bool:
    """Say whether Parquet alone holds a signal: pynwb takes 0.1 s to lay out a tree."""
    return isinstance(signal, Table) and signal.name not in _BY_PYNWB


def _manifest(derived: Derived, content: Content, parent: Manifest | None) -> Manifest:
    return Manifest(
        name=derived.name,
        version=derived.version,
        created=moment(parent.created if parent else ""),
        parent=parent.version if parent else "",
        format=FORMAT,
        documents=derived.documents.to_dict(),
        signals=tuple(content.signals),
        files=tuple(content.files),
        sources=(),
        run=derived.run,
        extra={
            "products": {name: dict(said) for name, said in derived.products.items()},
            "composed": any(not _needs_no_tree(signal) for signal in derived.signals),
            "areas": list(areas_of(derived.signals)),
        },
    )


def content_of(manifest: Manifest) -> dict[str, Any]:
    """Return what a version holds, whichever run made it and whenever."""
    documents = {slot: said for slot, said in manifest.documents.items() if slot != "processing"}
    return {
        "documents": documents,
        "signals": manifest.signals,
        "files": [(file.path, file.digest) for file in manifest.files],
        "extra": {name: manifest.extra.get(name) for name in ("products", "composed")},
    }


def inherited(
    name: str, parents: Mapping[str, Documents], run: RunReference, given: Iterable[Slot] = ()
) -> Documents:
    """Return the documents of what was made of assets: what all of them say, and who made it.

    Parameters
    ----------
    name : str
        Of the new asset.
    parents : mapping of str to Documents
        By name.
    run : RunReference
        That made it.
    given : iterable of Slot
        Documents that the run itself made; they replace what is inherited.
    """
    sources = list(parents.values())
    slots: dict[str, Slot] = {
        kind: _shared([getattr(source, kind) for source in sources])
        for kind in ("subject", "procedures", "instrument")
    }
    slots["description"] = _description(name, list(parents), [one.description for one in sources])
    slots["acquisition"] = _acquisition([one.acquisition for one in sources])
    slots["processing"] = Processing(
        runs=(*(_shared([one.processing for one in sources]).runs), run)
    )
    strictest = min(sources, key=lambda one: _STRICTEST.index(one.access.policy))
    slots["access"] = strictest.access
    return Documents().replacing(**slots | {slot.kind_of_document: slot for slot in given})


def _shared[S: Slot](slots: Sequence[S]) -> S:
    """Return a document that says what all of some say."""
    first = slots[0]
    fields = type(first).model_fields
    same = [field for field in fields if len({repr(getattr(one, field)) for one in slots}) == 1]
    return type(first)().model_copy(update={field: getattr(first, field) for field in same})


def _description(name: str, parents: list[str], said: Sequence[Description]) -> Description:
    modalities = {one.label: one for description in said for one in description.modalities}
    own = {
        "name": name,
        "kind": "derived",
        "parents": tuple(sorted(parents)),
        "modalities": tuple(modalities[label] for label in sorted(modalities)),
        "publications": (),
    }
    return _shared(said).model_copy(update=own)


def _acquisition(said: Sequence[Acquisition]) -> Acquisition:
    starts = [one.session_start for one in said if one.session_start]
    start = min(starts, default=None, key=lambda moment: moment.timestamp())
    return _shared(said).model_copy(update={"session_start": start, "streams": ()})
