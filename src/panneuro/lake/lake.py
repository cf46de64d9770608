"""The one handle: a lake, opened from its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panneuro.core.catalog import Searchable
from panneuro.core.errors import ConflictError, InputError, NotFoundError
from panneuro.core.manifest import Manifest
from panneuro.core.progress import Progress, Silence
from panneuro.core.query import Query, parse
from panneuro.core.store import Store
from panneuro.lake import indexing, settings
from panneuro.lake.asset import Asset, parse_reference
from panneuro.lake.entries import entry_of
from panneuro.lake.finding import Found
from panneuro.lake.runs import record_key, synchronise
from panneuro.lake.wording import in_documents_words
from panneuro.storage.stores import open_store, probe

if TYPE_CHECKING:
    from panneuro.access.actors import Actor
    from panneuro.access.costs import Costs
    from panneuro.access.statements import Grant, Revocation
    from panneuro.catalog.runs import SqliteRuns
    from panneuro.catalog.sqlite import SqliteCatalog
    from panneuro.core.run import Run, RunIndex
    from panneuro.documents import Surroundings
    from panneuro.lake.acting import LakeFor
    from panneuro.lake.adding import Added, Options, Plan
    from panneuro.lake.auditing import Audit
    from panneuro.lake.costing import Ledger
    from panneuro.lake.granting import Access
    from panneuro.lake.problems import Report

ASSETS = "assets"

Knows = Callable[[str], bool]
"""Tells whether somebody knows of an asset of some name."""


def open_lake(place: str | Path | None = None, *, create: bool = False) -> Lake:
    """Open a lake.

    Parameters
    ----------
    place : str or Path, optional
        A folder, ``s3://bucket/prefix`` or another place that `panneuro.storage.stores` knows; the
        environment's ``PANNEURO_LAKE`` where not given.
    create : bool
        Make a new lake there, if the place is empty.

    Raises
    ------
    NotFoundError
        If there is no lake.

    Examples
    --------
    >>> lake = open_lake("memory://example-lake", create=True)
    >>> lake
    <Lake memory://example-lake: 0 assets>
    """
    place = place or os.environ.get("PANNEURO_LAKE")
    if not place:
        raise InputError(
            "no lake is named", hint="--lake PLACE, or set PANNEURO_LAKE to a folder or s3://…"
        )
    store = open_store(place)
    if create:
        probe(store)
    return Lake(store, (settings.make if create else settings.load)(store, place))


class Lake:
    """Everything in one place: assets by name, found by content.

    Made by `open_lake`, known as ``panneuro.open``.

    Parameters
    ----------
    store : Store
        Where everything lies.
    said : Settings
        Of the lake.
    """

    def __init__(self, store: Store, said: settings.Settings) -> None:
        self.store = store
        self.settings = said

    def __repr__(self) -> str:
        return f"<Lake {self.store.url}: {len(self)} assets>"

    def __len__(self) -> int:
        return self.index.count(Query())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.index.names(Query())))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.index.get(name) is not None

    def __getitem__(self, reference: str) -> Asset:
        """Open an asset by ``NAME`` (its latest version) or ``NAME@VERSION``, in one request."""
        name, version = parse_reference(reference)
        entry = self.index.get(name, version or None)
        if entry is None:
            close = indexing.nearest(self.index, name)
            hint = f"did you mean {close[0]!r}?" if close else "panneuro find   lists what it has"
            raise NotFoundError(
                f"the lake at {self.store.url!r} has no asset {reference!r}", hint=hint
            )
        return Asset.open(self.store, entry.name, entry.version)

    @property
    def _index_path(self) -> Path | None:
        return indexing.index_path(self.store, self.settings.id)

    @cached_property
    def catalog(self) -> SqliteCatalog:
        """The index: a file beside the lake in a folder, else in the user's cache."""
        from panneuro.catalog.sqlite import SqliteCatalog

        path = self._index_path
        catalog = SqliteCatalog(path)
        if catalog.empty:
            catalog.index(indexing.committed(self.store))
        elif path is not None and indexing.is_shared(path):
            indexing.refresh(self.store, catalog, indexing.last_written(path))
        if path is not None:
            indexing.catch_up(self.store, catalog, path)
        return catalog

    @cached_property
    def index(self) -> Searchable:
        """What is searched: the newest snapshot in the store where there is no index yet."""
        path, served = self._index_path, self.store.url.startswith("http")
        if path is not None and indexing.is_shared(path) and (served or not path.exists()):
            if snapshot := indexing.newest_snapshot(self.store):
                return snapshot
            if served:
                raise NotFoundError(
                    f"the lake at {self.store.url!r} cannot be searched: web servers list nothing, "
                    "and it has no snapshot of its index",
                    hint="panneuro reindex   where the lake can be written",
                )
        return self.catalog

    @cached_property
    def runs(self) -> SqliteRuns:
        """The index over what was run: a file beside the index over assets."""
        from panneuro.catalog.runs import SqliteRuns

        path = self._index_path
        runs = SqliteRuns(path and path.with_name("runs.sqlite"))
        self.refresh(runs)
        return runs

    @cached_property
    def access(self) -> Access:
        """Who may do what: grants, embargoes, terms, links and tokens."""
        from panneuro.lake.granting import Access

        return Access(self.store, self.settings.policies, lambda: self.index, self.audit)

    @cached_property
    def audit(self) -> Audit:
        """Who signed in, was refused, or downloaded."""
        from panneuro.lake.auditing import Audit

        return Audit(self.store)

    def as_(self, actor: Actor) -> LakeFor:
        """Return the lake as somebody sees and may use it."""
        from panneuro.lake.acting import LakeFor

        return LakeFor(self, actor)

    def grant(self, to: str, role: str, on: str | Query, **more: Any) -> Grant:
        """Say that somebody may do something: see `panneuro.lake.granting.Access.grant`."""
        return self.access.grant(to, role, on, **more)

    def revoke(self, of: str, **more: Any) -> Revocation:
        """Take back a grant, an embargo, terms, a link or a token, by its id."""
        return self.access.revoke(of, **more)

    @cached_property
    def ledger(self) -> Ledger:
        """What the lake costs, will cost, and may cost."""
        from panneuro.lake.costing import Ledger

        return Ledger(self)

    def cost(self, by: str | Sequence[str] = "project", **period: Any) -> Costs:
        """Return what was spent: see `panneuro.lake.costing.Ledger.costs`.

        Examples
        --------
        >>> lake = open_lake("memory://example-lake", create=True)
        >>> str(lake.cost(by="asset").total)
        '0.00'
        """
        return self.ledger.costs(by, **period)

    def refresh(self, runs: RunIndex | None = None) -> int:
        """Learn what others ran since, and what they made; return how many runs that were."""
        found = synchronise(self.store, runs if runs is not None else self.runs)
        self._learn_what(found)
        return len(found)

    def learn(self, runs: Iterable[Run]) -> None:
        """Index runs that were just recorded, and what they made."""
        runs = list(runs)
        self.runs.add((record_key(run), run) for run in runs)
        self._learn_what(runs)

    def _learn_what(self, runs: Iterable[Run]) -> None:
        made = (pair for run in runs for pair in run.outputs.items())
        indexing.learn(self.store, self.catalog, made)

    def find(self, text: str | Iterable[str] = "", /, **fields: Any) -> Found:
        """Find assets by content.

        Parameters
        ----------
        text : str or list of str
            Words, and conditions such as ``"units>100"``; see the reference of the query language.
        **fields
            Conditions by field: ``modality="ecephys"``, ``units=">100"``.

        Examples
        --------
        >>> lake = open_lake("memory://example-lake", create=True)
        >>> lake.find("CA1", units=">100").names
        []
        """
        return Found(self.index, in_documents_words(parse(text, **fields)))

    def plan(
        self,
        path: str | Path,
        options: Options,
        progress: Progress | None = None,
        knows: Knows | None = None,
    ) -> Plan:
        """Read a source and say what adding it would do; the lake is not touched."""
        from panneuro.lake import adding

        around = self.surroundings(knows)
        return adding.plan(
            Path(path), options, self.settings.defaults, around, progress or Silence()
        )

    def add(
        self,
        path: str | Path,
        *,
        progress: Progress | None = None,
        **options: Any,
    ) -> Added:
        """Add a recording: described, compressed without loss, verified and committed.

        Parameters
        ----------
        path : path
            The file or folder that the rig wrote.
        progress : Progress, optional
            Told of bytes as they are done.
        **options
            The fields of `panneuro.lake.adding.Options`: ``said={"subject": {"id": "m1"}}``, ….

        Returns
        -------
        Added
            With the manifest, and whether it is new: adding the same again changes nothing.
        """
        from panneuro.lake.adding import Options

        chosen = Options(**options)
        return self.carry_out(self.plan(path, chosen, progress), chosen, progress)

    def carry_out(self, plan: Plan, options: Options, progress: Progress | None = None) -> Added:
        """Do what `plan` said."""
        with closing(plan.snapshot):
            plan.snapshot.reading.show(progress or Silence())
            return self._carried_out(plan, options, progress)

    def _carried_out(self, plan: Plan, options: Options, progress: Progress | None) -> Added:
        from panneuro.lake import adding, describing

        probe(self.store)
        earlier = self.versions(plan.name)
        if earlier and not options.replaces:
            refuse_other_sources(plan, (source["digest"] for source in earlier[-1].sources))
        with indexing.announced(self.store, self._index_path, plan.name):
            try:
                if adding.is_there(plan, earlier) or not adding.has_data(plan, earlier):
                    added = adding.carry_out(self.store, plan, earlier, progress)
                else:
                    added = describing.add_again(self.store, Asset(self.store, earlier[-1]), plan)
            except ConflictError:
                self._learn_again(plan.name)
                raise
            self._learn(added)
        return added

    def _learn(self, added: Added) -> None:
        self.catalog.index([entry_of(added.manifest)], replace=True)
        self.publish()

    def _learn_again(self, name: str) -> None:
        """Index what others committed; we may have finished it for one who died."""
        self.catalog.index([entry_of(one) for one in self.versions(name)], replace=True)

    def describe(
        self,
        reference: str,
        said: Mapping[str, Any],
        *,
        unset: Iterable[str] = (),
        dry_run: bool = False,
        knows: Knows | None = None,
    ) -> Added:
        """Say more of an asset, or correct what is said: a new version that shares its data.

        What others say of it at the same moment stays said: of two, one builds on the other.

        Parameters
        ----------
        reference : str
            ``NAME``, whose latest version is described.
        said : mapping
            By slot and field: ``{"subject": {"species": "rat"}}``.
        unset : iterable of str
            Fields to be emptied: ``["subject.strain"]``.
        dry_run : bool
            Only say what would be.
        knows : callable, optional
            Tells whether who describes it knows of an asset of some name; the lake does.
        """
        from panneuro.lake import describing

        around, unset = self.surroundings(knows), tuple(unset)
        if dry_run:
            asset = self._latest(reference)
            return describing.describe(self.store, asset, said, around, unset=unset, dry_run=True)
        return self.follow(
            reference,
            lambda asset: describing.describe(
                self.store, asset, said, around, unset=unset, dry_run=False
            ),
        )

    def judge(self, reference: str, what: str, verdict: str, **more: Any) -> Added:
        """Say how good an asset or its units are: see `panneuro.lake.judging.judge`."""
        from panneuro.lake import judging

        return judging.judge(self, reference, what, verdict, **more)

    def follow(self, reference: str, add: Callable[[Asset], Added]) -> Added:
        """Add what follows an asset's latest version; where another does meanwhile, after that."""
        asset = self._latest(reference)
        probe(self.store)
        with indexing.announced(self.store, self._index_path, asset.name):
            while True:
                try:
                    added = add(asset)
                    break
                except ConflictError:
                    newer = self._latest(asset.name)
                    if newer.version == asset.version:
                        raise
                    self._learn_again(asset.name)
                    asset = newer
            self._learn(added)
        return added

    def _latest(self, reference: str) -> Asset:
        """Open the latest version by the store's word: others may have described it since."""
        name, version = parse_reference(reference)
        known = self.versions(name)
        if not known:
            return self[reference]
        if version not in ("", known[-1].version):
            raise InputError(
                f"describing {reference!r}: only the latest version of an asset can be described",
                hint=f"panneuro describe {name}",
            )
        return Asset(self.store, known[-1])

    def surroundings(self, knows: Knows | None = None) -> Surroundings:
        """Return what documents of this lake must agree with."""
        from panneuro.documents import Surroundings

        return Surroundings(
            parent_exists=knows or self.__contains__,
            schemas=dict(self.settings.schemas),
            vocabularies=dict(self.settings.vocabularies),
        )

    def versions(self, name: str) -> list[Manifest]:
        """Return the committed versions of a name, oldest first, as the store has them."""
        return indexing.versions(self.store, name)

    def reindex(self) -> int:
        """Rebuild the index from the store alone, and return how many versions it found."""
        return indexing.reindex(self)

    def publish(self) -> str | None:
        """Put a snapshot of the index into the store, where anyone can search it with no index.

        Returns
        -------
        str or None
            Its key; None if the newest one is at most a hundredth behind.
        """
        return indexing.publish(self.store, self.catalog)

    def check(self, *references: str, **options: Any) -> Report:
        """Verify the lake: see `panneuro.lake.checking.check`."""
        from panneuro.lake import checking

        return checking.check(self, references, **options)

    def export(self, reference: str, kind: str, to: str | Path, **options: Any) -> Path:
        """Write an asset for other tools: see `panneuro.lake.exporting.export`."""
        from panneuro.lake import exporting

        return exporting.export(self[reference], kind, Path(to), **options)


def refuse_other_sources(plan: Plan, digests: Iterable[str]) -> None:
    """Raise `ConflictError` if the asset of that name is made from none of the plan's files."""
    if set(digests).isdisjoint(plan.snapshot.digests.values()):
        raise ConflictError(
            f"adding {plan.name!r}: the lake has an asset of that name, made from other files",
            hint="--replace makes this its new version; --name NAME adds it beside",
        )
