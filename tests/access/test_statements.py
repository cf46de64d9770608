"""Statements are what they say, named by it, and wholly understood or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.statements import (
    Acceptance,
    Embargo,
    Grant,
    Key,
    Membership,
    Revocation,
    Terms,
    decode,
)
from panneuro.core.errors import CorruptionError, InputError
from panneuro.core.query import any_of, parse
from panneuro.testing.policy import policies

SAID = {"by": "local", "at": "2026-01-01T00:00:00+00:00"}
ALL = parse("")
ID = "0" * 64
DAY = "2026-02-01"


@given(policies())
def test_a_statement_is_read_as_it_was_written(policy):
    for statement in policy.statements:
        again = decode(statement.encode())
        assert again == statement
        assert again.id == statement.id


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grant(to="everyone", role="editor", on=ALL, **SAID),
        lambda: Grant(to="ada", role="root", on=ALL, **SAID),
        lambda: Grant(to="nobody:x", role="reader", on=ALL, **SAID),
        lambda: Grant(to="ada", role="reader", on=ALL, start=DAY, until=DAY, **SAID),
        lambda: Grant(to="ada", role="reader", on=ALL, until="tomorrow", **SAID),
        lambda: Grant(to="ada", role="reader", on=ALL, why="x" * 2_000, **SAID),
        lambda: Grant(to="ada", role="reader", on=ALL, why="\ud800", **SAID),
        lambda: Grant(to="ada", role="reader", on=parse("((((((a))))))"), **SAID),
        lambda: Grant(
            to="ada", role="reader", on=any_of(parse(f"lab=l{n}") for n in range(501)), **SAID
        ),
        lambda: Grant(to="ada", role="reader", on=parse(name=["y" * 60_000]), **SAID),
        lambda: Grant(to="ada", role="reader", on=ALL, by="local", at="never"),
        lambda: Grant(to="ada", role="reader", on=parse("ripples"), **SAID),
        lambda: Grant(to="ada", role="reader", on=parse("(lab=a | (lab=b ripples))"), **SAID),
        lambda: Terms(on=ALL, title=" ", **SAID),
        lambda: Terms(on=ALL, title="x", text="x" * 60_000, **SAID),
        lambda: Acceptance(of=ID, who="everyone", **SAID),
        lambda: Acceptance(of="../x", who="ada", **SAID),
        lambda: Membership(who="lab:smith", of="lab:jones", **SAID),
        lambda: Membership(who="ada", of="person:ben", **SAID),
        lambda: Key(digest=ID, acts_as="lab:smith", role="reader", until="2027-01-01", **SAID),
        lambda: Key(digest=ID, acts_as="ada", role="reader", **SAID),
        lambda: Key(digest="x", acts_as="ada", role="reader", until="2027-01-01", **SAID),
        lambda: Revocation(of="", **SAID),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()


def spoilt(**changes):
    said = json.loads(Grant(to="ada", role="reader", on=parse("units>5"), **SAID).encode())
    return json.dumps({key: value for key, value in {**said, **changes}.items() if value != "gone"})


@pytest.mark.parametrize(
    "data",
    [
        "", "{}", "[]", "null", "\x00", "[" * 5_000, spoilt(schema="panneuro/access/2.0"),
        spoilt(kind="edict"), spoilt(on="gone"), spoilt(on=[{"field": "nonsense"}]), spoilt(on=3),
        spoilt(to=None), spoilt(by="gone"), spoilt(exempt=True), spoilt(until=5), spoilt(role=[]),
        spoilt(at=float("nan")),
    ],
)  # fmt: skip
def test_what_is_not_wholly_understood_is_not_taken(data):
    with pytest.raises(CorruptionError):
        decode(data.encode())


def test_it_holds_from_its_start_and_no_more_at_its_end():
    one = Embargo(on=ALL, start="2026-01-01", until="2026-02-01T00:00:00+01:00", **SAID)
    assert not one.holds(datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    assert one.holds(datetime(2026, 1, 1, tzinfo=UTC))
    assert one.holds(datetime(2026, 1, 31, 22, 59, 59, 999999, tzinfo=UTC))
    assert not one.holds(datetime(2026, 1, 31, 23, tzinfo=UTC))
    with pytest.raises(InputError, match="zone"):
        one.holds(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.binary(max_size=40))
def test_no_bytes_are_too_strange(data):
    with pytest.raises(CorruptionError):
        decode(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(policies(), st.data())
def test_no_field_is_too_strange(policy, data):
    if not policy.statements:
        return
    said = json.loads(policy.statements[0].encode())
    name = data.draw(st.sampled_from([*sorted(said), "start", "until", "within", "on", "why"]))
    said[name] = data.draw(_json)
    try:
        again = decode(json.dumps(said).encode())
    except CorruptionError:
        return
    assert decode(again.encode()) == again
    if hasattr(again, "holds"):
        again.holds(datetime(2026, 1, 1, tzinfo=UTC))
