"""Having steps and pipelines run: first a plan of what would be, then the order, then its page."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, RedirectResponse, Response

from panneuro.core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    PanneuroError,
)
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.asking import RunAsked
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.offers import PIPELINE, STEP, Offer, find_offer, offers
from panneuro.portal.orders import Order, Progressed
from panneuro.portal.pages import Pages
from panneuro.portal.problems import problem_of
from panneuro.portal.runnable import Chosen, choose, hold, may_all, named, person_of
from panneuro.portal.supervising import Orders
from panneuro.portal.telling import (
    OrderGiven,
    PlanGiven,
    StepsGiven,
    is_shown,
    offered,
    order_given,
    planned,
)

_NOT_KEPT = {"cache-control": "no-store"}


class Starting:
    """Answers to those who have something run.

    Parameters
    ----------
    pages : Pages
        Where people look.
    lake : Lake
        Where it runs.
    orders : Orders
        What was asked before.
    """

    def __init__(self, pages: Pages, lake: Lake, orders: Orders) -> None:
        self._pages = pages
        self._lake = lake
        self._orders = orders

    def doors(self) -> list[Door]:
        """Return the doors."""
        order: dict[str, type[BaseModel] | None] = {"json": OrderGiven, "html": None}
        place = "/runs/orders/{order}"
        return [
            Door("/steps", self.steps, gives={"json": StepsGiven}),
            Door("/runs/plan", self.form, RunAsked, listed=False),
            Door("/runs/plan", self.plan, RunAsked, {"json": PlanGiven}, method="POST", status=200),
            Door("/runs", self.start, RunAsked, order, method="POST", status=202),
            Door(place, self.order, gives=order),
            Door(f"{place}/stop", self.stop, gives=order, method="POST", status=202),
            Door(f"{place}/retry", self.retry, gives=order, method="POST", status=202),
        ]

    def steps(self, _: Visit, __: Nothing) -> Response:
        """List the steps and pipelines that can be run here, with their parameters."""
        said: dict[str, list[dict[str, Any]]] = {STEP: [], PIPELINE: []}
        for offer in offers(self._lake):
            said[offer.kind].append(offered(offer))
        given = StepsGiven(steps=said[STEP], pipelines=said[PIPELINE])
        return JSONResponse(given.model_dump(), headers=_NOT_KEPT)

    def form(self, visit: Visit, asked: RunAsked) -> Response:
        """Show the form of a step or a pipeline, and what would be run."""
        values: dict[str, Any] = {"asked": asked, "chosen": None, "given": None, "fault": None}
        if not asked.name:
            return self._page(visit, "plan", offer=None, offers=offers(self._lake), **values)
        values["offer"] = offer = find_offer(self._lake, asked.kind, asked.name)
        status = 200
        if "on" in visit.request.query_params:
            try:
                values["chosen"] = chosen = self._chosen(visit.seen, offer, asked)
                values["given"] = planned(visit.seen, self._lake, chosen)
                self._hold(visit.seen, asked, chosen)
            except PanneuroError as error:
                values["fault"] = fault = problem_of(error)
                status = fault.status
        return self._page(visit, "plan", status, texts=asked.texts, **values)

    def _page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
        answer = self._pages.page(visit.request, template, status, **values)
        answer.headers.update(_NOT_KEPT)
        return answer

    def plan(self, visit: Visit, asked: RunAsked) -> Response:
        """Say what would be run on what a search finds, and what it would need: nothing is done.

        It takes who may run steps on the assets.
        """
        chosen = self._chosen(visit.seen, self._offer(asked), asked)
        given = planned(visit.seen, self._lake, chosen)
        return JSONResponse(given.model_dump(), headers=_NOT_KEPT)

    def start(self, visit: Visit, asked: RunAsked) -> Response:
        """Have a step or a pipeline run on what a search finds.

        It takes who may run steps on the assets, and add what is made. What runs goes on when
        nobody looks; how far it is, is told where the answer says.
        """
        return self._started(visit, asked, self._chosen(visit.seen, self._offer(asked), asked))

    def _offer(self, asked: RunAsked) -> Offer:
        if not asked.name:
            raise InputError("running: no step and no pipeline is named", hint="step=NAME")
        return find_offer(self._lake, asked.kind, asked.name)

    def _hold(self, seen: LakeFor, asked: RunAsked, chosen: Chosen) -> None:
        hold(self._lake, chosen.work.plans, asked.limits, person_of(seen))

    def _chosen(self, seen: LakeFor, offer: Offer, asked: RunAsked) -> Chosen:
        """Find and plan what is asked for.

        Raises
        ------
        NotAllowedError
            If who asks may run no steps on anything that they find.
        """
        on = seen.find(asked.on or offer.on).query
        chosen = choose(seen, self._lake, offer, on, asked.given)
        if chosen.not_theirs and not chosen.names:
            seen.need("run", chosen.not_theirs[0])
        return chosen

    def _started(self, visit: Visit, asked: RunAsked, chosen: Chosen, again: str = "") -> Response:
        seen, offer = visit.seen, chosen.offer
        if asked.plan not in ("", chosen.digest):
            raise ConflictError(
                f"running {offer.name!r}: what would be run is not what was planned any more",
                hint="look at the plan again",
            )
        if not chosen.admitted:
            raise _nothing(chosen)
        self._hold(seen, asked, chosen)
        order = Order(
            kind=offer.kind,
            name=offer.name,
            on=asked.on or offer.on,
            names=chosen.names,
            parameters=asked.parameters,
            seed=asked.seed,
            takes=asked.takes,
            label=asked.label,
            limits=asked.limits,
            plan=chosen.digest,
            by=seen.actor.principal,
            again=again,
        )
        begun = self._orders.start(order, seen.actor, len(chosen.work))
        return self._answer(visit, begun.id)

    def order(self, visit: Visit, _: Nothing) -> Response:
        """Show what was asked to be run, and how far it is."""
        order, progressed = self._seen(visit)
        given = order_given(visit.seen, self._lake, order, progressed)
        if visit.form("json", "html") == "json":
            return JSONResponse(given.model_dump(), headers=_NOT_KEPT)
        return self._page(
            visit,
            "order",
            order=given.model_dump(),
            outputs=progressed.outputs,
            line=RunAsked.of(order).line,
            may=may_all(visit.seen, self._lake, "run", order.names),
        )

    def stop(self, visit: Visit, _: Nothing) -> Response:
        """Stop what runs: what was committed stays, and nothing is half there."""
        order, _progressed = self._of(visit)
        self._orders.stop(order.id)
        return self._answer(visit, order.id)

    def retry(self, visit: Visit, _: Nothing) -> Response:
        """Run again what failed or was not run; what was done is not done again."""
        order, progressed = self._of(visit)
        if progressed.is_running:
            raise ConflictError(f"order {order.id!r} still runs", hint="stop it first")
        asked = RunAsked.of(order)
        offer = find_offer(self._lake, order.kind, order.name)
        chosen = choose(visit.seen, self._lake, offer, named(order.names), order.given)
        return self._started(visit, asked, chosen, again=order.id)

    def _of(self, visit: Visit) -> tuple[Order, Progressed]:
        """Return the order that is asked for, by who may run steps on all that it is run on."""
        order, progressed = self._seen(visit)
        if not may_all(visit.seen, self._lake, "run", order.names):
            raise NotAllowedError(
                f"{visit.seen.actor} may not run steps on all that order {order.id!r} is run on",
                hint="ask an owner of it for a grant",
            )
        return order, progressed

    def _seen(self, visit: Visit) -> tuple[Order, Progressed]:
        id_ = visit.part("order")
        order, progressed = self._orders.get(id_)
        if not is_shown(visit.seen, self._lake, order, progressed):
            raise NotFoundError(f"there is no order {id_[:80]!r}", hint="/runs")
        return order, progressed

    def _answer(self, visit: Visit, id_: str) -> Response:
        place = f"/runs/orders/{id_}"
        if visit.form("json", "html") == "html":
            return RedirectResponse(place, 303, _NOT_KEPT)
        given = order_given(visit.seen, self._lake, *self._orders.get(id_))
        return JSONResponse(given.model_dump(), 202, headers={**_NOT_KEPT, "location": place})


def _nothing(chosen: Chosen) -> Exception:
    """Return why there is nothing to run."""
    doing = f"running {chosen.offer.name!r}"
    if chosen.refused:
        one = chosen.refused[0]
        return NotAllowedError(f"{doing} for {one.name!r}: {one.why}", hint="ask an owner of it")
    plans = chosen.work.plans
    there = sum(len(plan.there) for plan in plans)
    why = next((f"{one.name!r}: {one.why}" for plan in plans for one in plan.skipped), "")
    found = f"it finds {len(chosen.names)} assets, of which {there} are done"
    return InputError(f"{doing}: nothing is to be run: {why or found}", hint="another search")
