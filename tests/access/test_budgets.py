"""A budget warns, then stops; and a wrong line in the settings is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.budgets import Budget, budgets_of, standings
from panneuro.access.costs import Used
from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError

HOUR = 3600 * 10**6
BOOK = PriceBook.from_table({"core_hour": 1})


def test_spending_counts_in_every_budget_that_covers_it():
    table = {"total": 10, "project:retina": {"per_month": "2", "warn_at": 0.5}, "person:ada": 5}
    used = [
        Used("compute", HOUR, project="retina", person="ada"),
        Used("compute", 3 * HOUR, project="cortex", person="ada"),
    ]
    found = {one.budget.scope: (one.spent, one.state) for one in
             standings(budgets_of(table), used, BOOK)}  # fmt: skip
    assert found == {"total": (4, "fine"), "project:retina": (1, "warn"), "person:ada": (4, "warn")}


@given(st.decimals(0, 1000, places=2), st.decimals(0, 1, places=2), st.decimals(0, 2000, places=2))
def test_states_follow_one_another(per_month, warn_at, spent):
    budget = Budget("total", per_month, warn_at)
    order = ["fine", "warn", "spent"]
    assert order.index(budget.state(spent)) <= order.index(budget.state(spent + 1))
    assert budget.state(per_month) == "spent"


@pytest.mark.parametrize(
    "table",
    [
        {"everything": 5}, {"project": 5}, {"project:": 5}, {":x": 5}, {"colour:red": 5},
        {"total": -1}, {"total": "much"}, {"total": True}, {"total": None}, {"total": float("nan")},
        {"total": {"warn_at": 0.5}}, {"total": {"per_month": 5, "warn_at": 1.5}},
        {"total": {"per_month": 5, "alarm": 1}}, {"total": []}, {"total": "1e99"},
    ],
)  # fmt: skip
def test_what_is_no_budget_is_told(table):
    with pytest.raises(InputError, match="reading budgets"):
        budgets_of(table)
