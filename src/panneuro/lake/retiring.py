"""Retiring: what life-cycle rules do with what nobody asks for, and what it saves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from panneuro.access.actors import LOCAL, Actor
from panneuro.access.lifecycle import Proposal, Rule, rules_of
from panneuro.access.prices import PriceBook
from panneuro.core.entry import Entry, seconds
from panneuro.core.errors import InputError
from panneuro.core.run import Run
from panneuro.lake import tiering
from panneuro.lake.asset import Asset
from panneuro.lake.metering import Kept, kept
from panneuro.lake.runs import Attempt
from panneuro.lake.tombstones import EXPIRE, KEY, Tombstone
from panneuro.lake.wording import in_documents_words
from panneuro.storage.durability import make_durable

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake


REPRODUCE = "panneuro.reproduce"
"""Under which it is on record that a version was made again."""


def proposals(lake: Lake, now: datetime | None = None) -> Iterator[Proposal]:
    """Yield what the rules of ``lake.toml`` would do; the first that matches a version decides.

    Nothing is done. A version counts as asked for when it was made, when a run took it, and when
    it was served.

    Parameters
    ----------
    lake : Lake
        Whose rules, and whose assets.
    now : datetime, optional
        The moment at which it is asked.
    """
    book, now = PriceBook.from_table(lake.settings.prices), now or datetime.now(UTC)
    rules = rules_of(lake.settings.lifecycle, book)
    if not rules:
        return
    asked = _asked_for(lake, now - timedelta(days=max(rule.idle_days for rule in rules)))
    for one in kept(lake):
        if not one.bytes_now:
            continue
        last = max(asked.get(one.entry.name, 0.0), seconds(one.entry.created))
        idle_days = (now.timestamp() - last) / 86_400
        for rule in rules:
            if idle_days >= rule.idle_days and in_documents_words(rule.on).matches(one.entry):
                yield _proposal(lake, one, rule, book)
                break


def _proposal(lake: Lake, one: Kept, rule: Rule, book: PriceBook) -> Proposal:
    if rule.do == "expire":
        reason = why_not(lake, one.entry)
    elif rule.tier == (one.tier or book.kept):
        reason = "it is in that tier"
    else:
        reason = tiering.why_not(lake, rule.tier, book)
    saved = rule.saved_per_month(one.n_bytes, book, one.tier)
    return Proposal(one.entry.name, one.entry.version, rule, one.n_bytes, saved, reason)


def _asked_for(lake: Lake, since: datetime) -> dict[str, float]:
    """Return when each asset was last taken by a run or served."""
    last: dict[str, float] = {}

    def note(name: str, moment: str) -> None:
        if moment:
            last[name] = max(last.get(name, 0.0), seconds(moment))

    for run in lake.runs.find():
        for name in run.input_names:
            note(name, run.ended)
    for event in lake.audit.search(since.date(), what="download"):
        note(event.on.partition("@")[0], event.at)
    return last


def why_not(lake: Lake, entry: Entry) -> str:
    """Return why a version must not go; empty if it was made again from what is on record.

    What it was made from may have gone before it: that can be made again, too.

    Parameters
    ----------
    lake : Lake
        That holds it.
    entry : Entry
        Of the version.
    """
    if entry.fields.get("kind", "raw") == "raw":
        return "it is a recording"
    runs = lake.runs.making(entry.name, entry.version)
    complete = [run for run in runs if _is_complete(run)]
    if not complete:
        return "no complete record says how it was made"
    missing = sorted(
        f"{name}@{version}"
        for slot in complete[0].inputs.values()
        for name, version in slot.items()
        if lake.index.get(name, version) is None
    )
    if missing:
        return f"what it was made from is not here: {', '.join(missing[:3])}"
    latest = lake.index.get(entry.name)
    if latest is not None and latest.version != entry.version:
        return "a later version may share what it keeps"
    if _proof(lake, entry) is None:
        return "it was never made again, byte for byte, as panneuro reproduce does"
    return ""


def _proof(lake: Lake, entry: Entry) -> Run | None:
    """Return the run that made the same bytes again, where there is one."""
    return next(
        (
            run
            for run in lake.runs.using(entry.name, entry.version)
            if run.step == REPRODUCE and run.is_done and _outcome(run) == "identical"
        ),
        None,
    )


def _outcome(run: Run) -> object:
    with suppress(ValueError, AttributeError, RecursionError):
        return json.loads(run.log).get("outcome")
    return None


def expire(lake: Lake, proposal: Proposal, by: Actor = LOCAL) -> Run:
    """Let go of the data of a version that can be made again; its documents stay.

    What is left is found, described and searched as before; who reads its data is told how they
    are made again. It is on record as a run, and in the audit.

    Parameters
    ----------
    lake : Lake
        That holds it.
    proposal : Proposal
        Of a rule that says ``expire``.
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
    entry = lake.index.get(proposal.name, proposal.version)
    reason = why_not(lake, entry) if entry else "it is not here"
    proof = _proof(lake, entry) if entry else None
    if reason or proof is None or proposal.rule.do != "expire":
        raise InputError(
            f"{proposal.name}@{proposal.version} does not expire: {reason or 'no rule says so'}",
            hint="panneuro cost --rules",
        )
    now, rule = datetime.now(UTC).isoformat(), str(proposal.rule)
    manifest = Asset.open(lake.store, proposal.name, proposal.version).manifest
    reference = f"{manifest.name}@{manifest.version}"
    attempt = Attempt.at(EXPIRE, {"rule": rule, "at": now}, {manifest.name: manifest.version})
    stone = Tombstone(reference, now, str(by), rule, manifest.run, proof.key, proposal.n_bytes)
    place = f"{manifest.prefix}/{KEY}"
    lake.store.put(place, stone.encode())
    make_durable(lake.store, [place])
    for file in manifest.files:
        if not file.key:
            lake.store.delete(manifest.key_of(file))
    run = attempt.record(lake.store, log=stone.encode().decode())
    lake.learn([run])
    lake.audit.record("expire", by, reference, rule=rule)
    lake.audit.flush()
    return run


def _is_complete(run: Run) -> bool:
    """Tell whether a record names all that a repetition needs: code, environment and inputs."""
    named = (run.reference, run.code, run.environment)
    return run.is_done and all(named) and any(run.inputs.values())
