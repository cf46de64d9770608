"""The lake as somebody sees and may use it: what they may not know of is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from panneuro.access.actors import Actor
from panneuro.access.policy import limited
from panneuro.access.roles import VERBS
from panneuro.access.statements import Acceptance, Terms
from panneuro.core.catalog import Searchable
from panneuro.core.conditions import Match
from panneuro.core.digests import PREFIX
from panneuro.core.entry import Entry
from panneuro.core.errors import NotAllowedError, NotFoundError
from panneuro.core.manifest import Manifest
from panneuro.core.query import EVERYTHING, Query, parse
from panneuro.lake.asset import Asset, parse_reference
from panneuro.lake.auditing import Asked, Event, history
from panneuro.lake.finding import Found
from panneuro.lake.scoping import Within
from panneuro.lake.sharing import Sharing
from panneuro.lake.wording import in_documents_words

if TYPE_CHECKING:
    from panneuro.access.costs import Costs
    from panneuro.core.progress import Progress
    from panneuro.core.run import Run
    from panneuro.lake.adding import Added
    from panneuro.lake.lake import Lake


class LakeFor:
    """A lake for one actor. What they may not know of is neither found nor counted nor named.

    Every question is answered by the policy of the moment at which it is asked. Made by
    ``lake.as_(actor)``.

    Parameters
    ----------
    lake : Lake
        The whole lake.
    actor : Actor
        Who asks.

    Attributes
    ----------
    index : Searchable
        What they may find.
    sharing : Sharing
        What they may say about access themselves.

    Examples
    --------
    >>> import panneuro
    >>> from panneuro.access.actors import ANONYMOUS
    >>> lake = panneuro.open("memory://example-acting", create=True)
    >>> lake.as_(ANONYMOUS)
    <LakeFor everyone: 0 assets>
    """

    def __init__(self, lake: Lake, actor: Actor) -> None:
        self._lake = lake
        self.actor = actor
        self.index: Searchable = Within(lake.index, lambda: self.allowed("find"))
        self.sharing = Sharing(lake, actor)

    def __repr__(self) -> str:
        return f"<LakeFor {self.actor}: {len(self)} assets>"

    def __len__(self) -> int:
        return self.index.count(Query())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.index.names(Query())))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.index.get(name) is not None

    def __getitem__(self, reference: str) -> Asset:
        """Open an asset to read its data; see `asset`."""
        return self.asset(reference, "read")

    def allowed(self, verb: str) -> Query:
        """Return what the actor may do something with, now."""
        return self._lake.access.policy().allowed(self.actor, verb, datetime.now(UTC))

    def find(self, text: str | Iterable[str] = "", /, **fields: Any) -> Found:
        """Find assets by content; see `panneuro.lake.lake.Lake.find`."""
        return Found(self.index, in_documents_words(parse(text, **fields)))

    def complete(self, prefix: str, limit: int = 20) -> list[str]:
        """Return words of a search that begin with a prefix."""
        return self._lake.catalog.complete(prefix, limit, self.allowed("find"))

    def only(self, names: Iterable[str]) -> set[str]:
        """Return those of some names that are there for the actor: of a lineage, of a log."""
        scope = self.allowed("find")
        index = Within(self._lake.index, lambda: scope)
        return {name for name in set(names) if index.get(name) is not None}

    def entry(self, reference: str) -> Entry:
        """Return what the index says of ``NAME`` or ``NAME@VERSION``.

        Raises
        ------
        NotFoundError
            If it is not there for the actor, in the same words whether it is there for others.
        """
        name, version = parse_reference(reference)
        entry = self.index.get(name, version or None)
        if entry is None:
            self._lake.audit.record("refused", self.actor, reference, verb="find")
            close = difflib.get_close_matches(name, self.complete(name[:3], 200), 1)
            raise NotFoundError(
                f"there is no asset {reference!r}",
                hint=f"did you mean {close[0]!r}?" if close and not version else "",
            )
        return entry

    def may(self, verb: str, reference: str) -> bool:
        """Tell whether the actor may do something with an asset; nothing is recorded."""
        name, version = parse_reference(reference)
        whole = self._lake.index
        return Within(whole, lambda: self.allowed(verb)).get(name, version or None) is not None

    def need(self, verb: str, reference: str) -> Entry:
        """Return what the index says of an asset, if the actor may do something with it.

        Parameters
        ----------
        verb : str
            One of `panneuro.access.roles.VERBS`.
        reference : str
            ``NAME`` or ``NAME@VERSION``.

        Raises
        ------
        NotFoundError
            If it is not there for the actor.
        NotAllowedError
            If they may not do that, or terms are to be accepted first. The refusal is recorded.
        """
        entry = self.entry(reference)
        if verb != "find" and not self.may(verb, reference):
            self._lake.audit.record("refused", self.actor, reference, verb=verb)
            raise self._refusal(verb, entry)
        return entry

    def _refusal(self, verb: str, entry: Entry) -> NotAllowedError:
        due = self._due(entry)
        if verb in ("read", "run") and due:
            named = ", ".join(f"{terms.title!r} ({terms.id[:12]})" for terms in due)
            return NotAllowedError(
                f"before the data of {entry.name!r} are read, accept: {named}",
                hint="whoever reads them accepts, once: on the asset's page, or with accept(id)",
            )
        return NotAllowedError(
            f"{self.actor} may not {verb} {entry.name!r}: {VERBS[verb]}",
            hint="ask an owner of it for a grant",
        )

    def terms_due(self, reference: str) -> tuple[Terms, ...]:
        """Return the terms that the actor has to accept before an asset's data are read."""
        return self._due(self.entry(reference))

    def _due(self, entry: Entry) -> tuple[Terms, ...]:
        return self._lake.access.policy().terms_due(self.actor, entry, datetime.now(UTC))

    def accept(self, terms: str) -> Acceptance:
        """Accept terms, for the record; see `panneuro.lake.granting.Access.accept`."""
        return self._lake.access.accept(terms, self.actor)

    def asset(self, reference: str, verb: str = "find") -> Asset:
        """Open an asset.

        Parameters
        ----------
        reference : str
            ``NAME``, for its latest version, or ``NAME@VERSION``.
        verb : {"find", "read"}
            What for: its documents and lists, or its signals and files.

        Raises
        ------
        NotFoundError, NotAllowedError
            As `need`.
        """
        entry = self.need(verb, reference)
        return self.veiled(Asset.open(self._lake.store, entry.name, entry.version))

    def veiled(self, asset: Asset) -> Asset:
        """Return an asset that the actor may know of, for showing: without hidden parents."""
        manifest = self._without_hidden(asset.manifest)
        return asset if manifest is asset.manifest else Asset(self._lake.store, manifest)

    def versions(self, name: str) -> list[Manifest]:
        """Return the versions of an asset that are there for the actor, oldest first."""
        known = self._lake.versions(self.entry(name).name)
        return [self._without_hidden(one) for one in known if self.index.get(one.name, one.version)]

    def _without_hidden(self, manifest: Manifest) -> Manifest:
        """Leave out of a description the names of parents that are not there for the actor."""
        description = manifest.documents.get("description", {})
        parents = description.get("parents") or ()
        kept = [name for name in parents if name in self]
        if len(kept) == len(parents):
            return manifest
        documents = {**manifest.documents, "description": {**description, "parents": kept}}
        return replace(manifest, documents=documents)

    def describe(
        self,
        reference: str,
        said: Mapping[str, Any],
        *,
        unset: Iterable[str] = (),
        dry_run: bool = False,
    ) -> Added:
        """Say more of an asset, if the actor may edit it as it is and as it would be.

        Raises
        ------
        NotAllowedError
            If it would leave what they may edit: into another project, say.
        """
        unset = tuple(unset)
        self.need("edit", reference)
        knows = self._knows(reference, said)
        added = self._lake.describe(reference, said, unset=unset, dry_run=True, knows=knows)
        self._need_for("edit", added.manifest)
        if not dry_run:
            added = self._lake.describe(reference, said, unset=unset, knows=knows)
        return replace(added, manifest=self._without_hidden(added.manifest))

    def judge(self, reference: str, what: str, verdict: str, **more: Any) -> Added:
        """Judge an asset or its units in the actor's name, if they may edit it: see `Lake.judge`.

        Raises
        ------
        NotFoundError, NotAllowedError
            As `need`; or if it would leave what they may edit.
        """
        self.need("edit", reference)

        def approve(manifest: Manifest) -> None:
            self._need_for("edit", manifest)

        if not self.actor.is_local:
            more["by"] = self.actor.principal.partition(":")[2]
        added = self._lake.judge(reference, what, verdict, approve=approve, **more)
        return replace(added, manifest=self._without_hidden(added.manifest))

    def _knows(self, reference: str, said: Mapping[str, Any]) -> Callable[[str], bool]:
        """Return what tells the actor's own parents from unknown ones; those said before stay."""
        if "parents" in said.get("description", {}):
            return self.__contains__
        entry = self.entry(reference)
        manifest = Asset.open(self._lake.store, entry.name, entry.version).manifest
        before = manifest.documents.get("description", {}).get("parents") or ()
        return lambda name: name in before or name in self

    def add(self, path: str | Path, *, progress: Progress | None = None, **options: Any) -> Added:
        """Add a recording, if the actor may add what its documents say it is.

        Parameters
        ----------
        path, progress, **options
            As for `panneuro.lake.lake.Lake.add`.

        Raises
        ------
        NotAllowedError
            If they may not; or if the lake has another asset of that name, and they may not edit
            it. The very same may be added again by whoever may add it.
        """
        from panneuro.lake.adding import Options, draft, is_there

        chosen = Options(**options)
        plan = self._lake.plan(path, chosen, progress, knows=self.__contains__)
        self._need_for("add", draft(plan))
        earlier = self._lake.versions(plan.name)
        alike = Query((Match("name", "=", ((plan.name,),)),))
        same = set(self._lake.index.names(alike)) <= {plan.name} and (
            not earlier or is_there(plan, earlier) or self.may("edit", plan.name)
        )
        if not same:
            self._lake.audit.record("refused", self.actor, plan.name, verb="edit")
            raise NotAllowedError(
                f"adding {plan.name!r}: that name is taken", hint="--name NAME adds it beside"
            )
        added = self._lake.carry_out(plan, chosen, progress)
        if not added.is_new and plan.name not in self:
            # Who may only add learns nothing of what others said of it since.
            return replace(added, manifest=draft(plan))
        return replace(added, manifest=self._without_hidden(added.manifest))

    def _need_for(self, verb: str, manifest: Manifest) -> None:
        """Refuse what would make of an asset one that the actor may not do this with."""
        from panneuro.lake.entries import entry_of

        if not self.allowed(verb).matches(entry_of(manifest)):
            self._lake.audit.record("refused", self.actor, manifest.name, verb=verb)
            raise NotAllowedError(
                f"{self.actor} may not {verb} {manifest.name!r} as its documents would have it",
                hint="look at its project, lab and tags; or ask an owner for a grant",
            )

    def runs(self, name: str, *, using: bool = False) -> list[Run]:
        """Return the runs that made an asset, or took it, the latest first.

        A run that touched an asset that is hidden is not there: its parameters, its log and its
        errors could tell of it.

        Parameters
        ----------
        name : str
            Of the asset.
        using : bool
            Whether those that took it are meant.

        Raises
        ------
        NotFoundError
            If it is not there for the actor.
        """
        known = self.entry(name).name
        index = self._lake.runs
        found = index.using(known) if using else index.making(known)
        touched = {run.key: _touched(run) for run in found}
        seen = self.only(name for names in touched.values() for name in names)
        return [run for run in found if touched[run.key] <= seen]

    def cost(self, by: str | Sequence[str] = "project", **period: Any) -> Costs:
        """Return what was spent on what the actor may edit; see `Ledger.costs`."""
        from panneuro.lake.costing import Ledger

        return Ledger(self._lake, self.allowed("edit"), self.allowed("find")).costs(by, **period)

    def audit(
        self,
        since: date | None = None,
        until: date | None = None,
        **asked: Unpack[Asked],
    ) -> Iterator[Event]:
        """Yield what was done with what the actor may audit, and what was said of it.

        Who owns everything is also told what is about no asset: who signed in, and what names
        were asked for that nothing has. See `panneuro.lake.auditing.history`.
        """
        scope = self.allowed("audit")
        if limited(EVERYTHING, scope) == EVERYTHING:
            return history(self._lake, since, until, **asked)
        if scope.is_nothing:
            return iter(())
        index, known = Within(self._lake.index, lambda: scope), dict[str, bool]()

        def is_theirs(event: Event) -> bool:
            name = event.on.partition("@")[0]
            if name not in known:
                known[name] = index.get(name) is not None
            return known[name]

        return history(
            self._lake,
            since,
            until,
            said_to=self.sharing.concerns(),
            done_for=is_theirs,
            **asked,
        )

    def export(self, reference: str, kind: str, to: str | Path, **options: Any) -> Path:
        """Write an asset for other tools: see `panneuro.lake.exporting.export`."""
        from panneuro.lake import exporting

        return exporting.export(self.asset(reference, "read"), kind, Path(to), **options)


def _touched(run: Run) -> set[str]:
    """Return the names of the assets that a run took or made; files are named by digests."""
    taken = {
        name
        for slot in run.inputs.values()
        for name, version in slot.items()
        if not version.startswith(PREFIX)
    }
    return taken | run.outputs.keys()
