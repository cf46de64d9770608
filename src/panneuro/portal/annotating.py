"""Judging the quality of assets: pass, fail or pending, by whom, when and why; nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from panneuro.lake.asset import Asset
from panneuro.lake.runs import user
from panneuro.portal.doors import Door, Visit
from panneuro.portal.pages import segment

_NOT_KEPT = {"cache-control": "no-store"}


class JudgementAsked(BaseModel):
    """What is judged, and how."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=200, description="what is judged: drift, sorting")
    status: str = Field(pattern="^(pass|fail|pending)$", description="pass, fail or pending")
    reason: str = Field("", max_length=2_000, description="why")


class JudgementGiven(BaseModel):
    """The version of an asset that has the judgement."""

    name: str
    version: str
    evaluation: dict[str, Any]


def doors() -> list[Door]:
    """Return the one door."""
    gives = {"json": JudgementGiven, "html": None}
    return [Door("/assets/{name}/quality", judge, JudgementAsked, gives, method="POST")]


def judge(visit: Visit, asked: JudgementAsked) -> Response:
    """Judge the quality of an asset: a new version, with all earlier judgements.

    It takes who may edit the asset.
    """
    actor = visit.seen.actor
    said: dict[str, Any] = {
        "status": asked.status,
        "author": user() if actor.is_local else actor.principal.partition(":")[2],
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if asked.reason:
        said["reason"] = asked.reason
    asset = visit.asset()
    evaluation = {"name": asked.name, "history": [*_earlier(asset, asked.name), said]}
    added = visit.seen.describe(asset.name, {"quality": {"evaluations": [evaluation]}})
    if visit.form("json", "html") == "html":
        return RedirectResponse(f"/assets/{segment(asset.name)}#quality", 303, _NOT_KEPT)
    given = JudgementGiven(name=asset.name, version=added.manifest.version, evaluation=evaluation)
    return JSONResponse(given.model_dump(), 201, headers=_NOT_KEPT)


def _earlier(asset: Asset, name: str) -> list[dict[str, Any]]:
    for evaluation in asset.documents.quality.evaluations:
        if evaluation.name == name:
            history = evaluation.history
            return [one.model_dump(mode="json", exclude_none=True) for one in history]
    return []
