from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import CorruptionError
from panneuro.core.run import Run, run_key

TEXT = st.text(min_size=1, max_size=8)
VERSIONS = st.dictionaries(TEXT, TEXT, max_size=3)
JSON = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | TEXT
GIVEN = st.fixed_dictionaries(
    {
        "code": TEXT,
        "environment": TEXT,
        "parameters": st.dictionaries(TEXT, JSON, max_size=3),
        "seed": st.none() | st.integers(0, 9),
        "takes": VERSIONS,
        "inputs": st.dictionaries(TEXT, VERSIONS, max_size=2),
    }
)


@given(GIVEN, GIVEN)
def test_a_key_names_what_is_done(first, second):
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (run_key("step", **first) == run_key("step", **second)) == same
    assert run_key("step", **first) != run_key("other", **first)


@given(GIVEN, VERSIONS, VERSIONS)
def test_a_record_is_read_as_it_was_written(said, outputs, packages):
    run = Run("0a", "step", **said, outputs=outputs, packages=packages, log="7 µV\n")
    assert Run.decode(run.encode()) == run


def test_what_later_versions_add_is_passed_over():
    said = Run("0a", "step", {}, {}).to_json() | {"schema": "panneuro/run/1.7", "mood": "good"}
    assert Run.decode(json.dumps(said)).key == "0a"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "panneuro/run/2.0"},
        {"key": ""},
        {"key": None},
        {"status": "perhaps"},
        {"inputs": {"units": "m1"}},
        {"inputs": ["m1"]},
        {"outputs": {"m1": 3}},
        {"packages": None},
    ],
)
def test_what_is_no_record_is_refused(change):
    said = Run("0a", "step", {}, {}).to_json() | change
    with pytest.raises(CorruptionError, match="cannot be read"):
        Run.decode(json.dumps(said))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(CorruptionError):
        Run.decode(data)


def test_names_of_inputs():
    run = Run("0a", "step", {}, {"b": {"m2": "1"}, "a": {"m1": "1", "m2": "1"}})
    assert run.input_names == ("m1", "m2")


WHOLE = Run("0a", "step", {"window_s": 0.25}, {"units": {"m1": "1"}}, {"m1_step": "2"}, log="7 µV")


@given(st.integers(0, len(WHOLE.encode()) - 1), st.integers(1, 255))
def test_a_byte_that_changed_never_changes_what_is_read(at, change):
    damaged = bytearray(WHOLE.encode())
    damaged[at] ^= change
    with suppress(CorruptionError):
        assert Run.decode(bytes(damaged)) == WHOLE


@given(GIVEN)
def test_a_record_tells_what_its_key_is_to_be(said):
    assert Run("", "step", **said).key_of_content == run_key("step", **said)
