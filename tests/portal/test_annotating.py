"""Judgements of quality and labels of units are kept, all of them, and found."""

from __future__ import annotations

import pytest

HTML = {"accept": "text/html"}


@pytest.fixture
def ada(shared):
    client = shared.person("ada@uni.edu", "doe")
    client.headers["origin"] = shared.origin
    return client


def test_every_judgement_is_kept_with_who_when_and_why(shared, ada, described):
    for status, reason in (("pending", ""), ("fail", "it drifts <a lot>")):
        said = {"name": "drift", "status": status, "reason": reason}
        answer = ada.post(f"/assets/{described}/quality", json=said)
        assert answer.status_code == 201, answer.text
    ada.post(f"/assets/{described}/quality", data={"name": "video", "status": "pass"})
    evaluations = shared.lake[described].documents.quality.evaluations
    assert [(one.name, one.status) for one in evaluations] == [("drift", "fail"), ("video", "pass")]
    history = evaluations[0].history
    assert [one.status for one in history] == ["pending", "fail"]
    assert {one.author.label for one in history} == {"ada@uni.edu"}
    assert shared.lake.find("quality=fail").names == [described]
    page = ada.get(f"/assets/{described}", headers=HTML).text
    assert "it drifts &lt;a lot&gt;" in page


def test_units_are_labelled_one_or_many_at_a_time(shared, ada, described):
    reference = f"{described}@{shared.lake[described].version}"
    chosen = [f"{reference}/units/{unit}" for unit in (100, 101)]
    said = {"name": "units", "status": "good", "unit": chosen, "reason": "clear <shape>"}
    page = ada.post(f"/assets/{reference}/quality", data=said, headers=HTML)
    assert page.status_code == 200
    assert "2 good" in page.text
    one = {"name": "units", "status": "mua", "units": ["101"]}
    answer = ada.post(f"/assets/{described}/quality", json=one)
    assert answer.json()["units"] == ["101"]
    frame = shared.lake[described].units.table.df
    assert frame["curation"].tolist()[:2] == ["good", "mua"]
    unit = ada.get(f"/assets/{described}/signals/units/units/101", headers=HTML).text
    assert unit.index("mua</span></td><td>ada@uni.edu") < unit.index("clear &lt;shape&gt;")
    shared.lake.refresh()
    (run,) = shared.lake.runs.making(described, answer.json()["version"])
    assert (run.step, run.user) == ("panneuro.judge", "ada@uni.edu")


def test_who_looked_before_another_judged_is_told_and_nothing_is_lost(shared, ada, described):
    bob = shared.person("bob@uni.edu", "doe")
    seen = f"{described}@{shared.lake[described].version}"
    for said in (
        {"name": "units", "status": "noise", "units": ["100"]},
        {"name": "drift", "status": "fail"},
    ):
        assert ada.post(f"/assets/{seen}/quality", json=said).status_code == 201
        other = {**said, "status": "pending"}
        told = bob.post(f"/assets/{seen}/quality", json=other, headers={"origin": shared.origin})
        assert told.status_code == 409
        assert "ada@uni.edu judged" in told.json()["detail"]
        assert seen.partition("@")[0] in told.json()["hint"]
    assert shared.lake[described].units.table["curation"].tolist()[0] == "noise"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"name": "drift", "status": "odd"}, 400),
        ({"name": "drift", "status": "good"}, 400),
        ({"name": "units", "status": "pass", "units": ["100"]}, 400),
        ({"name": "units", "status": "good", "units": ["999"]}, 404),
        ({"name": "", "status": "pass"}, 400),
        ({"name": "units", "status": "good", "unit": ["another/units/100"]}, 404),
    ],
)
def test_what_cannot_be_judged_is_told(ada, described, said, status):
    assert ada.post(f"/assets/{described}/quality", json=said).status_code == status


def test_who_may_not_edit_may_not_judge(shared, name, described):
    bob = shared.person("bob@uni.edu")
    headers = {"origin": shared.origin}
    for said in (
        {"name": "drift", "status": "pass"},
        {"name": "units", "status": "good", "units": ["100"]},
    ):
        assert bob.post(f"/assets/{name}/quality", json=said, headers=headers).status_code == 403
        hidden = bob.post(f"/assets/{described}/quality", json=said, headers=headers)
        assert hidden.status_code == 404
        nobody = shared.client.post(f"/assets/{name}/quality", json=said, headers=headers)
        assert nobody.status_code == 401
    page = bob.get(f"/assets/{name}/signals/units/units/101", headers=HTML).text
    assert 'value="noise"' not in page
