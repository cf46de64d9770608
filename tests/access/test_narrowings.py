"""The narrowings that come with panneuro are policies like others', found as others' are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.access.policy import Policy
from panneuro.access.statements import Grant
from panneuro.core import plugins
from panneuro.core.entry import Entry
from panneuro.core.query import EVERYTHING
from panneuro.testing.policy import check_policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", plugins.names("panneuro.policies"))
def test_each_is_a_policy(name):
    check_policy(plugins.load("panneuro.policies", name))


@pytest.mark.parametrize(
    ("actor", "seen"),
    [(ANONYMOUS, 1), (Actor("link:review"), 1), (Actor("ada@uni.edu"), 2), (Actor("rig:two"), 2)],
)
def test_what_failed_is_kept_from_who_has_no_name(actor, seen):
    said = {"by": "local", "at": "2026-01-01", "role": "reader", "on": EVERYTHING}
    grants = [Grant(to=to, **said) for to in ("everyone", "link:review", "rig:two")]
    policy = Policy(grants, (plugins.load("panneuro.policies", "passed"),))
    both = [
        Entry(name, "1", "2026-01-01", f"sha256:{name}", {"quality": name})
        for name in ("fail", "pass")
    ]
    assert sum(policy.may(actor, "find", one, NOW) for one in both) == seen
