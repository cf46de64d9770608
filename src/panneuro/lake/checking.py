"""Checking: is every byte there and what it was, and does the index say what the store holds?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from panneuro.core.errors import CorruptionError, NotFoundError, ObjectNotFoundError
from panneuro.core.manifest import KEY, Manifest, StoredFile, prefix_of
from panneuro.core.progress import Progress, Silence
from panneuro.core.store import ObjectInfo
from panneuro.lake.adding import workers
from panneuro.lake.asset import parse_reference
from panneuro.lake.committing import FIRST, NEXT, finish
from panneuro.lake.entries import entry_of
from panneuro.lake.indexing import decode_at
from panneuro.lake.rebuilding import rebuild
from panneuro.storage.head import KEY as HEAD
from panneuro.storage.stores import clear_unfinished
from panneuro.storage.streams import digest_object

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

GRACE = timedelta(hours=24)
"""Objects without a commit that are younger than this may be an add at work."""

_TO_DO = "--repair makes it again if it follows from others, else restore it from a copy"


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Parameters
    ----------
    kind : str
        ``missing``, ``corrupt``, ``unreadable``, ``orphan``, ``unfinished``, ``not-indexed`` or
        ``index-only``.
    asset : str
        Name and version.
    key : str
        Of the object in the lake.
    message : str
        What is wrong, and what to do.
    repaired : bool
        Whether it was put right now.
    """

    kind: str
    asset: str
    key: str
    message: str
    repaired: bool = False


@dataclass
class Report:
    """What a check found.

    Parameters
    ----------
    problems : list of Problem
        In the order found.
    checked_assets, checked_files, checked_bytes : int
        How much was looked at.
    """

    problems: list[Problem] = field(default_factory=list)
    checked_assets: int = 0
    checked_files: int = 0
    checked_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong that was not put right; an unfinished add is no wrong."""
        return all(problem.repaired or problem.kind == "unfinished" for problem in self.problems)


def check(
    lake: Lake,
    references: Iterable[str] = (),
    *,
    quick: bool = False,
    repair: bool = False,
    sweep: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Verify assets: every object is there, has its size and its digest, and is in the index.

    Parameters
    ----------
    lake : Lake
        Which.
    references : iterable of str
        ``NAME`` or ``NAME@VERSION``; everything where none is given.
    quick : bool
        Only sizes, from one listing: nothing is read but each ``asset.json``.
    repair : bool
        Put the index right, and objects that follow from others, such as heads and pyramids.
    sweep : bool
        Delete what an add left unfinished more than a day ago, and finish descriptions that were.
    progress : Progress, optional
        Told of bytes verified.
    """
    work = _Check(lake, [parse_reference(reference) for reference in references])
    report = work.report
    work.followers(sweep=sweep)
    with workers() as executor:
        work.files(executor, progress or Silence(), quick=quick, repair=repair)
    work.strays(sweep=sweep)
    if sweep:
        clear_unfinished(lake.store, GRACE)
    work.index(repair=repair)
    return report


