"""Comparing: several assets, or several units of one or many, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from panneuro.core.errors import InputError, LimitError
from panneuro.lake.asset import Asset
from panneuro.portal.doors import ASK_AGAIN, Door, Visit
from panneuro.portal.lines import lines_of_several
from panneuro.portal.pages import Pages
from panneuro.portal.pictures import DRAWN
from panneuro.portal.portraits import Axes, Portrait, Portraits
from panneuro.portal.probes import Probe, probe_of
from panneuro.portal.said import flat, size_of
from panneuro.portal.signals import json_of
from panneuro.portal.units import UnitGiven, given

MOST = 8
"""As many are compared at once: more columns nobody reads."""


class CompareAsked(BaseModel):
    """What is compared."""

    model_config = ConfigDict(extra="ignore")

    asset: tuple[str, ...] = Field((), description="NAME or NAME@VERSION, several times")
    unit: tuple[str, ...] = Field((), description="NAME@VERSION/SIGNAL/UNIT, several times")
    around: str = Field("", max_length=200, description="name of intervals: trials")
    by: str = Field("", max_length=200, description="their column that tells conditions apart")


class ComparedGiven(BaseModel):
    """What is compared, and every row in which it differs."""

    names: list[str]
    differs: dict[str, list[str]]
    same: dict[str, str]
    units: list[UnitGiven] = []


@dataclass(frozen=True)
class Rows:
    """What is said of several things, in rows of one cell each.

    Parameters
    ----------
    differs : dict
        The rows that are not the same for all, by name.
    same : dict
        What is said of all alike.
    """

    differs: dict[str, list[str]]
    same: dict[str, str]

    @classmethod
    def of(cls, said: Sequence[dict[str, str]]) -> Rows:
        """Return the rows of what is said of each.

        Examples
        --------
        >>> Rows.of([{"sex": "male", "age": "P90D"}, {"sex": "female", "age": "P90D"}])
        Rows(differs={'sex': ['male', 'female']}, same={'age': 'P90D'})
        """
        names = list(dict.fromkeys(name for one in said for name in one))
        cells = {name: [one.get(name, "") for one in said] for name in names}
        same = {name: row[0] for name, row in cells.items() if len(set(row)) == 1}
        return cls({name: row for name, row in cells.items() if name not in same}, same)


@dataclass(frozen=True)
class Column:
    """One of the assets that are compared.

    Parameters
    ----------
    asset : Asset
        With its documents.
    reads : bool
        Whether its data may be seen.
    probe : Probe, optional
        Where its electrodes are.
    """

    asset: Asset
    reads: bool
    probe: Probe | None

    @property
    def reference(self) -> str:
        """With its version."""
        return f"{self.asset.name}@{self.asset.version}"

    @property
    def is_drawn(self) -> bool:
        """Whether any of its signals has a picture."""
        return any(said["kind"] in DRAWN for said in self.asset.manifest.signals)

    @property
    def title(self) -> str:
        """What it is called."""
        description = self.asset.documents.description
        return description.title or description.summary or self.asset.name


class Comparing:
    """Answers what differs.

    Parameters
    ----------
    pages : Pages
        Where people look.
    portraits : Portraits
        Of units.
    """

    def __init__(self, pages: Pages, portraits: Portraits) -> None:
        self._pages = pages
        self._portraits = portraits

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/compare", self.compare, CompareAsked, {"json": ComparedGiven, "html": None})]

    def compare(self, visit: Visit, asked: CompareAsked) -> Response:
        """Compare assets, or units: what is said of them, and what is measured.

        What is asked is the whole state: an address can be kept and sent on.
        """
        if asked.asset and asked.unit:
            raise InputError(
                "assets and units cannot be compared with each other", hint="?asset=… or ?unit=…"
            )
        if max(len(asked.asset), len(asked.unit)) > MOST:
            raise LimitError(
                f"{max(len(asked.asset), len(asked.unit))} are too many to be compared at once",
                hint=f"at most {MOST}",
            )
        query = visit.request.query_params
        if query.keys() - {*CompareAsked.model_fields, "format"}:
            # A form of checkboxes sends more than is compared.
            kept = [pair for pair in query.multi_items() if pair[0] in CompareAsked.model_fields]
            place = f"/compare?{urlencode(kept)}"
            return RedirectResponse(place, 303, {"cache-control": ASK_AGAIN})
        answer = self._units(visit, asked) if asked.unit else self._assets(visit, asked)
        answer.headers["cache-control"] = ASK_AGAIN
        answer.headers["vary"] = "Accept, Cookie, Authorization"
        return answer

    def _assets(self, visit: Visit, asked: CompareAsked) -> Response:
        columns = [_column(visit, one) for one in dict.fromkeys(asked.asset)]
        documents = Rows.of([_documents(one.asset) for one in columns])
        counts = Rows.of([_counts(one.asset) for one in columns])
        if visit.form("json", "html") == "json":
            return json_of(
                ComparedGiven(
                    names=[one.reference for one in columns],
                    differs=counts.differs | documents.differs,
                    same=counts.same | documents.same,
                )
            )
        return self._pages.page(
            visit.request,
            "compare",
            columns=columns,
            counts=counts,
            documents=documents,
            quality=Rows.of([_quality(one.asset) for one in columns]),
            lines=lines_of_several(visit.origin, [(one.reference, "", None) for one in columns]),
            most=MOST,
        )

    def _units(self, visit: Visit, asked: CompareAsked) -> Response:
        portraits = [self._portrait(visit, one, asked) for one in dict.fromkeys(asked.unit)]
        properties = Rows.of([_properties(one) for one in portraits])
        if visit.form("json", "html") == "json":
            return json_of(
                ComparedGiven(
                    names=[f"{one.reference}/{one.signal.name}/{one.unit}" for one in portraits],
                    differs=properties.differs,
                    same=properties.same,
                    units=[given(one) for one in portraits],
                )
            )
        wanted = [(one.reference, one.signal.name, one.unit) for one in portraits]
        return self._pages.page(
            visit.request,
            "compare_units",
            portraits=portraits,
            axes=Axes.of(portraits),
            properties=properties,
            lines=lines_of_several(visit.origin, wanted),
            is_one=len({one.reference for one in portraits}) == 1,
        )

    def _portrait(self, visit: Visit, text: str, asked: CompareAsked) -> Portrait:
        reference, _, rest = text.partition("/")
        signal, _, unit = rest.partition("/")
        if not signal or not unit:
            raise InputError(f"{text[:200]!r} names no unit", hint="NAME@VERSION/SIGNAL/UNIT")
        asset = visit.data_of(reference)
        return self._portraits.of(asset, signal, unit, asked.around, asked.by)


def _column(visit: Visit, reference: str) -> Column:
    asset = visit.seen.asset(reference)
    reads = visit.seen.may("read", reference)
    return Column(asset, reads, probe_of(asset) if reads else None)


def _documents(asset: Asset) -> dict[str, str]:
    return {
        name: text
        for name, text in flat(asset.manifest.documents)
        if not name.startswith("quality.")
    }


def _counts(asset: Asset) -> dict[str, str]:
    return {said["name"]: size_of(said) for said in asset.manifest.signals}


def _quality(asset: Asset) -> dict[str, str]:
    return {one.name: one.status for one in asset.documents.quality.evaluations}


def _properties(portrait: Portrait) -> dict[str, str]:
    said: dict[str, Any] = {
        "spikes": portrait.spikes,
        "rate (Hz)": portrait.rate_hz,
        **portrait.properties,
    }
    return {name: _text(value) for name, value in said.items() if value is not None}


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
