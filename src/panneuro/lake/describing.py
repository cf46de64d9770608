"""Describing: a correction of documents is a new version that shares the data of the old one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from panneuro.core.digests import canonical_json, digest_bytes, digest_json
from panneuro.core.errors import InputError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.core.store import Prefixed, Store
from panneuro.documents import Documents, Finding, Surroundings, require
from panneuro.documents.fields import empty_field
from panneuro.documents.merging import Layer, merge
from panneuro.lake import curation
from panneuro.lake.adding import Added, Plan
from panneuro.lake.asset import Asset
from panneuro.lake.committing import commit, moment
from panneuro.lake.runs import Attempt
from panneuro.storage.compose import compose
from panneuro.storage.head import KEY as HEAD
from panneuro.storage.head import Head
from panneuro.storage.nodes import Hierarchy
from panneuro.storage.references import KEY as REFERENCES
from panneuro.storage.references import references
from panneuro.storage.tables import FOLDER as TABLES
from panneuro.storage.writing import BESIDE

if TYPE_CHECKING:
    import pyarrow as pa

Objects = dict[str, tuple[str, int, int]]
_KEPT = ("original/", f"{TABLES}/", *BESIDE)


@dataclass(frozen=True)
class Told:
    """As which run something is said.

    Parameters
    ----------
    step : str
        What is done.
    parameters : mapping
        All that is said.
    user : str
        Who says it; empty for who runs this process.
    approve : callable
        Given the manifest of the new version before anything is written; refuses it by raising.
    """

    step: str
    parameters: Mapping[str, Any]
    user: str = ""
    approve: Callable[[Manifest], object] = lambda _: None

    def begin(self, asset: Asset) -> Attempt:
        """Begin the run that says it of an asset."""
        return Attempt.at(self.step, self.parameters, {asset.name: asset.version})


def describe(
    store: Store,
    asset: Asset,
    said: Mapping[str, Any],
    around: Surroundings,
    *,
    unset: Iterable[str] = (),
    dry_run: bool,
    told: Told | None = None,
) -> Added:
    """Say something of an asset that is there: a new version, of which only documents are new.

    Parameters
    ----------
    store : Store
        The lake's.
    asset : Asset
        Its latest version.
    said : mapping
        By slot and field.
    around : Surroundings
        What documents must agree with.
    unset : iterable of str
        Dotted paths of fields to be emptied.
    dry_run : bool
        Only say what would be.
    told : Told, optional
        As which run; as a description where not given.

    Raises
    ------
    DocumentError
        If the documents would not do.
    ConflictError
        If another version follows this one meanwhile.
    """
    old, unset = asset.manifest, sorted(set(unset))
    kept: Mapping[str, Any] = old.documents
    for path in unset:
        kept = empty_field(kept, path)
    merged = merge(Layer("reader", kept), Layer("user", said), vocabularies=around.vocabularies)
    documents = merged.documents
    if documents.description.name != asset.name:
        raise InputError(
            f"describing {asset.name!r}: an asset keeps its name",
            hint="add the recording again with --name to have it under another one",
        )
    around = replace(around, folder=asset.name, signals=set(asset.signals))
    findings = tuple(require(documents, "lake", around))
    if documents.to_dict() == old.documents:
        return Added(old, False, 0, findings)
    told = told or Told("panneuro.describe", {"said": _plain(said), "unset": unset})
    run = told.begin(asset)
    content = digest_json({"parent": old.version, "documents": documents.to_dict()})
    manifest, own = _revised(store, asset, documents, run.key, content)
    told.approve(manifest)
    if dry_run:
        return Added(manifest, True, 0, findings)
    return _put(store, manifest, own, run, findings, told.user)


def label(
    store: Store, asset: Asset, labels: Iterable[curation.Label], told: Told, *, dry_run: bool
) -> Added:
    """Label units: a new version, of which only the journal of its curation is new.

    Parameters
    ----------
    store : Store
        The lake's.
    asset : Asset
        Its latest version.
    labels : iterable of Label
        What is said now; what was said before stays said.
    told : Told
        As which run.
    dry_run : bool
        Only say what would be.

    Raises
    ------
    ConflictError
        If another version follows this one meanwhile.
    """
    journal = curation.written([*curation.labels(asset), *labels])
    run, data = told.begin(asset), curation.encode(journal)
    content = digest_json({"parent": asset.version, "curation": digest_bytes(data)})
    labelled = with_journal(asset, journal)
    manifest, own = _revised(
        store, labelled, asset.documents, run.key, content, {curation.PATH: data}
    )
    told.approve(manifest)
    if dry_run:
        return Added(manifest, True, 0, ())
    return _put(store, manifest, own, run, (), told.user)


def with_journal(asset: Asset, journal: pa.Table) -> Asset:
    """Return a version as it is with another journal of its curation; nothing is written."""
    signals = curation.described(asset.manifest.signals, journal)
    labelled = Asset(asset._store, replace(asset.manifest, signals=signals))
    labelled._tables[curation.NAME] = journal
    return labelled


def add_again(store: Store, asset: Asset, plan: Plan) -> Added:
    """Add a recording whose data the lake has, with other documents: a version that shares them.

    What was said of the asset since, and is not said now, stays said.

    Parameters
    ----------
    store : Store
        The lake's.
    asset : Asset
        Its latest version, made by the same recipe.
    plan : Plan
        What to add.
    """
    old = asset.manifest
    merged = merge(Layer("lab", old.documents), Layer("reader", plan.documents))
    told = {"name": plan.name}, {asset.name: old.version}
    run = Attempt.at("panneuro.add", *told, plan.start)
    manifest, own = _revised(store, asset, merged.documents, run.key, plan.content)
    return _put(store, manifest, own, run, plan.findings)


def _put(
    store: Store,
    manifest: Manifest,
    own: Mapping[str, bytes],
    run: Attempt,
    findings: tuple[Finding, ...],
    user: str = "",
) -> Added:
    folder = Prefixed(store, manifest.prefix)
    for path, data in own.items():
        folder.put(path, data)
    manifest, is_new = commit(store, manifest)
    run.outputs[manifest.name] = manifest.version
    run.bytes_written = sum(map(len, own.values()))
    run.record(store, **({"user": user} if user else {}))
    return Added(manifest, is_new, run.bytes_written, findings)


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    return {slot: dict(fields) for slot, fields in said.items()}


def _revised(
    store: Store,
    asset: Asset,
    documents: Documents,
    run: str,
    content: str,
    more: Mapping[str, bytes] | None = None,
) -> tuple[Manifest, dict[str, bytes]]:
    """Return the new version's manifest and the few objects that are its own."""
    old = asset.manifest
    version = digest_json(
        {"name": asset.name, "content": content, "parent": old.version}
    ).partition(":")[2][:12]
    head = head_sharing(asset, documents)
    manifest = replace(
        old,
        version=version,
        parent=old.version,
        created=moment(old.created),
        documents=documents.to_dict(),
        run=run,
        extra={**old.extra, "content": content},
    )
    refs = references(store.url, head)
    own = {HEAD: head.encode(), REFERENCES: canonical_json(refs), **(more or {})}
    needed = {where for where, _, _ in head.objects.values()}
    kept = (file for file in old.files if file.path not in own)
    shared = [_shared(old, file) for file in kept if _stays(old, file, needed)]
    mine = [StoredFile(path, len(data), digest_bytes(data)) for path, data in own.items()]
    files = sorted((*shared, *mine), key=lambda file: file.path)
    return replace(manifest, files=tuple(files)), own