class _Check:
    def __init__(self, lake: Lake, wanted: list[tuple[str, str]]) -> None:
        self.lake = lake
        self.report = Report()
        self.wanted = wanted
        self.firsts: list[ObjectInfo] = []
        self.folders = self._list()
        self.manifests = list(self._manifests())
        for name, version in wanted:
            if not any(_is(manifest, name, version) for manifest in self.manifests):
                raise NotFoundError(
                    f"checking: the lake holds no {name}{version and '@' + version}",
                    hint="panneuro find   lists what it has",
                )
        self.report.checked_assets = len(self.manifests)

    def _list(self) -> dict[str, dict[str, ObjectInfo]]:
        """Return every object by the folder of its version, and keep what is decided by name."""
        roots = [f"assets/{name}" for name, _ in self.wanted] or ["assets"]
        folders: dict[str, dict[str, ObjectInfo]] = defaultdict(dict)
        for root in roots:
            for found in self.lake.store.list(root):
                if found.key.endswith(f"/{FIRST}") and found.key.count("/") == 2:
                    self.firsts.append(found)
                    continue
                folders["/".join(found.key.split("/")[:3])][found.key] = found
        return folders

    def _manifests(self) -> Iterator[Manifest]:
        for folder, objects in self.folders.items():
            key = f"{folder}/{KEY}"
            if key not in objects:
                continue
            try:
                manifest = decode_at(self.lake.store, key)
                entry_of(manifest)
            except CorruptionError as error:
                self._note("unreadable", folder, key, error.message)
                continue
            if not self.wanted or any(_is(manifest, *reference) for reference in self.wanted):
                yield manifest

    def followers(self, *, sweep: bool) -> None:
        """Note versions that were decided upon and not committed; finish old ones."""
        decided = [
            self.folders[manifest.prefix].get(f"{manifest.prefix}/{NEXT}")
            for manifest in self.manifests
        ]
        for found in (*self.firsts, *filter(None, decided)):
            try:
                follower = Manifest.decode(self.lake.store.get(found.key))
            except CorruptionError as error:
                self._note("unreadable", _folder(found), found.key, error.message)
                continue
            if f"{follower.prefix}/{KEY}" not in self.folders.get(follower.prefix, {}):
                old = datetime.now(UTC) - found.modified > GRACE
                self._follower(follower, found, finishing=sweep and old)

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

    def files(self, executor: Executor, progress: Progress, *, quick: bool, repair: bool) -> None:
        work = [(manifest, file) for manifest in self.manifests for file in manifest.files]
        progress.start("verifying", sum(file.size for _, file in work))
        found = executor.map(lambda item: self._file(*item, quick=quick), work)
        wrong = []
        for (manifest, file), problem in zip(work, found, strict=True):
            if problem:
                wrong.append((manifest, file, problem))
            self.report.checked_files += 1
            self.report.checked_bytes += file.size
            progress.advance(file.size)
        # The others are made again from the head.
        for manifest, file, problem in sorted(wrong, key=lambda one: one[1].path != HEAD):
            done = repair and rebuild(self.lake.store, manifest, file)
            what = f"the object was {problem.kind}; made again from others"
            self.report.problems.append(
                replace(problem, message=what, repaired=True) if done else problem
            )

    def _file(self, manifest: Manifest, file: StoredFile, *, quick: bool) -> Problem | None:
        key, asset = manifest.key_of(file), f"{manifest.name}@{manifest.version}"
        found = self.folders["/".join(key.split("/")[:3])].get(key) or self._info(key)
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

    def strays(self, *, sweep: bool) -> None:
        """Note objects that belong to no commit."""
        committed = {manifest.prefix: manifest for manifest in self.manifests}
        shared = {manifest.key_of(file) for manifest in self.manifests for file in manifest.files}
        now = datetime.now(UTC)
        for folder, objects in self.folders.items():
            if f"{folder}/{KEY}" not in objects:
                old = now - max(found.modified for found in objects.values()) > GRACE
                self._unfinished(folder, objects, sweep=sweep and old)
            elif folder in committed:
                for key in objects.keys() - shared - {f"{folder}/{KEY}", f"{folder}/{NEXT}"}:
                    self._note("orphan", folder, key, "the object belongs to no file of the asset")

    def _unfinished(self, folder: str, objects: dict[str, ObjectInfo], *, sweep: bool) -> None:
        size = sum(found.size for found in objects.values())
        what = f"{len(objects)} objects ({size} bytes) of an add that was not committed"
        if sweep:
            for key in objects:
                self.lake.store.delete(key)
        done = "; deleted" if sweep else "; the same add resumes, --sweep deletes after a day"
        self._note("unfinished", folder, folder, what + done, repaired=sweep)

    def index(self, *, repair: bool) -> None:
        """Compare the index with the store."""
        catalog = self.lake.catalog
        for manifest in self.manifests:
            entry = entry_of(manifest)
            found = catalog.get(manifest.name, manifest.version)
            if found is None or found.digest != entry.digest:
                if repair:
                    catalog.index([entry], replace=True)
                done = "" if repair else "; --repair indexes it"
                what = f"the index does not know this version{done}"
                self._note("not-indexed", manifest.prefix, manifest.prefix, what, repaired=repair)
        if not self.wanted:
            self._gone(repair=repair)

    def _gone(self, *, repair: bool) -> None:
        held = {(manifest.name, manifest.version): manifest for manifest in self.manifests}
        known = [(entry.name, entry.version) for entry in self.lake.catalog.entries()]
        gone = [reference for reference in known if reference not in held]
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
        self.report.problems.append(Problem(kind, asset, key, message, repaired))


def _folder(decision: ObjectInfo) -> str:
    """Return the folder of the version, or of the asset, that a decision lies in."""
    return decision.key.removesuffix(f"/{FIRST}").removesuffix(f"/{NEXT}")


def _is(manifest: Manifest, name: str, version: str) -> bool:
    return manifest.name == name and version in ("", manifest.version)
