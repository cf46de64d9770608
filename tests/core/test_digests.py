from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core import digests
from panneuro.core.digests import (
    canonical_json,
    digest_bytes,
    digest_file,
    digest_json,
    sealed,
    unsealed,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.binary())
def test_digests_are_those_of_common_tools(data):
    assert digest_bytes(data) == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert digest_bytes(memoryview(data)) == digest_bytes(data)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100])
def test_files_are_read_in_blocks(size, tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "_BLOCK", 8)
    path = tmp_path / "raw.bin"
    path.write_bytes(b"x" * size)
    told = []
    assert digest_file(path, told.append) == digest_bytes(b"x" * size)
    assert sum(told) == size
    assert max(told, default=0) <= 8


@given(JSON)
def test_a_value_has_one_text_that_says_the_same(value):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_order_of_keys_is_no_matter():
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_what_is_sealed_is_canonical_and_comes_back(said):
    said.pop("digest", None)
    text = sealed(said)
    assert text == canonical_json({**said, "digest": digest_json(said)})
    assert unsealed(text) == unsealed(json.dumps(json.loads(text), indent=1)) == said


@pytest.mark.parametrize("broken", [b"{}", b"[]", b'{"digest":""}', b'{"digest":{}}', b"{"])
def test_what_is_not_sealed_is_told(broken):
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        unsealed(broken)
