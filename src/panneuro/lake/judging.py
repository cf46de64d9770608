"""Judging: how good an asset or its units are, by whom, when and why; nothing said is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from panneuro.core.errors import ConflictError, InputError, NotFoundError
from panneuro.core.manifest import Manifest
from panneuro.lake import curation, describing
from panneuro.lake.adding import Added
from panneuro.lake.asset import Asset, parse_reference
from panneuro.lake.curation import LABELS, Label
from panneuro.lake.describing import Told
from panneuro.lake.runs import user

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

VERDICTS = ("pass", "fail", "pending")
"""How the quality of an asset is judged."""

STEP = "panneuro.judge"


@dataclass(frozen=True)
class Judgement:
    """What somebody says.

    Parameters
    ----------
    what : str
        What is judged: ``"drift"``; for units, the name of their signal.
    verdict : str
        One of `VERDICTS`; of `LABELS` for units.
    units : tuple of str
        Ids of the units that it is about; none where it is about the asset.
    why, by, at : str
        The reason, who says so, and when.
    """

    what: str
    verdict: str
    units: tuple[str, ...] = ()
    why: str = ""
    by: str = field(default_factory=user)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        words = LABELS if self.units else VERDICTS
        if self.verdict not in words:
            other = "units are " if not self.units else "an asset is "
            others = VERDICTS if self.units else LABELS
            raise InputError(
                f"judging {self.what!r}: {self.verdict!r} is none of {', '.join(words)}",
                hint=f"{other}{', '.join(others)}" if self.verdict in others else "",
            )
        if not self.what.strip():
            raise InputError("judging: it is not said what", hint="drift, sorting, units, …")

    @property
    def said(self) -> dict[str, Any]:
        """All of it, as the parameters of its run."""
        return {
            "what": self.what,
            "verdict": self.verdict,
            "units": list(self.units),
            "why": self.why,
            "by": self.by,
            "at": self.at,
        }


def judge(
    lake: Lake,
    reference: str,
    what: str,
    verdict: str,
    *,
    units: Iterable[object] = (),
    why: str = "",
    by: str = "",
    dry_run: bool = False,
    approve: Callable[[Manifest], object] = lambda _: None,
) -> Added:
    """Say how good an asset is, or label some of its units by hand: a new version with its run.

    Two who judge at once are both heard: whoever comes second builds on the first. Who names the
    version that they looked at is told instead, if others judged the same since.

    Parameters
    ----------
    lake : Lake
        Which.
    reference : str
        ``NAME``, or ``NAME@VERSION`` for what one has looked at.
    what : str
        What is judged: ``"drift"``; for units, the name of their signal: ``"units"``.
    verdict : str
        ``"pass"``, ``"fail"`` or ``"pending"``; for units ``"good"``, ``"mua"``, ``"noise"`` or
        ``"pending"``.
    units : iterable
        Ids of units that are labelled; none for the asset.
    why : str
        The reason.
    by : str
        Who says so; who runs this where not given.
    dry_run : bool
        Only say what would be.
    approve : callable
        Given the manifest of the new version before it is written; refuses it by raising.

    Raises
    ------
    InputError
        If the verdict is none.
    NotFoundError
        If there is no such asset or unit.
    ConflictError
        If others judged the same since the version that is named.

    Examples
    --------
    >>> from panneuro.lake.lake import open_lake
    >>> lake = open_lake("memory://example-judging", create=True)
    >>> judge(lake, "ecephys_m1", "drift", "odd")
    Traceback (most recent call last):
    panneuro.core.errors.InputError: judging 'drift': 'odd' is none of pass, fail, pending
    """
    name, version = parse_reference(reference)
    named = (units,) if isinstance(units, str) else units
    ids = tuple(dict.fromkeys(map(str, named)))
    judgement = Judgement(what, verdict, ids, why.strip(), by or user())
    told = Told(STEP, judgement.said, judgement.by, approve)
    seen = _standing(lake[reference], judgement) if version else None

    def add(asset: Asset) -> Added:
        if seen is not None:
            _tell_news(asset, judgement, seen)
        if ids:
            labels = _labels(asset, judgement)
            return describing.label(lake.store, asset, labels, told, dry_run=dry_run)
        said = {"quality": {"evaluations": [_evaluation(asset, judgement)]}}
        around = lake.surroundings()
        return describing.describe(lake.store, asset, said, around, dry_run=dry_run, told=told)

    return add(lake[name]) if dry_run else lake.follow(name, add)


def _evaluation(asset: Asset, judgement: Judgement) -> dict[str, Any]:
    """Return what is said of one question, with every answer that it was given before."""
    said = {"status": judgement.verdict, "author": judgement.by, "when": judgement.at}
    if judgement.why:
        said["reason"] = judgement.why
    earlier = [one.model_dump(mode="json", exclude_none=True) for one in _history(asset, judgement)]
    return {"name": judgement.what, "history": [*earlier, said]}


def _history(asset: Asset, judgement: Judgement) -> Sequence[Any]:
    for evaluation in asset.documents.quality.evaluations:
        if evaluation.name == judgement.what:
            return evaluation.history
    return ()


def _labels(asset: Asset, judgement: Judgement) -> list[Label]:
    """Return a label for each unit, all of which there have to be."""
    kinds = {said["name"]: said["kind"] for said in asset.manifest.signals}
    if kinds.get(judgement.what) != "events":
        raise NotFoundError(
            f"{asset.name!r} has no units {judgement.what!r}",
            hint="it has: " + (", ".join(n for n, k in kinds.items() if k == "events") or "none"),
        )
    known = set(map(str, asset.rows(judgement.what)["id"].to_pylist()))
    missing = [unit for unit in judgement.units if unit not in known]
    if missing:
        raise NotFoundError(
            f"the {judgement.what!r} of {asset.name!r} have no unit {missing[0]!r}",
            hint=f"panneuro get {asset.name} {judgement.what}   lists them",
        )
    return [
        Label(judgement.what, unit, judgement.verdict, judgement.why, judgement.by, judgement.at)
        for unit in judgement.units
    ]


def _standing(asset: Asset, judgement: Judgement) -> Sequence[Any]:
    """Return what was said before of what is judged, oldest first."""
    if not judgement.units:
        return _history(asset, judgement)
    units = set(judgement.units)
    return [
        one for one in curation.labels(asset) if one.signal == judgement.what and one.unit in units
    ]


def _tell_news(asset: Asset, judgement: Judgement, seen: Sequence[Any]) -> None:
    """Refuse to judge what others judged since one looked."""
    news = list(_standing(asset, judgement))[len(seen) :]
    others = [one for one in news if _author(one) != judgement.by]
    if others:
        last = others[-1]
        about = f"unit {last.unit}" if judgement.units else f"{judgement.what!r}"
        verdict = last.label if judgement.units else last.status
        raise ConflictError(
            f"judging {asset.name!r}: since you looked, {_author(last)} judged {about}: {verdict}",
            hint=f"look again, then judge {asset.name}@{asset.version}",
        )


def _author(one: Any) -> str:
    return one.by if isinstance(one, Label) else str(one.author.label) if one.author else ""
