"""What visitors are told of what can be run, would be run, and runs: as far as they may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from panneuro.compute.planning import Plan
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.offers import PIPELINE, Offer
from panneuro.portal.orders import Order, Progressed
from panneuro.portal.runnable import Chosen, may_all
from panneuro.portal.seeing import is_visible
from panneuro.portal.supervising import Orders

_SHOWN = 200
_LATEST = 10
_INNER = ("by", "log")
"""What only they are told who may edit the assets."""


class PlanGiven(BaseModel):
    """What would be run, and what it would need."""

    model_config = ConfigDict(extra="allow")

    plan: str = Field(description="digest of it")
    names: list[str] = Field(description="assets that it would be run on")
    not_theirs: list[str] = Field(description="assets found that one may not run steps on")
    would_run: list[dict[str, Any]]
    there: list[str] = Field(description="made before")
    skipped: list[dict[str, str]] = Field(description="what cannot be taken, or not be made, why")
    waiting: dict[str, int] = Field(description="runs that may follow, by stage")
    projected: list[dict[str, Any]] = Field(description="what is needed, by stage")


class OrderGiven(BaseModel):
    """What was asked to be run, and how far it is."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str
    name: str
    status: str = Field(description="running, done, failed, stopped or interrupted")
    names: list[str] = Field(description="assets that it is run on")
    left: int = Field(description="runs that are still to be done, as far as they are known")
    failed: int = Field(description="runs that failed")
    runs: list[dict[str, Any]] = Field(description="those that ended")


class StepsGiven(BaseModel):
    """What can be run here."""

    steps: list[dict[str, Any]]
    pipelines: list[dict[str, Any]]


def is_shown(seen: LakeFor, lake: Lake, order: Order, progressed: Progressed) -> bool:
    """Tell whether every asset that an order takes or made is there for an actor."""
    return may_all(seen, lake, "find", [*order.names, *progressed.outputs])


def order_given(seen: LakeFor, lake: Lake, order: Order, progressed: Progressed) -> OrderGiven:
    """Return what an actor is told of an order."""
    said: dict[str, Any] = {**vars(order), **vars(progressed), "names": list(order.names)}
    said |= {"limits": asdict(order.limits), "failed": progressed.failed}
    said["cost"] = str(sum(Decimal(run["cost"]) for run in progressed.runs if run["cost"]))
    if not (seen.actor.is_local or may_all(seen, lake, "edit", order.names)):
        said = {name: value for name, value in said.items() if name not in _INNER}
        said["runs"] = [
            {**run, "cost": "", "error": shown_error(run["error"])} for run in progressed.runs
        ]
        said["cost"] = ""
    return OrderGiven.model_validate(said)


def shown_error(error: Mapping[str, str]) -> dict[str, str]:
    """Return what everybody is told of an error: not where on the server it was raised."""
    return {name: text for name, text in error.items() if name != "hint"}


def latest(seen: LakeFor, lake: Lake, orders: Orders) -> list[OrderGiven]:
    """Return the latest orders that an actor may see, those that run before all others."""
    shown: list[OrderGiven] = []
    for order, progressed in orders.newest():
        if is_shown(seen, lake, order, progressed):
            shown.append(order_given(seen, lake, order, progressed))
        if len(shown) == _LATEST:
            break
    return sorted(shown, key=lambda one: one.status != "running")


def offered(offer: Offer) -> dict[str, Any]:
    """Return what can be asked for, as JSON values."""
    said: dict[str, Any] = {"name": offer.name, "about": offer.about}
    if offer.kind == PIPELINE:
        return {**said, "on": offer.on, "steps": [stage.label for stage in offer.stages]}
    step = offer.stages[0].step
    return {**said, "takes": step.takes, "gives": [*step.gives], "parameters": step.parameters}


def planned(seen: LakeFor, lake: Lake, chosen: Chosen) -> PlanGiven:
    """Return what an actor is told of what would be run."""
    plans = chosen.work.plans
    there = seen.only(name for plan in plans for name in plan.there)
    skipped = [*chosen.refused, *(one for plan in plans for one in plan.skipped)]
    why = {name: said for plan in plans for name, said in plan.reasons.items() if said}
    shown = {name for name in list(why)[:_SHOWN] if _may_be_told(seen, lake, name)}
    return PlanGiven(
        plan=chosen.digest,
        names=list(chosen.names),
        not_theirs=list(chosen.not_theirs),
        would_run=[
            {
                "name": task.name,
                "step": task.run.step,
                "key": task.run.key,
                "why": list(why[task.name]) if task.name in shown else [],
            }
            for task in chosen.admitted
        ],
        there=sorted(there),
        skipped=[{"name": one.name, "why": one.why} for one in skipped],
        waiting=dict(chosen.work.waiting),
        projected=[_projected(plan) for plan in plans if plan.tasks],
    )


def _may_be_told(seen: LakeFor, lake: Lake, name: str) -> bool:
    """Tell whether an actor may know how an asset of some name was made last."""
    made = lake.runs.making(name)
    return bool(made) and is_visible(seen, made[0])


def _projected(plan: Plan) -> dict[str, Any]:
    projected = plan.projected
    cost = None if projected.cost is None else str(projected.cost)
    return {"step": plan.step.name, **vars(projected), "cost": cost}
