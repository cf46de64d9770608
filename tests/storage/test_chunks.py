from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panneuro.core.errors import CorruptionError
from panneuro.storage.chunks import ChunkCoder, data_type, same

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
CRC = {"name": "crc32c"}
ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
PCODEC = {
    "name": "numcodecs.pcodec",
    "configuration": {
        "level": 4,
        "mode_spec": "auto",
        "delta_spec": "auto",
        "delta_encoding_order": None,
    },
}
DTYPES = st.sampled_from(
    ["i1", "u1", "<i2", ">i2", "<u4", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8", "<c8", "<c16", "?"]
)


@st.composite
def chunks(draw, dtypes=DTYPES):
    """Draw a chunk's shape, and an array that fills it or is cut short by an edge."""
    dtype = np.dtype(draw(dtypes))
    shape = draw(arrays.array_shapes(max_dims=3, max_side=6))
    part = tuple(draw(st.integers(1, length)) for length in shape)
    words = draw(arrays.arrays(np.uint8, (*part, dtype.itemsize)))
    values = np.ascontiguousarray(words).view(dtype)[..., 0]
    if dtype.kind == "b":
        values = words[..., 0] > 100
    return shape, np.asfortranarray(values) if draw(st.booleans()) else values


@given(chunks())
def test_every_bit_comes_back(drawn):
    shape, values = drawn
    coder = ChunkCoder(shape, values.dtype, (BYTES, ZSTD, CRC))
    back = coder.decode(coder.encode_verified(values))
    assert back.shape == shape
    assert same(values, back[tuple(map(slice, values.shape))])


@given(chunks(st.sampled_from(["<i2", "<u2", "<i4", "<u8", "<f2", "<f4", "<f8"])))
def test_every_bit_comes_back_turned_and_packed(drawn):
    shape, values = drawn
    order = {"name": "transpose", "configuration": {"order": list(range(len(shape)))[::-1]}}
    coder = ChunkCoder(shape, values.dtype, (order, PCODEC, CRC))
    assert same(values, coder.decode(coder.encode(values))[tuple(map(slice, values.shape))])


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_text_of_any_kind_comes_back(words):
    coder = ChunkCoder((6,), np.dtype(object), ({"name": "vlen-utf8"}, ZSTD))
    for values in (np.array(words, object), np.array(words), np.array(words, "T")):
        expected = [str(word) for word in values]
        assert coder.decode(coder.encode_verified(values))[: len(words)].tolist() == expected


def test_missing_text_is_empty_and_bytes_are_text():
    coder = ChunkCoder((3,), np.dtype(object), ({"name": "vlen-utf8"},))
    values = np.array([None, b"CA1", 3], object)
    assert coder.decode(coder.encode_verified(values)).tolist() == ["", "CA1", "3"]


@given(chunks(), st.data())
def test_a_flipped_bit_never_passes(drawn, data):
    shape, values = drawn
    coder = ChunkCoder(shape, values.dtype, (BYTES, CRC))
    encoded = bytearray(coder.encode(values))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((CorruptionError, ValueError)):
        coder.verify(values, bytes(encoded))


def test_a_codec_that_lies_is_caught():
    lossy = {
        "name": "numcodecs.fixedscaleoffset",
        "configuration": {"offset": 0, "scale": 1, "dtype": "<f8", "astype": "<i2"},
    }
    coder = ChunkCoder((4,), np.dtype("<f8"), (lossy, BYTES))
    assert coder.encode_verified(np.arange(4.0))
    with pytest.raises(CorruptionError, match=r"numcodecs\.fixedscaleoffset \+ bytes do not give"):
        coder.encode_verified(np.arange(4.0) + 0.25)


def test_bits_are_compared_and_not_values():
    nan, other_nan = np.array([0x7FC00000, 0x7FC00001], "u4").view("f4").reshape(2, 1)
    assert same(nan, nan.copy())
    assert not same(nan, other_nan)
    assert not same(np.array([0.0]), np.array([-0.0]))
    assert not same(np.array([1.0]), np.array([1.0], "f4"))
    assert not same(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize(
    ("dtype", "named"), [(">i2", "int16"), ("f4", "float32"), ("?", "bool"), ("U5", "string")]
)
def test_types_are_named_as_in_zarr(dtype, named):
    assert data_type(np.dtype(dtype)) == named
