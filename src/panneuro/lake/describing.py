"""Describing: a correction of documents is a new version that shares the data of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from panneuro.core.digests import canonical_json, digest_bytes, digest_json
from panneuro.core.errors import InputError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.core.store import Prefixed, Store
from panneuro.documents import Documents, Finding, Surroundings, require
from panneuro.documents.fields import empty_field
from panneuro.documents.merging import Layer, merge
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
from panneuro.storage.writing import BESIDE

Objects = dict[str, tuple[str, int, int]]
_KEPT = ("original/", "_lake/tables/", *BESIDE)


def describe(
    store: Store,
    asset: Asset,
    said: Mapping[str, Any],
    around: Surroundings,
    *,
    unset: Iterable[str] = (),
    dry_run: bool,
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
    parameters = {"said": _plain(said), "unset": unset}
    run = Attempt.at("panneuro.describe", parameters, {asset.name: old.version})
    content = digest_json({"parent": old.version, "documents": documents.to_dict()})
    manifest, own = _revised(store, asset, documents, run.key, content)
    if dry_run:
        return Added(manifest, True, 0, findings)
    return _put(store, manifest, own, run, findings)


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
    run = Attempt.at("panneuro.add", {"name": plan.name}, {asset.name: old.version})
    manifest, own = _revised(store, asset, merged.documents, run.key, plan.content)
    return _put(store, manifest, own, run, plan.findings)


def _put(
    store: Store,
    manifest: Manifest,
    own: Mapping[str, bytes],
    run: Attempt,
    findings: tuple[Finding, ...],
) -> Added:
    folder = Prefixed(store, manifest.prefix)
    for path, data in own.items():
        folder.put(path, data)
    manifest, is_new = commit(store, manifest)
    run.outputs[manifest.name] = manifest.version
    run.bytes_written = sum(map(len, own.values()))
    run.record(store)
    return Added(manifest, is_new, run.bytes_written, findings)


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    return {slot: dict(fields) for slot, fields in said.items()}


def _revised(
    store: Store, asset: Asset, documents: Documents, run: str, content: str
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
    own = {HEAD: head.encode(), REFERENCES: canonical_json(refs)}
    needed = {where for where, _, _ in head.objects.values()}
    shared = [_shared(old, file) for file in old.files if _stays(old, file, needed)]
    mine = [StoredFile(path, len(data), digest_bytes(data)) for path, data in own.items()]
    files = sorted((*shared, *mine), key=lambda file: file.path)
    return replace(manifest, files=tuple(files)), own


def _stays(old: Manifest, file: StoredFile, needed: set[str]) -> bool:
    """Say whether the new version has a file too: data and sidecars, not the nodes in its head."""
    if file.path in (HEAD, REFERENCES):
        return False
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
