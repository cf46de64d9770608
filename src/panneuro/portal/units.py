"""A unit: its page, and what is computed of it as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from panneuro.lake import curation
from panneuro.lake.curation import LABELS
from panneuro.portal.doors import ASK_AGAIN, Door, Visit
from panneuro.portal.lines import lines_of_asset
from panneuro.portal.notebooks import Notebooks
from panneuro.portal.pages import Pages
from panneuro.portal.portraits import Floats, Portrait, Portraits, choices_of
from panneuro.portal.signals import json_of, tag_of


class UnitAsked(BaseModel):
    """Around which intervals a unit's spikes are counted, and what tells these apart."""

    model_config = ConfigDict(extra="ignore")

    around: str = Field("", max_length=200, description="name of intervals: trials")
    by: str = Field("", max_length=200, description="their column that tells conditions apart")


class CurveGiven(BaseModel):
    """One condition of a histogram around events."""

    condition: str
    rate_hz: list[float | None]
    sem_hz: list[float | None]


class UnitGiven(BaseModel):
    """What is computed of a unit."""

    name: str
    version: str
    signal: str
    unit: str
    spikes: int
    rate_hz: float | None
    properties: dict[str, Any]
    lag_s: list[float]
    autocorrelogram: list[int]
    around: str
    by: str
    time_s: list[float]
    psth: list[CurveGiven]


class Units:
    """Answers for units.

    Parameters
    ----------
    pages : Pages
        Where people look.
    portraits : Portraits
        Of the units.
    notebooks : Notebooks
        To go on with.
    """

    def __init__(self, pages: Pages, portraits: Portraits, notebooks: Notebooks) -> None:
        self._pages = pages
        self._portraits = portraits
        self._notebooks = notebooks

    def doors(self) -> list[Door]:
        """Return the one door."""
        path = "/assets/{name}/signals/{signal}/units/{unit}"
        return [Door(path, self.unit, UnitAsked, {"json": UnitGiven, "html": None})]

    def unit(self, visit: Visit, asked: UnitAsked) -> Response:
        """Show a unit: its autocorrelogram, and its rate around what was shown, by condition."""
        asset = visit.data()
        portrait = self._portraits.of(
            asset, visit.part("signal"), visit.part("unit"), asked.around, asked.by
        )
        form = visit.form("json", "html")
        if form == "html":
            return self._page(visit, portrait)
        return visit.unless_known(tag_of(asset, visit, form), lambda: json_of(given(portrait)))

    def _page(self, visit: Visit, portrait: Portrait) -> Response:
        asset, signal = portrait.asset, portrait.signal
        ids, at = signal.ids.tolist(), portrait.at
        said = [
            one
            for one in curation.labels(asset)
            if (one.signal, one.unit) == (signal.name, str(portrait.unit))
        ]
        lines = lines_of_asset(visit.origin, portrait.reference, signal.name, portrait.unit)
        answer = self._pages.page(
            visit.request,
            "unit",
            portrait=portrait,
            reference=portrait.reference,
            before=ids[at - 1] if at else None,
            after=ids[at + 1] if at + 1 < len(ids) else None,
            choices=choices_of(asset),
            said=said[::-1],
            words=LABELS,
            edits=visit.is_editable(asset),
            lines=lines,
            notebooks=self._notebooks.links(
                asset=portrait.reference,
                signal=signal.name,
                unit=str(portrait.unit),
                numbered=isinstance(portrait.unit, int),
                around=portrait.around,
                by=portrait.by,
            ),
        )
        answer.headers["cache-control"] = ASK_AGAIN
        return answer


def given(portrait: Portrait) -> UnitGiven:
    """Return what is computed of a unit, as JSON has it."""
    lags, pairs = portrait.lags
    found = portrait.response
    return UnitGiven(
        name=portrait.asset.name,
        version=portrait.asset.version,
        signal=portrait.signal.name,
        unit=str(portrait.unit),
        spikes=portrait.spikes,
        rate_hz=portrait.rate_hz,
        properties=portrait.properties,
        lag_s=lags.tolist(),
        autocorrelogram=pairs.tolist(),
        around=portrait.around,
        by=portrait.by,
        time_s=found.time_s.tolist() if found else [],
        psth=[
            CurveGiven(
                condition=line.label,
                rate_hz=_finite(line.y),
                sem_hz=_finite(line.error if line.error is not None else line.y * np.nan),
            )
            for line in portrait.rates
        ],
    )


def _finite(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
