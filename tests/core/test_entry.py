"""An entry keeps what can be searched, and refuses what cannot."""

from __future__ import annotations

import json
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.entry import Entry, fold, seconds, tokens
from panneuro.core.errors import InputError
from panneuro.core.fields import FIELDS
from panneuro.testing.catalog import entries

_unhurried = settings(deadline=None)


def entry(version: str = "1", created: str = "2024-01-01", **fields: object) -> Entry:
    return Entry("a", version, created, "d", fields)


def test_values_that_say_nothing_are_left_out() -> None:
    kept = entry(species=None, sex="", area=[], units=math.nan, trials=math.inf, channels=10**400)
    assert kept.fields == {}


def test_lists_become_tuples_and_one_string_is_a_list() -> None:
    kept = entry(area=["CA1", "", "HPF"], tag="one")
    assert kept.fields == {"area": ("CA1", "HPF"), "tag": ("one",)}
    assert kept.strings("area") == ("CA1", "HPF")
    assert kept.strings("tag") == ("one",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("units", "many"),
        ("units", True),
        ("units", [1]),
        ("species", 3),
        ("species", ["mouse"]),
        ("area", [1]),
        ("area", {"CA1"}),
        ("date", "yesterday"),
        ("date", 2024),
        ("name", "other"),
        ("created", "2024-01-01"),
        ("unknown", "x"),
        ("extensions.a b.c", "x"),
        ("extensions.a.b", object()),
    ],
)
def test_a_value_of_another_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(InputError, match=str(value)[:9] if field == "date" else field.split()[0]):
        Entry("a", "1", "2024-01-01", "d", {field: value})


@pytest.mark.parametrize(
    "broken",
    [
        {"name": ""},
        {"name": "x" * 1001},
        {"name": "\ud800"},
        {"version": ""},
        {"version": 1},
        {"digest": ""},
        {"created": "once"},
        {"created": None},
    ],
)
def test_an_entry_without_identity_is_refused(broken: dict[str, object]) -> None:
    whole = {"name": "a", "version": "1", "created": "2024-01-01", "digest": "d"}
    with pytest.raises(InputError):
        Entry(**{**whole, **broken})


def test_the_latest_is_the_one_created_last_then_the_higher_version() -> None:
    in_order = [
        entry("9", "2024-01-01T00:00:00Z"),
        entry("10", "2024-01-01"),
        entry("10a", "2024-01-01T02:00:00+02:00"),
        entry("1", "2024-01-02"),
    ]
    mixed = [in_order[at] for at in (2, 0, 3, 1)]
    assert sorted(mixed, key=lambda one: one.age_key) == in_order


def test_times_without_a_zone_are_utc() -> None:
    assert seconds("1970-01-01T01:00") == 3600
    assert seconds("1970-01-01T01:00+01:00") == 0


def test_words_are_folded_and_accents_do_not_matter() -> None:
    assert tokens("Müller's ΔF/F, VISp_2") == ["muller", "s", "δf", "f", "visp", "2"]
    assert fold("STRASSE") == fold("straße")


@_unhurried
@given(st.text(), st.text())
def test_folding_twice_is_folding_once_for_words(text: str, other: str) -> None:
    assert tokens(" ".join(tokens(text))) == tokens(text)
    assert tokens(f"{text} {other}") == tokens(text) + tokens(other)


@_unhurried
@given(entries())
def test_an_entry_survives_json_and_pickle(drawn: list[Entry]) -> None:
    for one in drawn:
        assert Entry.from_json(one.to_json()) == one
        assert pickle.loads(pickle.dumps(one)) == one
        assert hash(Entry.from_json(one.to_json())) == hash(one)
        json.loads(one.to_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "3", '{"name": "a"}', '{"name": 1, "other": 2}', "[" * 100_000, b"\xff"],
)
def test_json_that_is_no_entry_is_refused(text: str | bytes) -> None:
    with pytest.raises(InputError):
        Entry.from_json(text)


def test_an_entry_cannot_be_changed() -> None:
    kept = entry(species="mouse")
    with pytest.raises(TypeError):
        kept.fields["species"] = "rat"
    with pytest.raises(AttributeError):
        kept.name = "b"


def test_every_field_says_what_it_is() -> None:
    assert all(
        field.about and field.unit in {"", "s", "bytes", "days"} for field in FIELDS.values()
    )
