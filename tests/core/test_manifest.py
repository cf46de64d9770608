from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panneuro.core.digests import canonical_json, digest_json
from panneuro.core.errors import CorruptionError, InputError
from panneuro.core.manifest import Manifest, StoredFile, prefix_of

MANIFEST = Manifest(
    name="ecephys_m1",
    version="0123456789ab",
    created="2026-03-02T09:30:00.000000+00:00",
    parent="",
    format="spikeglx",
    documents={"subject": {"id": "Mäuschen"}},
    signals=({"name": "ap", "kind": "timeseries", "gain": 2.34e-6},),
    files=(
        StoredFile("a/b", 10, "sha256:00"),
        StoredFile("c", 5, "sha256:01", "assets/ecephys_m1/ba9876543210/c"),
    ),
    sources=({"path": "raw.bin", "size": 100, "digest": "sha256:02", "kept": False},),
    notes=("odd",),
    run="77",
    extra={"content": "sha256:03"},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def signed(said):
    said = {key: value for key, value in said.items() if key != "digest"}
    return canonical_json({**said, "digest": digest_json(said)})


def test_a_manifest_comes_back():
    assert Manifest.decode(MANIFEST.encode()) == MANIFEST
    assert MANIFEST.digest == Manifest.decode(MANIFEST.encode()).digest


def test_what_it_tells():
    assert MANIFEST.prefix == prefix_of("ecephys_m1", "0123456789ab")
    assert [MANIFEST.key_of(file) for file in MANIFEST.files] == [
        "assets/ecephys_m1/0123456789ab/a/b",
        "assets/ecephys_m1/ba9876543210/c",
    ]
    assert (MANIFEST.stored_bytes, MANIFEST.source_bytes) == (10, 100)


@given(st.integers(0, len(MANIFEST.encode()) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(at, bit):
    data = bytearray(MANIFEST.encode())
    data[at] ^= 1 << bit
    with pytest.raises(CorruptionError, match=r"'_lake/asset\.json' cannot be read") as error:
        Manifest.decode(bytes(data))
    assert len(error.value.message) < 300


@given(st.binary(max_size=60))
@example(b"[" * 100_000)
@example(b"{}")
@example(b"null")
def test_bytes_that_are_no_manifest_are_refused(data):
    with pytest.raises(CorruptionError):
        Manifest.decode(data)


@given(st.sampled_from(sorted(json.loads(MANIFEST.encode()))), JSON)
@example("name", "../escaped")
@example("name", "a/b")
@example("name", "..")
@example("version", "../../x")
@example("schema", "panneuro/asset/2.0")
@example("files", [{"path": "../x", "size": 1, "digest": "sha256:0"}])
@example("files", [{"path": "x", "size": -1, "digest": "sha256:0"}])
@example("files", [{"path": "x", "size": "1", "digest": "sha256:0"}])
@example("files", [{"path": "x", "size": 1, "digest": "sha256:0", "key": "../../etc"}])
@example("signals", [{}])
@example("signals", ["ap"])
@example("signals", [{"name": "../x", "kind": "table"}])
@example("documents", [])
@example("documents", {"subject": 3})
@example("sources", [{}])
def test_hostile_values_are_refused_or_do_no_harm(key, value):
    said = json.loads(MANIFEST.encode())
    said[key] = value
    try:
        manifest = Manifest.decode(signed(said))
    except CorruptionError:
        return
    assert key in (
        "created",
        "parent",
        "format",
        "documents",
        "signals",
        "files",
        "sources",
        "notes",
        "run",
        "content",
        "name",
        "digest",
        "schema",
    )
    assert manifest.prefix.count("/") == 2
    assert all(isinstance(signal["name"], str) for signal in manifest.signals)
    assert isinstance(manifest.source_bytes, int)
    assert all(isinstance(slot, dict) for slot in manifest.documents.values())


def test_what_a_later_minor_version_adds_is_kept():
    said = {**json.loads(MANIFEST.encode()), "schema": "panneuro/asset/1.7", "new": [1]}
    assert Manifest.decode(signed(said)).extra["new"] == [1]


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "", "a\\b"])
def test_files_never_lead_elsewhere(path):
    with pytest.raises(InputError):
        StoredFile(path, 1, "sha256:0")
    with pytest.raises(InputError):
        StoredFile("a", 1, "sha256:0", path or "..")
