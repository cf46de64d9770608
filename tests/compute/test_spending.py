"""A budget that is spent stops new runs, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from panneuro.compute.flow import up
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.running import run
from panneuro.core.errors import BudgetExceededError
from panneuro.core.run import Run
from panneuro.lake.runs import user


def budget(lake, **budgets):
    lake.settings = replace(lake.settings, budgets=budgets, prices={"core_hour": 1})
    lake.__dict__.pop("ledger", None)


@pytest.fixture
def busy(lake):
    """Return a lake in which we have computed for ten hours this month."""
    ended = datetime.now(UTC).isoformat()
    lake.learn([Run("a" * 64, "sort", {}, {}, ended=ended, core_seconds=36_000.0, user=user())])
    return lake


@pytest.mark.parametrize("scope", ["total", f"person:{user()}"])
def test_what_is_spent_stops_runs(busy, steps, scope):
    budget(busy, **{scope: 5})
    with pytest.raises(BudgetExceededError, match="starting a run"):
        run(busy, f"{steps}:rates", on="has:units")
    assert not busy.find("kind=derived").names


def test_what_is_nearly_spent_is_told_and_runs(busy, steps):
    budget(busy, total=12)
    with pytest.warns(UserWarning, match="of 12 USD for 'total' this month"):
        ran = run(busy, f"{steps}:rates", on="has:units")
    assert len(ran.done) == 3
    assert not run(busy, f"{steps}:rates", on="has:units").runs


def test_other_peoples_budgets_stop_nobody(busy, steps):
    budget(busy, **{"project:else": 0, "person:nobody": 0, "step:sort": 0})
    assert len(run(busy, f"{steps}:rates", on="subject=m1 has:units").done) == 1


def test_a_pipeline_is_stopped_too(busy, steps):
    budget(busy, total=5)
    pipeline = Pipeline("rates", on="has:units", steps=[f"{steps}:rates"])
    with pytest.raises(BudgetExceededError):
        up(busy, pipeline)
