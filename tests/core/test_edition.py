"""The record of a view's table."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.edition import Edition, Part, part_mark
from panneuro.core.errors import CorruptionError

EDITION = Edition(
    7,
    {"code": "0a", "over": "units>3"},
    (Part(f"views/yield/parts/{part_mark(b'told', b'rows')}", 3, 9),),
    "2026-03-02T09:30:00+00:00",
    "key",
    {"made": 3},
)


def test_it_is_read_as_it_was_written():
    assert Edition.decode(EDITION.encode()) == EDITION


def test_those_that_had_no_digest_are_read():
    said = json.loads(EDITION.encode())
    del said["digest"]
    assert Edition.decode(json.dumps(said).encode()) == EDITION


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"schema": "other/1.0"}',
        b'{"schema": "panneuro/view/1.0"}',
        EDITION.encode().replace(b"views/yield", b"../../yield"),
    ],
)
def test_what_is_none_is_told(damaged):
    with pytest.raises(CorruptionError, match="edition of a view"):
        Edition.decode(damaged)


@given(st.integers(0, len(EDITION.encode()) - 1), st.integers(1, 255))
def test_a_byte_that_changed_never_changes_what_is_read(at, change):
    damaged = bytearray(EDITION.encode())
    damaged[at] ^= change
    with suppress(CorruptionError):
        assert Edition.decode(bytes(damaged)) == EDITION


def test_a_part_is_named_by_what_it_holds():
    (part,) = EDITION.parts
    assert part.holds(b"told", b"rows")
    assert not part.holds(b"told", b"rowt")
    assert part.key_of("rows").endswith("/rows.parquet")
