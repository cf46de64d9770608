"""Spending: no run starts for which a budget has no money left."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from panneuro.lake.runs import user

if TYPE_CHECKING:
    from panneuro.compute.planning import Plan
    from panneuro.lake.lake import Lake


def hold_budgets(lake: Lake, plans: Iterable[Plan], person: str = "") -> None:
    """Refuse plans that a budget of ``lake.toml`` has no money for; warn where it is nearly spent.

    Parameters
    ----------
    lake : Lake
        Where they would run.
    plans : iterable of Plan
        What would be run.
    person : str
        Who asks for it; who we are where not given.

    Raises
    ------
    BudgetExceededError
        If a budget is spent, or would be; nothing is run.
    """
    if not lake.settings.budgets:
        return
    for plan in plans:
        names = {name for task in plan.tasks for name in task.run.input_names}
        found = (lake.index.get(name) for name in names)
        projects = {str(entry.fields.get("project", "")) for entry in found if entry}
        expected = plan.projected.cost or Decimal(0)
        if plan.tasks:
            who = person or user()
            told = lake.ledger.check_budget(sorted(projects), who, plan.step.name, expected)
            for text in told:
                warnings.warn(text, stacklevel=3)
