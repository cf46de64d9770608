"""Who may do what with an asset, on its page."""

from __future__ import annotations

from datetime import timedelta

from panneuro.access.actors import Actor
from panneuro.portal.allowances import Allowances

HTML = {"accept": "text/html"}


def test_owners_are_told_of_every_statement_that_concerns_it(shared, name, described):
    shared.lake.access.grant("ben@else.edu", "reader", described, until="2999-01-01")
    shared.lake.access.link(described, timedelta(days=30))
    shared.lake.access.terms("project=secret", "Cite us", "please")
    owner = shared.lake.as_(Actor.person("owner@uni.edu"))
    known = [(one.what, one.whom, one.role) for one in Allowances.of(owner, described).known]
    assert ("grant", "person:ben@else.edu", "reader") in known
    assert ("grant", "group:doe", "editor") in known
    assert ("grant", "person:owner@uni.edu", "owner") in known
    assert ("terms", "Cite us", "") in known
    assert [what for what, _, _ in known].count("link") == 1
    assert not any(whom == "everyone" for _, whom, _ in known)
    page = shared.person("owner@uni.edu").get(f"/assets/{described}", headers=HTML).text
    assert "person:ben@else.edu as reader" in page
    assert 'until <time datetime="2999-01-01' in page


def test_others_are_told_of_themselves_alone(shared, name, described):
    ada = shared.person("ada@uni.edu", "doe").get(f"/assets/{described}", headers=HTML).text
    part = ada[ada.index('id="access"') :]
    assert "group:doe as editor" in part
    assert "owner@uni.edu" not in part
    public = shared.client.get(f"/assets/{name}", headers=HTML).text
    part = public[public.index('id="access"') :]
    assert "find</span>, <span" in part
    assert "owner@uni.edu" not in part
    assert "edit</span>" not in part
