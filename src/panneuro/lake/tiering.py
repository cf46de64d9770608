"""Tiering: the objects of a version in another class of storage, where the store has some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from panneuro.access.actors import LOCAL, Actor
from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError
from panneuro.core.run import Run, RunIndex
from panneuro.core.store import Store
from panneuro.lake.asset import Asset
from panneuro.lake.runs import Attempt
from panneuro.storage.objects import ObjectStore

if TYPE_CHECKING:
    from panneuro.access.lifecycle import Proposal
    from panneuro.lake.lake import Lake

TIER = "panneuro.tier"
"""Under which it is found among the runs."""

_SLOW = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Classes whose objects are not read in seconds."""

Moved = tuple[datetime, str]
"""When a version was moved, and to which tier."""


def moves(runs: RunIndex) -> Mapping[tuple[str, str], Sequence[Moved]]:
    """Return when versions were moved between tiers, by name and version, in order.

    Parameters
    ----------
    runs : RunIndex
        Where it is on record.
    """
    found: dict[tuple[str, str], list[Moved]] = defaultdict(list)
    for run in sorted(runs.find(step=TIER, status="done"), key=lambda run: run.ended):
        for pair in (pair for slot in run.inputs.values() for pair in slot.items()):
            found[pair].append((datetime.fromisoformat(run.ended), str(run.parameters["tier"])))
    return found


def why_not(lake: Lake, tier: str, book: PriceBook) -> str:
    """Return why nothing can be moved to a tier in a lake's store; empty where it can.

    Parameters
    ----------
    lake : Lake
        Whose store.
    tier : str
        Which.
    book : PriceBook
        That says which class of storage it is.
    """
    storage_class = book.tier(tier).storage_class
    if not storage_class:
        return f"no storage_class is said of the tier {tier!r} in [prices]"
    if storage_class in _SLOW:
        return f"what is in {storage_class} is not read in seconds: have the provider's rules do it"
    if _classed(lake.store):
        return ""
    return "this store has no classes of storage: keep the lake in a bucket that has, or leave it"


def _classed(store: Store) -> ObjectStore | None:
    """Return a store as one that has classes of storage, or None."""
    return store if isinstance(store, ObjectStore) and store.has_classes else None


def move(lake: Lake, proposal: Proposal, book: PriceBook, by: Actor = LOCAL) -> Run:
    """Move the own objects of a version to the tier of a rule; they are read as before.

    Each is written again whole, so that at any moment it is there. What moved stays moved should
    it be interrupted; the same again moves the rest. It is on record as a run, and in the audit.

    Parameters
    ----------
    lake : Lake
        That holds it.
    proposal : Proposal
        Of a rule that says ``tier``.
    book : PriceBook
        That says which class of storage the tier is.
    by : Actor
        Who says so.

    Returns
    -------
    Run
        The record.

    Raises
    ------
    InputError
        If something stands against it: nothing is done.
    """
    tier, store = proposal.rule.tier, _classed(lake.store)
    reason = why_not(lake, tier, book)
    if reason or store is None:
        raise InputError(f"moving {proposal.name!r} to {tier!r}: {reason}")
    manifest = Asset.open(lake.store, proposal.name, proposal.version).manifest
    said = {"tier": tier, "rule": str(proposal.rule), "at": datetime.now(UTC).isoformat()}
    attempt = Attempt.at(TIER, said, {manifest.name: manifest.version})
    before = lake.store.usage.snapshot()
    for file in manifest.files:
        if not file.key:
            store.keep_as(manifest.key_of(file), book.tier(tier).storage_class)
    used = lake.store.usage.snapshot() - before
    attempt.bytes_read, attempt.bytes_written = used.bytes_read, used.bytes_written
    run = attempt.record(lake.store)
    lake.learn([run])
    lake.audit.record("tier", by, f"{manifest.name}@{manifest.version}", tier=tier)
    return run
