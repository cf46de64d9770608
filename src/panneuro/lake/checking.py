"""Checking: is everything there and what it was, and do the indexes say what the store holds?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from panneuro.core.errors import InputError, StoreDeniedError
from panneuro.core.progress import Progress, Silence
from panneuro.core.store import Store
from panneuro.lake import indexing
from panneuro.lake.adding import workers
from panneuro.lake.asset import parse_reference
from panneuro.lake.asset_checks import AssetChecks
from panneuro.lake.problems import Report
from panneuro.lake.run_checks import check_runs
from panneuro.lake.view_checks import check_views
from panneuro.storage.stores import clear_unfinished, probe

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

GRACE = timedelta(hours=24)
"""What nobody refers to and is younger than this may be of an add, a run or a view at work."""


def check(
    lake: Lake,
    references: Iterable[str] = (),
    *,
    quick: bool = False,
    repair: bool = False,
    sweep: bool = False,
    source: str | Path | None = None,
    grace: timedelta = GRACE,
    progress: Progress | None = None,
) -> Report:
    """Verify that everything is there, has its size and its digest, and is in the index.

    Parameters
    ----------
    lake : Lake
        Which.
    references : iterable of str
        ``NAME`` or ``NAME@VERSION`` of assets; where none is given every asset, every record of a
        run and every edition of a view.
    quick : bool
        Only sizes, from one listing: nothing is read but each ``asset.json`` and each edition, and
        indexes are compared with these alone.
    repair : bool
        Put right the indexes, and what follows from others: commits, heads, tables, pyramids,
        thumbnails, records of runs that the index knows. What of a view cannot be read is
        forgotten, so that its next refresh computes it again. Where the store may not be written,
        only the index over assets, which may be our own; the report says so.
    sweep : bool
        Delete what adds, runs and views left unfinished, and finish descriptions that were.
    source : path, optional
        The recording that the one asset was added from, still as it was: with `repair`, samples and
        files that follow from nothing else are made again from it.
    grace : timedelta
        How old that must be.
    progress : Progress, optional
        Told of bytes verified.
    """
    wanted = [parse_reference(reference) for reference in references]
    report, before = Report(), datetime.now(UTC) - grace
    origin = None if source is None else Path(source)
    if origin and (len(wanted) != 1 or not repair):
        raise InputError(
            "checking: a recording makes objects of the one asset again that was made from it",
            hint="panneuro check NAME --repair --source RECORDING",
        )
    if repair or sweep:
        report.denied = _refusal(lake.store)
    mend, sweep = repair and not report.denied, sweep and not report.denied
    assets = AssetChecks(lake, wanted, report, repair=mend)
    assets.followers(before, sweep=sweep)
    with workers() as executor:
        assets.files(executor, progress or Silence(), quick=quick, repair=mend, source=origin)
    assets.strays(before, sweep=sweep)
    if sweep:
        clear_unfinished(lake.store, grace)
    sound = assets.index(quick=quick, repair=repair)
    if not wanted:
        _check_snapshot(lake, report, quick=quick, repair=mend)
        check_runs(lake, assets.held, report, indexed=sound, quick=quick, repair=mend)
        check_views(lake.store, report, before, quick=quick, repair=mend, sweep=sweep)
    return report


def _check_snapshot(lake: Lake, report: Report, *, quick: bool, repair: bool) -> None:
    """Look whether the snapshot can be read that is searched where there is no index."""
    damage = "" if quick else indexing.damage(lake.store)
    if damage:
        if repair:
            indexing.publish(lake.store, lake.catalog, anew=True)
        done = "" if repair else "; --repair makes it again"
        report.note("unreadable", "", indexing.NEWEST, damage + done, repaired=repair)


def _refusal(store: Store) -> StoreDeniedError | None:
    """Return why a store may not be written, before much of it is read."""
    try:
        probe(store)
    except StoreDeniedError as error:
        return error
    return None