def _stays(old: Manifest, file: StoredFile, needed: set[str]) -> bool:
    """Say whether the new version has a file too: data and sidecars, not the nodes in its head."""
    return old.key_of(file) in needed or file.path.startswith(_KEPT)


def _shared(old: Manifest, file: StoredFile) -> StoredFile:
    return replace(file, key=old.key_of(file))


def head_sharing(asset: Asset, documents: Documents) -> Head:
    """Return a head that points to the old version's objects, its NWB tree saying what is new."""
    head, prefix = asset.head, asset.manifest.prefix
    objects: Objects = {
        key: (where or f"{prefix}/{key}", start, size)
        for key, (where, start, size) in head.objects.items()
    }
    if not asset.manifest.extra.get("composed"):
        return Head(head.inline, head.indexes, objects)
    structure, _ = compose([asset[name] for name in asset], documents)
    tree = Hierarchy(structure.nodes)
    tree.name_objects(asset.name)
    tree.name_dimensions()
    inline = tree.inline(1 << 30)
    stand_ins = tuple(f"{path}/" for path in structure.bulk)
    inline = {key: data for key, data in inline.items() if not key.startswith(stand_ins)}
    data = (*stand_ins, "_lake/")
    inline |= {key: value for key, value in head.inline.items() if key.startswith(data)}
    kept = {key: where for key, where in objects.items() if key.startswith(data)}
    return Head(inline, head.indexes, kept)
