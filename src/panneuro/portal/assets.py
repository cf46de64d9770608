"""Assets: the page, and documents, files and versions as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from panneuro.access.prices import PriceBook
from panneuro.access.savings import Savings, coded
from panneuro.core.errors import NotFoundError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.lake.asset import Asset
from panneuro.lake.curation import LABELS
from panneuro.portal.allowances import Allowances
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.files import Piece, send
from panneuro.portal.lines import lines_of_asset
from panneuro.portal.notebooks import Notebooks, shown_of
from panneuro.portal.pages import Pages
from panneuro.portal.panels import NO_PANELS, viewer_of
from panneuro.portal.populations import Population, populations_of
from panneuro.portal.probes import Probe, probe_of
from panneuro.portal.regions import Regions, regions_of
from panneuro.portal.runs import Runs
from panneuro.portal.said import flat, size_of, unit_of
from panneuro.portal.shelves import Shelf
from panneuro.portal.signals import json_of

_FILES_SHOWN = 200
_DRAWN = 64


class FileGiven(BaseModel):
    """One object of a version."""

    path: str
    size: int
    digest: str
    shared: bool = False


class FilesGiven(BaseModel):
    """The objects of a version."""

    name: str
    version: str
    files: list[FileGiven]


class VersionGiven(BaseModel):
    """One version of an asset, and which documents differ from the one before."""

    version: str
    created: str
    parent: str
    stored_bytes: int
    files: int
    changed: list[str]


class VersionsGiven(BaseModel):
    """The versions of an asset, oldest first."""

    name: str
    versions: list[VersionGiven]


class DocumentsGiven(BaseModel):
    """What is said of an asset, by slot."""

    name: str
    version: str
    documents: dict[str, Any]


class LookAsked(BaseModel):
    """Which seconds of an asset are looked at."""

    model_config = ConfigDict(extra="ignore")

    t0: float | None = Field(None, allow_inf_nan=False, description="first second shown")
    t1: float | None = Field(None, allow_inf_nan=False, description="last second shown")


class AssetGiven(BaseModel):
    """What is known of an asset."""

    name: str
    version: str
    created: str
    parent: str
    format: str
    source_bytes: int
    stored_bytes: int
    documents: dict[str, Any]
    signals: list[dict[str, Any]]
    notes: list[str]


class Assets:
    """Answers for assets as wholes.

    Parameters
    ----------
    pages : Pages
        Where people look.
    prices : PriceBook
        What bytes cost.
    runs : Runs
        That know where assets come from.
    notebooks : Notebooks
        To go on with.
    direct : bool
        Whether large files are fetched from the store itself by signed links.
    """

    def __init__(
        self, pages: Pages, prices: PriceBook, runs: Runs, notebooks: Notebooks, *, direct: bool
    ) -> None:
        self._pages = pages
        self._prices = prices
        self._runs = runs
        self._notebooks = notebooks
        self._direct = direct
        self._drawn = Shelf(_DRAWN)

    def doors(self) -> list[Door]:
        """Return the doors, narrower ones first."""
        one = "/assets/{name}"
        return [
            Door(f"{one}/documents", self.documents, gives={"json": DocumentsGiven}),
            Door(f"{one}/versions", self.versions, gives={"json": VersionsGiven}),
            Door(f"{one}/files", self.files, gives={"json": FilesGiven}),
            Door(
                f"{one}/files/{{path:path}}",
                self.file,
                gives={"binary": None},
                squeezed=False,
                metered=True,
            ),
            Door(one, self.asset, LookAsked, {"json": AssetGiven, "html": None}, brief=True),
        ]

    def documents(self, visit: Visit, _: Nothing) -> Response:
        """Read the documents of an asset."""
        asset = visit.asset()
        said = dict(asset.manifest.documents)
        given = DocumentsGiven(name=asset.name, version=asset.version, documents=said)
        return visit.unless_known(asset.version, lambda: json_of(given))

    def files(self, visit: Visit, _: Nothing) -> Response:
        """List the objects of an asset with their sizes and digests."""
        asset = visit.asset()
        given = FilesGiven(
            name=asset.name, version=asset.version, files=[_file(file) for file in asset.files]
        )
        return visit.unless_known(asset.version, lambda: json_of(given))

    def file(self, visit: Visit, _: Nothing) -> Response:
        """Read one object of an asset, or the range of its bytes that is asked for.

        Where the store can, a large object is answered by a redirection to a short-lived link.
        """
        asset, path = visit.data(), visit.part("path")
        for file in asset.files:
            if file.path == path:
                key = asset.manifest.key_of(file)
                piece = Piece(visit.store, key, file.size, file.digest, path)
                return send(visit, piece, direct=self._direct)
        raise NotFoundError(
            f"{asset.name!r} has no file {path!r}", hint=f"/assets/{asset.name}/files lists them"
        )

    def versions(self, visit: Visit, _: Nothing) -> Response:
        """List the versions of an asset, oldest first, with what changed."""
        found = visit.seen.versions(visit.part("name"))
        given = VersionsGiven(name=found[-1].name, versions=list(_versions(found)))
        return visit.unless_known(found[-1].version, lambda: json_of(given))

    def asset(self, visit: Visit, asked: LookAsked) -> Response:
        """Show what is known of an asset, named by ``NAME`` or ``NAME@VERSION``."""
        asset = visit.asset()
        if visit.form("json", "html") == "html":
            return self._page(visit, asset, asked)
        return visit.unless_known(asset.version, lambda: json_of(_given(asset.manifest)))

    def _page(self, visit: Visit, asset: Asset, asked: LookAsked) -> Response:
        manifest, reads = asset.manifest, visit.seen.may("read", visit.part("name"))
        drawn = self._drawn_of(visit) if reads else Drawn({**NO_PANELS}, None, (), ())
        stored = sum(file.size for file in asset.files)
        reference = f"{asset.name}@{asset.version}"
        versions = list(_versions(visit.seen.versions(asset.name)))
        stills = _stills(drawn.viewer, asked)
        return self._pages.page(
            visit.request,
            "asset",
            asset=asset,
            reference=reference,
            manifest=manifest,
            documents=asset.documents,
            said=dict(flat(manifest.documents)),
            size_of=size_of,
            unit_of=unit_of,
            stored=stored,
            savings=Savings.of([manifest], self._prices),
            per_month=self._prices.cost_per_month(stored),
            currency=self._prices.currency,
            versions=versions[::-1],
            is_latest=versions[-1].version == asset.version,
            files=asset.files[:_FILES_SHOWN],
            lines=lines_of_asset(visit.origin, reference, next(iter(asset.signals), "")),
            probe=drawn.probe,
            regions=drawn.regions,
            reads=reads,
            edits=visit.is_editable(asset),
            terms_due=visit.seen.terms_due(visit.part("name")),
            around=self._runs.around(visit.seen, asset.name, asset.version),
            data=drawn.viewer,
            coding={one.name: one for one in coded(manifest)},
            stills=stills,
            notebooks=self._notebooks.links(
                **shown_of(reference, drawn.viewer["panels"]),
                t0=stills["first"],
                t1=stills["last"],
            ),
            populations=drawn.populations,
            labels=LABELS,
            allowances=Allowances.of(visit.seen, visit.part("name")),
        )

    def _drawn_of(self, visit: Visit) -> Drawn:
        """Return what is drawn of the data of an asset, which follows from its version."""
        asset = visit.data()
        return self._drawn.take(
            (asset.name, asset.version),
            lambda: Drawn(
                viewer_of(asset), probe_of(asset), regions_of(asset), populations_of(asset)
            ),
        )


@dataclass(frozen=True)
class Drawn:
    """What a page draws of the data of an asset.

    Parameters
    ----------
    viewer : dict
        What the viewer starts from.
    probe : Probe, optional
        Where the electrodes are.
    regions : tuple of Regions
        Where the regions of interest are.
    populations : tuple of Population
        The units, by signal.
    """

    viewer: dict[str, Any]
    probe: Probe | None
    regions: tuple[Regions, ...]
    populations: tuple[Population, ...]


def _stills(data: Mapping[str, Any], asked: LookAsked) -> dict[str, float]:
    """Return the window that is shown without scripts, and the ones beside it."""
    first = data["begin"] if asked.t0 is None else asked.t0
    last = first + data["window"] if asked.t1 is None or asked.t1 <= first else asked.t1
    span = last - first
    return {"first": first, "last": last, "earlier": first - span, "later": last + span}


def _given(manifest: Manifest) -> AssetGiven:
    return AssetGiven(
        name=manifest.name,
        version=manifest.version,
        created=manifest.created,
        parent=manifest.parent,
        format=manifest.format,
        source_bytes=manifest.source_bytes,
        stored_bytes=manifest.stored_bytes,
        documents=dict(manifest.documents),
        signals=[dict(said) for said in manifest.signals],
        notes=list(manifest.notes),
    )


def _file(file: StoredFile) -> FileGiven:
    return FileGiven(path=file.path, size=file.size, digest=file.digest, shared=bool(file.key))


def _versions(found: list[Manifest]) -> Iterator[VersionGiven]:
    before: Manifest | None = None
    for manifest in found:
        yield VersionGiven(
            version=manifest.version,
            created=manifest.created,
            parent=manifest.parent,
            stored_bytes=manifest.stored_bytes,
            files=len(manifest.files),
            changed=_changed(before, manifest) if before else [],
        )
        before = manifest


def _changed(before: Manifest, now: Manifest) -> list[str]:
    """Return which fields of documents, and which signals, differ between two versions."""
    old, new = dict(flat(before.documents)), dict(flat(now.documents))
    fields = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    had, has = ({one["name"]: one for one in each.signals} for each in (before, now))
    signals = {name for name in had.keys() | has.keys() if had.get(name) != has.get(name)}
    return [*fields, *sorted(signals)]
