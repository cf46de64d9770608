"""Judgements of quality are kept, all of them, and found."""

from __future__ import annotations


def test_every_judgement_is_kept_with_who_when_and_why(shared, described):
    ada = shared.person("ada@uni.edu", "doe")
    headers = {"origin": shared.origin}
    for status, reason in (("pending", ""), ("fail", "it drifts <a lot>")):
        said = {"name": "drift", "status": status, "reason": reason}
        answer = ada.post(f"/assets/{described}/quality", json=said, headers=headers)
        assert answer.status_code == 201, answer.text
    other = {"name": "video", "status": "pass"}
    ada.post(f"/assets/{described}/quality", data=other, headers=headers)
    evaluations = shared.lake[described].documents.quality.evaluations
    assert [(one.name, one.status) for one in evaluations] == [("drift", "fail"), ("video", "pass")]
    history = evaluations[0].history
    assert [one.status for one in history] == ["pending", "fail"]
    assert {one.author.label for one in history} == {"ada@uni.edu"}
    assert shared.lake.find("quality=fail").names == [described]
    page = ada.get(f"/assets/{described}", headers={"accept": "text/html"}).text
    assert "it drifts &lt;a lot&gt;" in page


def test_who_may_not_edit_may_not_judge(shared, name, described):
    bob = shared.person("bob@uni.edu")
    headers = {"origin": shared.origin}
    said = {"name": "drift", "status": "pass"}
    assert bob.post(f"/assets/{name}/quality", json=said, headers=headers).status_code == 403
    assert bob.post(f"/assets/{described}/quality", json=said, headers=headers).status_code == 404
    nobody = shared.client.post(f"/assets/{name}/quality", json=said, headers=headers)
    assert nobody.status_code == 403
    odd = {"name": "drift", "status": "odd"}
    assert bob.post(f"/assets/{name}/quality", json=odd, headers=headers).status_code == 400
