"""Checking assets: every byte is there and what it was, and the index says what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from panneuro.core.errors import CorruptionError, NotFoundError, ObjectNotFoundError
from panneuro.core.manifest import KEY, Manifest, StoredFile, prefix_of
from panneuro.core.progress import Progress
from panneuro.core.store import ObjectInfo
from panneuro.lake import indexing
from panneuro.lake.committing import FIRST, NEXT, decision_key, finish
from panneuro.lake.entries import entry_of
from panneuro.lake.problems import Problem, Report
from panneuro.lake.rebuilding import rebuild
from panneuro.lake.restoring import restore
from panneuro.lake.tombstones import KEY as EXPIRED
from panneuro.lake.tombstones import folder_of
from panneuro.storage.head import KEY as HEAD
from panneuro.storage.streams import digest_object

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_NO_FILES = (KEY, NEXT, EXPIRED)
_LOST = (
    "restore it from a copy; its data are there, and it stays found by what the index knows unless "
    "another version can stand in"
)
_DIFFERS = "index-differs", "says other things than its asset.json of"
_TO_DO = (
    "--repair makes it again if it follows from others, --repair --source RECORDING from what was "
    "added; else restore it from a copy"
)
_STRAY = (
    "the object belongs to no file of the asset: nothing reads it, delete it if nobody needs it"
)
_Wrong = tuple[Manifest, StoredFile, Problem]


class AssetChecks:
    """Checks of assets; each notes what it finds in a report.

    Parameters
    ----------
    lake : Lake
        Whose.
    wanted : list of tuple
        Name of each asset that is to be checked, and its version or nothing; all where empty.
    report : Report
        Where to.
    repair : bool
        Write an ``asset.json`` that cannot be read again, as it was decided.

    Raises
    ------
    NotFoundError
        If the lake does not hold one of them.
    """

    def __init__(
        self, lake: Lake, wanted: list[tuple[str, str]], report: Report, *, repair: bool
    ) -> None:
        self.lake = lake
        self.report = report
        self.repair = repair
        self.wanted = wanted
        self.firsts: list[ObjectInfo] = []
        self.folders = self._list()
        self.manifests = list(self._manifests())
        for name, version in wanted:
            if not any(one[0] == name and version in ("", one[1]) for one in self.held):
                raise NotFoundError(
                    f"checking: the lake holds no {name}{version and '@' + version}",
                    hint="panneuro find   lists what it has",
                )
        self.report.checked_assets = len(self.manifests)

    @property
    def held(self) -> set[tuple[str, str]]:
        """Name and version of everything that was committed, readable or not."""
        folders = (
            folder for folder, objects in self.folders.items() if f"{folder}/{KEY}" in objects
        )
        return {(parts[1], parts[2]) for parts in (folder.split("/") for folder in folders)}

    def _list(self) -> dict[str, dict[str, ObjectInfo]]:
        """Return every object by the folder of its version, and keep what is decided by name."""
        roots = [f"assets/{name}" for name, _ in self.wanted] or ["assets"]
        folders: dict[str, dict[str, ObjectInfo]] = defaultdict(dict)
        for root in roots:
            for found in self.lake.store.list(root):
                if found.key.endswith(f"/{FIRST}") and found.key.count("/") == 2:
                    self.firsts.append(found)
                    continue
                folders[folder_of(found.key)][found.key] = found
        return folders

    def _manifests(self) -> Iterator[Manifest]:
        for folder, objects in self.folders.items():
            key = f"{folder}/{KEY}"
            if key not in objects:
                continue
            try:
                manifest = indexing.decode_at(self.lake.store, key)
                entry_of(manifest)
            except CorruptionError as error:
                restored = self._restored(folder, key, error.message)
                if restored is None:
                    continue
                manifest = restored
            if not self.wanted or any(_is(manifest, *reference) for reference in self.wanted):
                yield manifest

    def _restored(self, folder: str, key: str, found: str) -> Manifest | None:
        """Return what was decided to be committed where it cannot be read; write it again."""
        manifest = next((one for one in self._decided(folder) if one.prefix == folder), None)
        if manifest and self.repair:
            self.lake.store.put(key, manifest.encode())
            self._note("unreadable", folder, key, f"{found}; written again", repaired=True)
            return manifest
        to_do = "--repair writes it again" if manifest else _LOST
        self._note("unreadable", folder, key, f"{found}; {to_do}")
        return None

    def _decided(self, folder: str) -> Iterator[Manifest]:
        """Yield what was decided of the asset that has a folder: each is a copy of a commit."""
        above = folder.rpartition("/")[0]
        keys = {f"{above}/{FIRST}"} & {found.key for found in self.firsts}
        keys |= {f"{one}/{NEXT}" for one in self.folders if one.startswith(f"{above}/")}
        for key in sorted(keys):
            with suppress(CorruptionError, ObjectNotFoundError):
                yield Manifest.decode(self.lake.store.get(key))

    def followers(self, before: datetime, *, sweep: bool) -> None:
        """Note versions that were decided upon and not committed; finish old ones."""
        decided = [
            self.folders[manifest.prefix].get(f"{manifest.prefix}/{NEXT}")
            for manifest in self.manifests
        ]
        for found in (*self.firsts, *filter(None, decided)):
            try:
                follower = Manifest.decode(self.lake.store.get(found.key))
            except CorruptionError as error:
                self._undecided(found, error.message)
                continue
            if f"{follower.prefix}/{KEY}" not in self.folders.get(follower.prefix, {}):
                finishing = sweep and found.modified < before
                self._follower(follower, found, finishing=finishing)

    def _undecided(self, found: ObjectInfo, told: str) -> None:
        """Note a decision that cannot be read; write it again where it was carried out."""
        made = [one for one in self.manifests if decision_key(one) == found.key]
        repaired = self.repair and len(made) == 1
        if repaired:
            self.lake.store.put(found.key, made[0].encode())
        done = "written again" if repaired else "--repair writes it again" if made else _LOST
        self._note("unreadable", _folder(found), found.key, f"{told}; {done}", repaired=repaired)

    def _follower(self, follower: Manifest, found: ObjectInfo, *, finishing: bool) -> None:
        what = f"version {follower.version} was to be committed and was not"
        done = "; the next to add or describe the asset finishes it, so does --sweep after a day"
        if finishing:
            try:
                finish(self.lake.store, follower)
                self.manifests.append(follower)
                self.folders[follower.prefix][f"{follower.prefix}/{KEY}"] = found
                done = "; finished"
            except CorruptionError:
                self.lake.store.delete(found.key)
                done = "; objects of it are gone, so it is forgotten"
        self._note("unfinished", _folder(found), found.key, what + done, repaired=finishing)

    def files(
        self,
        executor: Executor,
        progress: Progress,
        *,
        quick: bool,
        repair: bool,
        source: Path | None,
    ) -> None:
        """Verify every object of every version; make again what follows from others or a source."""
        work = [
            (manifest, file)
            for manifest in self.manifests
            for file in manifest.files
            if not self._has_expired(folder_of(manifest.key_of(file)))
        ]
        self._expired()
        progress.start("verifying", sum(file.size for _, file in work))
        found = executor.map(lambda item: self._file(*item, quick=quick), work)
        wrong: list[_Wrong] = []
        for (manifest, file), problem in zip(work, found, strict=True):
            if problem:
                wrong.append((manifest, file, problem))
            self.report.checked_files += 1
            self.report.checked_bytes += file.size
            progress.advance(file.size)
        # The others are made again from the head.
        wrong.sort(key=lambda one: one[1].path != HEAD)
        done = self._made_again(wrong, source, progress) if repair else {}
        for manifest, file, problem in wrong:
            origin = done.get(manifest.key_of(file))
            what = f"the object was {problem.kind}; made again from {origin}"
            self.report.problems.append(
                replace(problem, message=what, repaired=True) if origin else problem
            )

    def _made_again(
        self, wrong: list[_Wrong], source: Path | None, progress: Progress
    ) -> dict[str, str]:
        """Make objects again; return what from, by the keys of those that are as they were."""
        store = self.lake.store
        keys = (
            manifest.key_of(file) for manifest, file, _ in wrong if rebuild(store, manifest, file)
        )
        done = dict.fromkeys(keys, "others")
        for manifest in self.manifests if source else ():
            left = [
                file
                for one, file, _ in wrong
                if one is manifest and not file.key and manifest.key_of(file) not in done
            ]
            if source and left:
                restored = restore(store, manifest, left, source, progress)
                done |= dict.fromkeys(restored, "the recording")
        return done

    def _has_expired(self, folder: str) -> bool:
        """Tell whether the data of the version of a folder were let go of."""
        return f"{folder}/{EXPIRED}" in self.folders.get(folder, {})

    def _expired(self) -> None:
        """Note the versions whose data were let go of."""
        for manifest in self.manifests:
            folders = {folder_of(manifest.key_of(file)) for file in manifest.files}
            for folder in sorted(filter(self._has_expired, folders)):
                what = f"the data in {folder} expired; panneuro reproduce … --restore makes them"
                self._note("expired", manifest.prefix, f"{folder}/{EXPIRED}", what)

    def _file(self, manifest: Manifest, file: StoredFile, *, quick: bool) -> Problem | None:
        key, asset = manifest.key_of(file), f"{manifest.name}@{manifest.version}"
        found = self.folders[folder_of(key)].get(key) or self._info(key)
        if found is None:
            return Problem("missing", asset, key, f"the object is gone; {_TO_DO}")
        if found.size != file.size:
            what = f"the object has {found.size} bytes, not {file.size}; {_TO_DO}"
            return Problem("corrupt", asset, key, what)
        if not quick and digest_object(self.lake.store, key, file.size) != file.digest:
            what = f"the object's bytes are not what its digest says; {_TO_DO}"
            return Problem("corrupt", asset, key, what)
        return None

    def _info(self, key: str) -> ObjectInfo | None:
        try:
            return self.lake.store.info(key)
        except ObjectNotFoundError:
            return None

    def strays(self, before: datetime, *, sweep: bool) -> None:
        """Note objects that belong to no commit."""
        committed = {manifest.prefix: manifest for manifest in self.manifests}
        shared = {manifest.key_of(file) for manifest in self.manifests for file in manifest.files}
        for folder, objects in self.folders.items():
            if f"{folder}/{KEY}" not in objects:
                old = max(found.modified for found in objects.values()) < before
                self._unfinished(folder, objects, sweep=sweep and old)
            elif folder in committed:
                for key in objects.keys() - shared - {f"{folder}/{one}" for one in _NO_FILES}:
                    self._note("orphan", folder, key, _STRAY)

    def _unfinished(self, folder: str, objects: dict[str, ObjectInfo], *, sweep: bool) -> None:
        size = sum(found.size for found in objects.values())
        many = f"{len(objects)} object{'s' * (len(objects) > 1)}"
        what = f"{many} ({size:,} bytes) of an add or a run that was not committed"
        if sweep:
            for key in objects:
                self.lake.store.delete(key)
        done = "; deleted" if sweep else "; the same again resumes, --sweep deletes after a day"
        self._note("unfinished", folder, folder, what + done, repaired=sweep)

    def index(self, *, quick: bool, repair: bool) -> bool:
        """Verify the index and compare it with the store; tell whether it can be relied on."""
        if not self._is_sound(quick=quick or bool(self.wanted), repair=repair):
            return False
        for manifest in self.manifests:
            entry = entry_of(manifest)
            found = self.lake.catalog.get(manifest.name, manifest.version)
            if found is not None and found.to_json() == entry.to_json():
                continue
            if repair:
                self.lake.catalog.index([entry], replace=True)
            kind, what = ("not-indexed", "does not know") if found is None else _DIFFERS
            told = f"the index {what} this version{'' if repair else '; --repair indexes it'}"
            self._note(kind, manifest.prefix, manifest.prefix, told, repaired=repair)
        if not self.wanted:
            self._gone(repair=repair)
        return True

    def _is_sound(self, *, quick: bool, repair: bool) -> bool:
        """Note what is wrong with the index in itself; tell whether it can be relied on."""
        try:
            catalog = self.lake.catalog
            if not quick:
                catalog.verify()
        except CorruptionError as error:
            if repair:
                indexing.refill(self.lake)
            what = error.message + ("" if repair else "; --repair makes it again")
            self.report.note("corrupt", "", indexing.INDEX, what, repaired=repair)
            return repair
        return True

    def _gone(self, *, repair: bool) -> None:
        held = {(manifest.name, manifest.version): manifest for manifest in self.manifests}
        known = [(entry.name, entry.version) for entry in self.lake.catalog.entries()]
        # What cannot be read stays known, unless another version can stand in for it.
        whole = {name for name, _ in held}
        damaged = {reference for reference in self.held if reference[0] not in whole}
        gone = [one for one in known if one not in held and one not in damaged]
        if repair and gone:
            names = {name for name, _ in gone}
            self.lake.catalog.remove(names)
            left = [entry_of(one) for (name, _), one in held.items() if name in names]
            self.lake.catalog.index(left)
        for reference in gone:
            done = "" if repair else "; --repair forgets it"
            what = f"the index knows a version that the store does not hold{done}"
            key = prefix_of(*reference)
            self._note("index-only", key, key, what, repaired=repair)

    def _note(
        self, kind: str, folder: str, key: str, message: str, *, repaired: bool = False
    ) -> None:
        asset = "@".join(folder.split("/")[1:3])
        self.report.note(kind, asset, key, message, repaired=repaired)


def _folder(decision: ObjectInfo) -> str:
    """Return the folder of the version, or of the asset, that a decision lies in."""
    return decision.key.removesuffix(f"/{FIRST}").removesuffix(f"/{NEXT}")


def _is(manifest: Manifest, name: str, version: str) -> bool:
    return manifest.name == name and version in ("", manifest.version)
