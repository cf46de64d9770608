"""Whoever asks has one name, and nobody has one that only looks like another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.actors import ANONYMOUS, LOCAL, Actor, principal
from panneuro.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ada@uni.edu", "person:ada@uni.edu"),
        ("person:ADA@Uni.Edu", "person:ada@uni.edu"),
        ("lab:Smith", "lab:smith"),
        ("rig:rig-2", "rig:rig-2"),
        ("person:auth0|5f2", "person:auth0|5f2"),
        ("everyone", "everyone"),
    ],
)
def test_a_name_is_written_in_one_way(text, written):
    assert principal(text) == written == principal(written)


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "person:", "person:a b", "person:аda@uni.edu", "person:ada@uni.edu\n", "K:x",
        "person:local:", "everyone:x", "lab:smith\u200b", "person:ａda", "person:-x",
        "person:" + "a" * 300, "person:../../x\x00", "role:owner", "İ@x", "person:ſmith",
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(text):
    with pytest.raises(InputError):
        principal(text)


@given(st.text())
def test_a_name_is_ascii_whatever_was_typed(text):
    try:
        named = principal(text)
    except InputError:
        return
    assert named.isascii()
    assert named == principal(named) == named.lower()


def test_a_letter_that_looks_like_another_is_told():
    with pytest.raises(InputError, match="CYRILLIC SMALL LETTER A"):
        principal("person:аda@uni.edu")


def test_nobody_signs_in_as_who_holds_the_store():
    assert not Actor.person("local").is_local
    assert LOCAL.is_local
    assert not ANONYMOUS.is_local
    with pytest.raises(InputError):
        Actor.person("lab:smith")
    with pytest.raises(InputError, match="belong"):
        Actor.person("ada", memberships=["person:ben"])
