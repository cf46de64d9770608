"""What it costs, will cost, and may cost."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import panneuro
from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.access.costs import BY
from panneuro.core.entry import Entry
from panneuro.core.errors import BudgetExceededError, InputError
from panneuro.core.run import Run
from panneuro.lake import costing, granting
from panneuro.lake.tombstones import EXPIRE
from panneuro.storage.stores import open_store

NOW = datetime.now(UTC)
FIRST = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
TERABYTE = 10**12
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _listed_each_time(monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 0.0)


def lake_of(**tables):
    place = f"memory://{uuid.uuid4()}"
    lines = ["layout = 1", 'id = "x"']
    for name, table in tables.items():
        lines += [f"[{name}]", *(f'"{key}" = {value}' for key, value in table.items())]
    open_store(place).put("lake.toml", "\n".join(lines).encode())
    return panneuro.open(place)


def entry(name, project, n_bytes, created):
    doc = {"stored_bytes": n_bytes, "stored_objects": 10, "source_bytes": 2 * n_bytes}
    fields = {"project": project} if project else {}
    return Entry(name, "1", created.isoformat(), f"sha256:{name}", fields, doc=doc)


@pytest.fixture
def priced():
    """Return a lake with round prices, two projects and three runs."""
    lake = lake_of(prices={"standard": 20, "core_hour": 1, "thousand_writes": 0})
    then = FIRST - timedelta(days=100)
    lake.catalog.index(
        [entry("s1", "retina", TERABYTE, then), entry("s2", "cortex", 2 * TERABYTE, then)]
    )
    ended = FIRST.isoformat()
    lake.learn(
        [
            Run(
                "a" * 64,
                "sort",
                {},
                {},
                {"s1": "1"},
                ended=ended,
                core_seconds=10 * HOUR,
                user="ada",
            ),
            Run(
                "b" * 64,
                "tune",
                {},
                {},
                {"s2": "1"},
                ended=ended,
                core_seconds=1 * HOUR,
                user="ben",
            ),
            Run("c" * 64, "tune", {}, {}, {"s2": "1"}, ended="2020-01-01", core_seconds=HOUR),
        ]
    )
    return lake


def test_costs_are_put_together_by_anything_and_always_add_up(priced):
    totals = {by: priced.cost(by, since=FIRST, until=NOW).total for by in BY}
    assert len(set(totals.values())) == 1
    by_project = priced.cost("project", since=FIRST, until=NOW)
    assert {row.names for row in by_project.rows} >= {("retina",), ("cortex",)}
    assert by_project.row("retina").amounts["compute"] == 10
    person = priced.cost("person", since=FIRST, until=NOW)
    assert person.row("ada").amounts["compute"] == 10
    assert priced.cost("step", since=FIRST, until=NOW).row("tune").amounts["compute"] == 1
    assert priced.cost("run", since=FIRST, until=NOW).row("a" * 64).amounts["compute"] == 10


SPENT = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2", "gone"]),
        st.sampled_from(["ada", "ben"]),
        st.floats(0, 1e6),
        st.integers(0, 4),
        st.integers(0, 10**13),
    ),
    max_size=8,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SPENT)
def test_whatever_is_spent_adds_up_whichever_way_to_the_cent(spent):
    lake = lake_of(prices={"standard": 21.37, "core_hour": 0.0425, "gpu_hour": 1.006})
    then = FIRST - timedelta(days=100)
    lake.catalog.index([entry("s1", "retina", 10**11, then), entry("s2", "", 10**12, then)])
    for at, (name, person, seconds, gpus, n_bytes) in enumerate(spent):
        used = {"core_seconds": seconds, "gpus": gpus, "gpu_seconds": gpus * seconds / 2}
        said = {"ended": FIRST.isoformat(), "user": person, **used}
        lake.learn([Run(f"{at:064x}", "sort", {}, {"source": {name: "1"}}, **said)])
        lake.audit.record("download", Actor(f"{person}@uni.edu"), name, n_bytes=n_bytes)
    lake.audit.flush()
    period = {"since": FIRST, "until": datetime.now(UTC)}
    whole = lake.cost("kind", **period)
    for by in BY:
        costs, within = lake.cost(by, **period), lake.cost((by, "asset"), **period)
        assert costs.total == whole.total == sum(row.total for row in costs.rows)
        for row in costs.rows:
            parts = [one.total for one in within.rows if one.names[0] == row.names[0]]
            assert sum(parts) == row.total
    gpu = sum(Decimal(str(gpus * seconds / 2)) for _, _, seconds, gpus, _ in spent)
    assert abs(whole.row("gpu").total - gpu * Decimal("1.006") / 3600) <= Decimal("0.01")


def test_a_whole_month_of_storage_costs_what_the_tier_says(priced):
    previous = (FIRST - timedelta(days=1)).replace(day=1)
    costs = priced.cost(since=previous, until=FIRST)
    assert costs.row("retina").amounts["storage"] == 20
    assert costs.row("cortex").amounts["storage"] == 40


def test_it_is_this_month_where_not_said_and_all_of_them_by_month(priced):
    assert priced.cost("asset").row("s1").amounts["compute"] == 10
    by_month = priced.cost("month")
    assert by_month.row("2020-01").amounts["compute"] == by_month.row("2020-01").total == 1
    held = [row for row in by_month.rows if "storage" in row.amounts]
    assert {row.names[0] for row in held} >= {
        f"{FIRST - timedelta(days=days):%Y-%m}" for days in (1, 40)
    }
    with pytest.raises(InputError, match="no zone"):
        priced.cost(since=datetime(2026, 1, 1))  # noqa: DTZ001


def test_what_expired_was_paid_for_until_then(priced):
    gone = FIRST - timedelta(days=40)
    taken = {"source": {"s1": "1", "s2": "1"}}
    priced.learn([Run("e" * 64, EXPIRE, {}, taken, ended=gone.isoformat(), user="ada")])
    young = lake_of(prices={"standard": 20})
    young.catalog.index([entry("s1", "retina", TERABYTE, FIRST - timedelta(days=100))])
    young.learn([Run("e" * 64, EXPIRE, {}, {"a": {"s1": "1"}}, ended=gone.isoformat())])
    for lake in (priced, young):
        paid = [row.names[0] for row in lake.cost("month").rows if row.amounts.get("storage")]
        assert f"{FIRST - timedelta(days=90):%Y-%m}" in paid
        assert f"{FIRST:%Y-%m}" not in paid
        assert lake.ledger.saved_per_year() == 0


def test_a_lake_with_nothing_costs_nothing():
    lake = lake_of()
    assert lake.cost("month").total == lake.cost().total == 0
    assert all(month.total == 0 for month in lake.ledger.forecast(3))
    assert lake.ledger.budgets() == ()
    assert lake.ledger.saved_per_year() == 0


def test_compression_saves_what_it_keeps_out(priced):
    assert priced.ledger.saved_per_year() == 3 * 20 * 12


def test_the_forecast_goes_on_from_the_last_months(priced):
    first, second, *_ = priced.ledger.forecast(12)
    assert first.storage >= 60
    assert second.storage == first.storage
    months = [month.month for month in priced.ledger.forecast(12)]
    assert months == sorted(set(months))
    assert months[0] > f"{NOW:%Y-%m}"
    young = lake_of(prices={"standard": 20})
    young.catalog.index([entry("s1", "", TERABYTE, NOW)])
    assert [month.storage for month in young.ledger.forecast(2)] == [30, 50]


def test_a_budget_warns_and_then_stops():
    budgets = {"person:ada": "{per_month = 11, warn_at = 0.5}", "project:retina": 1_000}
    lake = lake_of(prices={"core_hour": 1}, budgets=budgets)
    assert lake.ledger.check_budget(["retina"], "ada") == []
    lake.learn(
        [Run("a" * 64, "sort", {}, {}, ended=FIRST.isoformat(), core_seconds=8 * HOUR, user="ada")]
    )
    lake.__dict__.pop("ledger")
    (told,) = lake.ledger.check_budget(["retina"], "ada")
    assert told.startswith("8.00 of 11 USD for 'person:ada'")
    assert lake.ledger.check_budget(["retina"], "ben", expected=Decimal(100)) == []
    with pytest.raises(BudgetExceededError, match="it would bring what is spent to 11"):
        lake.ledger.check_budget(["retina"], "ada", expected=Decimal("3.5"))
    assert {one.budget.scope: one.state for one in lake.ledger.budgets()} == {
        "person:ada": "warn",
        "project:retina": "fine",
    }


def test_budgets_are_metered_once_a_minute(monkeypatch):
    lake = lake_of(budgets={"total": 5})
    lake.ledger.budgets()
    monkeypatch.setattr(costing, "used", None)
    lake.ledger.budgets()


def test_an_actor_sees_what_is_spent_on_what_they_edit(priced):
    ada = Actor("ada@uni.edu")
    priced.grant("ada@uni.edu", "editor", "project=retina")
    priced.grant("ada@uni.edu", "reader", "project=cortex")
    mine = priced.as_(ada).cost("project", since=FIRST, until=NOW)
    assert [row.names for row in mine.rows] == [("retina",)]
    assert mine.row("retina") == priced.cost("project", since=FIRST, until=NOW).row("retina")
    assert priced.as_(ANONYMOUS).cost("asset").total == 0


versions = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(["retina", "cortex", ""]), st.integers(0, 10**13)
    ),
    max_size=8,
)
histories = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcd"), max_size=3, unique=True),
        st.lists(st.sampled_from("abcd"), max_size=3, unique=True),
        st.integers(0, 10**5),
    ),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions, histories, st.sampled_from(["retina", "cortex"]))
def test_not_a_cent_is_seen_of_what_is_hidden(added, runs, project):
    lake = lake_of(prices={"standard": 21.37, "core_hour": 0.0425})
    for at, (name, pays, n_bytes) in enumerate(added):
        created = (FIRST - timedelta(days=80 - 20 * at)).isoformat()
        doc = {"stored_bytes": n_bytes, "stored_objects": 3, "source_bytes": n_bytes}
        fields = {"project": pays} if pays else {}
        lake.catalog.index([Entry(name, str(at), created, f"sha256:{at}", fields, doc=doc)])
    for at, (taken, made, spent) in enumerate(runs):
        inputs, outputs = {"source": dict.fromkeys(taken, "0")}, dict.fromkeys(made, "0")
        said = {"ended": FIRST.isoformat(), "core_seconds": spent, "user": f"{at}"}
        lake.learn([Run(f"{at:064x}", f"{at}", {}, inputs, outputs, **said)])
    lake.audit.record("download", Actor("ada@uni.edu"), "a", n_bytes=10**9)
    lake.audit.flush()
    lake.grant("ada@uni.edu", "editor", f"project={project}")
    period, ada = {"since": FIRST, "until": FIRST + timedelta(days=40)}, Actor("ada@uni.edu")
    last = {name: pays for name, pays, _ in added}
    seen = {name for name, pays in last.items() if pays == project}
    for step, person, run, name in _rows(lake.as_(ada), ("step", "person", "run", "asset"), period):
        assert name in seen
        touched = {*runs[int(step)][0], *runs[int(step)][1]} if step else set()
        assert seen >= touched
        assert bool(step) == bool(run)
        assert person in (step, "person:ada@uni.edu")
    by = ("asset", "project", "month", "kind")
    within, whole = (_rows(one, by, period) for one in (lake.as_(ada), lake))
    theirs = {
        names: amount for names, amount in whole.items() if names[0] in seen and names[1] == project
    }
    assert within.keys() == theirs.keys()
    assert all(abs(within[names] - amount) <= Decimal("0.01") for names, amount in theirs.items())


def _rows(lake, by, period):
    return {row.names: row.total for row in lake.cost(by, **period).rows}
