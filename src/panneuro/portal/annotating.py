"""Judging by hand: assets pass, fail or pending; units good, mua, noise or pending."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from panneuro.lake.curation import LABELS
from panneuro.lake.judging import VERDICTS
from panneuro.portal.doors import Door, Visit
from panneuro.portal.pages import segment
from panneuro.portal.signing import place_on_this_server

_NOT_KEPT = {"cache-control": "no-store"}
_WORDS = "|".join(dict.fromkeys((*VERDICTS, *LABELS)))


class JudgementAsked(BaseModel):
    """What is judged, and how."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    name: str = Field(
        min_length=1, max_length=200, description="what is judged: drift; for units, their signal"
    )
    status: str = Field(
        pattern=f"^({_WORDS})$",
        description="pass, fail or pending; of units good, mua, noise or pending",
    )
    reason: str = Field("", max_length=2_000, description="why")
    units: tuple[str, ...] = Field(
        (), max_length=5_000, description="ids of units that are labelled; none for the asset"
    )
    unit: tuple[str, ...] = Field(
        (), max_length=5_000, description="the same as NAME@VERSION/SIGNAL/UNIT, as pages send it"
    )
    to: str = Field("", max_length=1_000, description="page to go on with")


class JudgementGiven(BaseModel):
    """The version of an asset that has the judgement."""

    name: str
    version: str
    judged: str
    status: str
    units: list[str]


def doors() -> list[Door]:
    """Return the one door."""
    gives = {"json": JudgementGiven, "html": None}
    return [Door("/assets/{name}/quality", judge, JudgementAsked, gives, method="POST")]


def judge(visit: Visit, asked: JudgementAsked) -> Response:
    """Judge an asset, or label units: a new version, with all that was said earlier.

    It takes who may edit the asset. Named with the version that was looked at, ``NAME@VERSION``,
    it is refused (409) if others judged the same since.
    """
    reference = visit.part("name")
    units = [*asked.units, *(one.removeprefix(f"{reference}/{asked.name}/") for one in asked.unit)]
    added = visit.seen.judge(reference, asked.name, asked.status, units=units, why=asked.reason)
    manifest = added.manifest
    if visit.form("json", "html") == "html":
        page = f"/assets/{segment(manifest.name)}#{'units' if units else 'quality'}"
        place = place_on_this_server(asked.to) if asked.to else page
        return RedirectResponse(place, 303, _NOT_KEPT)
    given = JudgementGiven(
        name=manifest.name,
        version=manifest.version,
        judged=asked.name,
        status=asked.status,
        units=units,
    )
    return JSONResponse(given.model_dump(), 201, headers=_NOT_KEPT)
