"""Files of weights: what is written is read, and nothing else is."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("safetensors")

from panneuro.analysis import weights
from panneuro.analysis.weights import read_weights, write_weights
from panneuro.core.errors import FormatError, InputError, LimitError, NotFoundError


def test_arrays_and_header_come_back(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0,), np.float32)}
    header = {"names": ["ü", "b"], "number": 1.5, "none": None}
    write_weights(tmp_path / "w", arrays, header)
    found, text = read_weights(tmp_path / "w")
    assert text == header
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_file_is_replaced_wholly_or_not_at_all(tmp_path):
    write_weights(tmp_path / "w", {"a": np.ones(2, np.float32)}, {"version": 1})
    with pytest.raises(InputError, match="JSON"):
        write_weights(tmp_path / "w", {"a": np.ones(2, np.float32)}, {"version": {1, 2}})
    with pytest.raises(InputError, match="JSON"):
        write_weights(tmp_path / "w", {}, {"version": float("nan")})
    assert read_weights(tmp_path / "w")[1] == {"version": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("hostile") / "w"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="safetensors"):
        read_weights(path)


@pytest.mark.parametrize(
    "header",
    [
        b'{"__metadata__":{"version":"{"}}',
        b'{"__metadata__":{"version":"' + b"[" * 5000 + b'"}}',
        b'{"a":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,400]}}',
    ],
)
def test_headers_that_lie_are_refused(tmp_path, header):
    (tmp_path / "w").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    with pytest.raises(FormatError):
        read_weights(tmp_path / "w")


def test_large_files_folders_and_nothing_are_refused(tmp_path, monkeypatch):
    write_weights(tmp_path / "w", {"a": np.ones(200, np.float32)}, {})
    monkeypatch.setattr(weights, "MAX_BYTES", 100)
    with pytest.raises(LimitError, match="bytes"):
        read_weights(tmp_path / "w")
    for missing in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(NotFoundError):
            read_weights(missing)


@pytest.mark.parametrize("given", [None, {"w": b"\0"}, 3, [1.0]])
def test_weights_come_from_a_path(given):
    with pytest.raises(InputError, match="read from a file, not from"):
        read_weights(given)
