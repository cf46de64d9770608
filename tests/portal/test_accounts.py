"""Costs and deeds, of what one may know."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from panneuro.access.costs import BY
from panneuro.access.lifecycle import Proposal, Rule
from panneuro.core.query import parse
from panneuro.lake.costing import Ledger
from panneuro.portal import accounts

HTML = {"accept": "text/html"}


def test_costs_add_up_whichever_way(client):
    totals = set()
    for by in BY:
        if by == "month":
            continue
        said = client.get(f"/cost?by={by}").json()
        rows = list(csv.DictReader(io.StringIO(client.get(f"/cost?by={by}&format=csv").text)))
        assert sum(Decimal(row["total"]) for row in rows) == Decimal(str(said["total"]))
        totals.add(Decimal(str(said["total"])))
        assert client.get(f"/cost?by={by}", headers=HTML).status_code == 200
    assert len(totals) == 1
    assert client.get("/cost?by=zorgon").status_code == 400


def test_the_lake_itself_is_no_asset(client):
    page = client.get("/cost?by=asset", headers=HTML).text
    assert "(the lake itself)" in page
    assert "/assets/%28the" not in page
    assert "pd.read_csv(" in page


def test_what_is_to_come_is_worked_out_once_a_minute_for_the_same_assets(client, monkeypatch):
    asked = []
    real = Ledger.forecast
    monkeypatch.setattr(accounts, "_FRESH_S", 1e9)
    monkeypatch.setattr(Ledger, "forecast", lambda self, n: asked.append(n) or real(self, n))
    pages = [client.get(f"/cost?by={by}", headers=HTML).text for by in ("project", "step")]
    assert len(asked) == 1
    assert all("The months to come" in page for page in pages)


def test_budgets_are_shown_to_who_owns_everything(shared):
    shared.lake.settings.budgets["total"] = 1000
    owner, ada = shared.person("owner@uni.edu"), shared.person("ada@uni.edu", "doe")
    assert "0.00 of 1000 USD this month" in owner.get("/cost", headers=HTML).text
    assert "of 1000" not in ada.get("/cost", headers=HTML).text


def test_rules_and_what_they_save_are_shown_to_who_owns_everything(shared):
    rules = [
        {"on": "project=gratings", "idle_days": 36_525, "do": "tier", "tier": "cold"},
        {"on": "kind=raw", "idle_days": 0, "do": "expire"},
    ]
    object.__setattr__(shared.lake.settings, "lifecycle", rules)
    owner, ada = shared.person("owner@uni.edu"), shared.person("ada@uni.edu", "doe")
    assert "kind=raw, when nobody asked for it in 0 days" in owner.get("/cost", headers=HTML).text
    first, second = owner.get("/cost/rules").json()["rules"]
    assert (first["versions"], first["kept"]) == (0, {})
    versions = sum(len(shared.lake.versions(name)) for name in shared.lake)
    assert (second["versions"], second["kept"]) == (0, {"it is a recording": versions})
    assert f"{versions}: it is a recording" in owner.get("/cost/rules", headers=HTML).text
    assert ada.get("/cost/rules").json()["rules"] == []
    assert "kind=raw" not in ada.get("/cost", headers=HTML).text
    assert "No rules" in ada.get("/cost/rules", headers=HTML).text


def test_what_rules_save_is_the_sum_of_what_they_propose(client, lake, monkeypatch):
    rule = Rule(parse("kind=raw"), 0, "tier", "cold")
    some = [Proposal(name, "1", rule, 10**12, Decimal("17.5")) for name in ("a", "b")]
    monkeypatch.setattr(accounts, "rules_of", lambda *_: (rule,))
    monkeypatch.setattr(accounts, "proposals", lambda _: iter(some))
    monkeypatch.setattr(accounts, "_FRESH_S", 1e-9)
    said = client.get("/cost/rules").json()
    assert (said["saved_per_month"], said["rules"][0]["versions"]) == ("35.00", 2)
    assert said["rules"][0]["stored_bytes"] == 2 * 10**12


def test_who_may_edit_nothing_is_told_of_no_cost(shared):
    assert shared.client.get("/cost?by=asset").json()["rows"] == []
    page = shared.client.get("/cost?by=project", headers=HTML)
    assert page.status_code == 200
    assert "secret" not in page.text


def test_owners_alone_read_the_audit(shared, name, described):
    shared.client.get(f"/assets/{described}")
    shared.client.get(f"/assets/{name}/files/{shared.lake[name].files[0].path}")
    owner = shared.person("owner@uni.edu")
    events = owner.get("/audit").json()["events"]
    assert {"refused", "download", "sign-in", "grant"} <= {event["what"] for event in events}
    found = owner.get("/audit?what=download").json()["events"]
    assert {event["on"] for event in found} == {name}
    assert "role editor" in owner.get("/audit?what=grant", headers=HTML).text
    assert shared.client.get("/audit").json()["events"] == []
    bob = shared.person("bob@uni.edu")
    assert bob.get("/audit").json()["events"] == []
    assert owner.get("/audit?since=never").status_code == 400
