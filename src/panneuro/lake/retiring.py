"""Retiring: what life-cycle rules would do with what nobody asks for, and what it would save."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from panneuro.access.lifecycle import Proposal, Rule, rules_of
from panneuro.access.prices import PriceBook
from panneuro.core.entry import Entry, seconds
from panneuro.core.run import Run
from panneuro.lake.metering import Kept, kept
from panneuro.lake.wording import in_documents_words

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake


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
        last = max(asked.get(one.entry.name, 0.0), seconds(one.entry.created))
        idle_days = (now.timestamp() - last) / 86_400
        for rule in rules:
            if idle_days >= rule.idle_days and in_documents_words(rule.on).matches(one.entry):
                yield _proposal(lake, one, rule, book)
                break


def _proposal(lake: Lake, one: Kept, rule: Rule, book: PriceBook) -> Proposal:
    reason = why_not(lake, one.entry) if rule.do == "expire" else ""
    if rule.do == "tier" and rule.tier == book.kept:
        reason = "it is in that tier"
    saved = rule.saved_per_month(one.n_bytes, book)
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
    """Return why a version must not go; empty if it can be made again from what is on record.

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
    return ""


def _is_complete(run: Run) -> bool:
    """Tell whether a record names all that a repetition needs: code, environment and inputs."""
    named = (run.reference, run.code, run.environment)
    return run.is_done and all(named) and any(run.inputs.values())
