"""Letting go of what can be made again, and making it again when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from panneuro.access.actors import LOCAL
from panneuro.access.prices import PriceBook
from panneuro.compute.obtaining import Recipe
from panneuro.compute.reproducing import Repetition, maker, repetition
from panneuro.core.digests import digest_file
from panneuro.core.errors import CorruptionError, InputError, PanneuroError, UnobtainableError
from panneuro.core.progress import Progress
from panneuro.lake import tiering
from panneuro.lake.retiring import expire, proposals
from panneuro.lake.runs import Attempt
from panneuro.lake.tiering import move
from panneuro.lake.tombstones import KEY, RECOMPUTE, tombstones
from panneuro.storage.durability import make_durable

if TYPE_CHECKING:
    from panneuro.access.lifecycle import Proposal
    from panneuro.core.run import Run
    from panneuro.lake.asset import Asset
    from panneuro.lake.lake import Lake


def apply(lake: Lake, now: datetime | None = None) -> Iterator[Proposal]:
    """Do what the rules of ``lake.toml`` say with what nothing stands against.

    Parameters
    ----------
    lake : Lake
        Whose rules.
    now : datetime, optional
        The moment at which it is asked.

    Yields
    ------
    Proposal
        Each, done when it is given; where it was not, ``kept_because`` says why.
    """
    book = PriceBook.from_table(lake.settings.prices)
    for proposal in list(proposals(lake, now)):
        reason = proposal.kept_because or _why_not(lake, proposal, book)
        if not reason and proposal.rule.do == "tier":
            move(lake, proposal, book)
        elif not reason:
            expire(lake, proposal)
        yield replace(proposal, kept_because=reason)


def _why_not(lake: Lake, proposal: Proposal, book: PriceBook) -> str:
    if proposal.rule.do == "tier":
        return tiering.why_not(lake, proposal.rule.tier, book)
    asset = lake[f"{proposal.name}@{proposal.version}"]
    missing = _recipe(lake, asset).missing
    return "; ".join(f"{what}: {why}" for what, why in missing.items())


def _recipe(lake: Lake, asset: Asset) -> Recipe:
    """Return what making an asset again takes; inputs that expired can be made again themselves."""
    recipe = Recipe(lake, maker(lake, asset))
    recipe.look(quick=True)
    for one in recipe.manifests:
        if tombstones(lake.store, one):
            recipe.missing.pop(f"input {one.name}@{one.version}", None)
    return recipe


def recompute(
    lake: Lake, reference: str, *, here: bool = False, progress: Progress | None = None
) -> Run:
    """Make again what expired, and put it back: the very same version, byte for byte.

    What it was made from is made again first where that expired, too; of a version that only shares
    what expired, that which it shares with. Nothing is put back unless all of it is what its
    digests say.

    Parameters
    ----------
    lake : Lake
        Where.
    reference : str
        ``NAME`` or ``NAME@VERSION``.
    here : bool
        Use the packages that are installed here, not the recorded ones built apart.
    progress : Progress, optional
        Told of the stages.

    Returns
    -------
    Run
        The record.

    Raises
    ------
    InputError
        If it has not expired.
    UnobtainableError
        If something that it takes is not to be had any more.
    CorruptionError
        If other bytes came of it.
    """
    asset = lake[reference]
    stone = next(iter(tombstones(lake.store, asset.manifest)), None)
    if stone is None:
        raise InputError(f"making {reference!r} again: it has not expired")
    if stone.of != f"{asset.name}@{asset.version}":
        return recompute(lake, stone.of, here=here, progress=progress)
    said = {"at": datetime.now(UTC).isoformat()}
    attempt = Attempt.at(RECOMPUTE, said, {asset.name: asset.version})
    for one in Recipe(lake, maker(lake, asset)).manifests:
        while tombstones(lake.store, one):
            recompute(lake, f"{one.name}@{one.version}", here=here, progress=progress)
    recipe = _recipe(lake, asset)
    if recipe.missing:
        raise UnobtainableError(
            f"making {asset.name}@{asset.version} again: it is no longer obtainable",
            missing=recipe.missing,
        )
    with repetition(recipe, asset, here=here, progress=progress) as again:
        _put_back(lake, asset, again)
    run = attempt.record(lake.store)
    lake.learn([run])
    lake.audit.record("recompute", LOCAL, f"{asset.name}@{asset.version}")
    return run


def _put_back(lake: Lake, asset: Asset, again: Repetition) -> None:
    if again.asset is None:
        raise PanneuroError(f"making {asset.name}@{asset.version} again: it failed: {again.error}")
    made = again.folder / again.asset.manifest.prefix
    wanted = [file for file in asset.files if not file.key]
    for file in wanted:
        path = made / file.path
        if not path.is_file() or digest_file(path) != file.digest:
            raise CorruptionError(
                f"making {asset.name}@{asset.version} again: {file.path!r} came out as other bytes",
                hint="nothing was put back; panneuro reproduce says what differs",
            )
    for file in wanted:
        lake.store.put_file(asset.manifest.key_of(file), made / file.path)
    make_durable(lake.store, [asset.manifest.key_of(file) for file in wanted])
    lake.store.delete(f"{asset.manifest.prefix}/{KEY}")
