"""Streams give back every sample, refuse what is not theirs, and survive whatever is in them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google_crc32c import value as crc32c
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panneuro.codecs import lattice_lpc, reference
from panneuro.codecs.lattice_lpc import decode, encode, gives_back
from panneuro.codecs.stream import DTYPES
from panneuro.core.errors import CorruptionError, FormatError, InputError

from .recordings import CASES, noise, scaled

Array = np.ndarray[Any, np.dtype[Any]]

GOLDEN = Path(__file__).parent / "golden"
STREAMS = {name: encode(samples) for name, samples in CASES.items()}
DAMAGE = (CorruptionError, FormatError)


@pytest.mark.parametrize("name", CASES)
def test_every_sample_comes_back(name: str) -> None:
    samples = CASES[name]
    back = decode(STREAMS[name], samples.shape, samples.dtype)
    assert back.dtype == samples.dtype
    np.testing.assert_array_equal(back, samples)


@pytest.mark.parametrize("name", [name for name, found in CASES.items() if found.size < 140_000])
def test_the_plain_reader_reads_every_stream(name: str) -> None:
    samples = CASES[name]
    np.testing.assert_array_equal(
        reference.decode(STREAMS[name]),
        samples.reshape(len(samples), int(np.prod(samples.shape[1:]))),
    )


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_a_stream_gives_back_its_samples_and_no_others(
    name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = CASES[name]
    if not compiled:
        monkeypatch.setattr(lattice_lpc, "kernels", lambda: None)
    for view in (samples, np.asfortranarray(samples), samples.astype(samples.dtype.newbyteorder())):
        assert gives_back(STREAMS[name], view)
    if samples.size:
        other = samples.copy()
        other.reshape(-1).view(np.uint8)[-1] ^= 1
        assert not gives_back(STREAMS[name], other)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["probe", "frames", "int32"])
def test_how_samples_lie_in_memory_does_not_matter(name: str, order: Any) -> None:
    samples = CASES[name]
    views = {
        "ordered": np.asarray(samples, order=order),
        "strided": np.repeat(samples, 2, axis=0)[::2],
        "reversed": np.ascontiguousarray(samples[::-1])[::-1],
        "swapped": samples.astype(samples.dtype.newbyteorder(">")),
    }
    for kind, view in views.items():
        assert encode(view) == STREAMS[name], kind


def test_a_transposed_view_is_coded_as_what_it_shows() -> None:
    turned = noise(600, 20).T
    np.testing.assert_array_equal(decode(encode(turned), turned.shape, turned.dtype), turned)


def test_what_is_asked_for_may_be_of_the_other_byte_order() -> None:
    samples = CASES["tetrode"]
    back = decode(STREAMS["tetrode"], samples.shape, ">i2")
    assert back.dtype == np.dtype(">i2")
    np.testing.assert_array_equal(back, samples)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda name: arrays.arrays(
            np.dtype(name), arrays.array_shapes(min_dims=1, max_dims=3, max_side=40)
        )
    )
)
def test_any_samples_come_back(samples: Array) -> None:
    np.testing.assert_array_equal(decode(encode(samples), samples.shape, samples.dtype), samples)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 1200),
    st.integers(1, 40),
    st.floats(0.5, 40),
    st.integers(0, 2**20),
)
def test_any_lattice_comes_back(rows: int, channels: int, step: float, seed: int) -> None:
    samples = scaled(noise(rows, channels, seed), step, seed)
    stream = encode(samples)
    np.testing.assert_array_equal(decode(stream, samples.shape, samples.dtype), samples)


def test_what_cannot_be_compressed_is_stored() -> None:
    samples = CASES["random"]
    assert len(STREAMS["random"]) == samples.nbytes + 24


def test_floats_that_are_integers_times_a_gain_cost_as_those_integers() -> None:
    codes = noise(3000, 24, 2)
    for dtype in ("float32", "float64"):
        floats = codes.astype(dtype) * np.dtype(dtype).type(0.195)
        assert len(encode(floats)) < 1.02 * len(encode(codes))


def test_a_lattice_costs_next_to_nothing() -> None:
    codes = noise(3000, 48, 2)
    assert len(encode(scaled(codes, 12.01923))) < 1.02 * len(encode(codes))


def test_bad_channels_do_not_poison_their_neighbours() -> None:
    bad = (3, 7, 11, 13, 17)
    troubled = CASES["troubled"].copy()
    troubled[:, bad] = 0
    alone = sum(len(encode(CASES["troubled"][:, [channel]])) for channel in bad)
    assert len(STREAMS["troubled"]) < 1.05 * (len(encode(troubled)) + alone)


def test_streams_do_not_depend_on_who_codes_first() -> None:
    assert encode(CASES["lattice"]) == STREAMS["lattice"]


@pytest.mark.parametrize("dtype", ["float16", "complex64", "int8", "uint8", "int64", "bool"])
def test_other_types_are_refused(dtype: str) -> None:
    with pytest.raises(InputError, match=f"does not code {dtype} samples"):
        encode(np.zeros((4, 4), dtype))


def test_a_newer_version_is_refused() -> None:
    newer = b"PNLL\x02" + STREAMS["probe"][5:]
    with pytest.raises(FormatError, match="it is of version") as caught:
        decode(newer, (2100, 50), "int16")
    assert "upgrade" in caught.value.hint


def test_other_bytes_are_refused() -> None:
    for data in (b"", b"PNL", b"PNLL", b"PNLL\x01", bytes(100), STREAMS["one"][1:]):
        with pytest.raises(DAMAGE, match="decoding a chunk"):
            decode(data, (1, 1), "int16")


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((50, 2100), "int16"), ((2100, 51), "int16"), ((2100, 50), "uint16"), ((105_000,), "int16")],
)
def test_samples_of_another_shape_or_type_are_refused(shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(CorruptionError, match="it holds"):
        decode(STREAMS["probe"], shape, dtype)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["lattice", "palette", "one", "random", "uint32"]), st.data())
def test_a_flipped_bit_is_told(name: str, data: st.DataObject) -> None:
    stream = bytearray(STREAMS[name])
    at = data.draw(st.integers(0, 8 * len(stream) - 1))
    stream[at // 8] ^= 1 << at % 8
    with pytest.raises(DAMAGE):
        decode(bytes(stream), CASES[name].shape, CASES[name].dtype)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["lattice", "palette", "one", "random"]), st.data())
def test_a_short_stream_is_told(name: str, data: st.DataObject) -> None:
    stream = STREAMS[name]
    length = data.draw(st.integers(0, len(stream) - 1))
    with pytest.raises(DAMAGE):
        decode(stream[:length], CASES[name].shape, CASES[name].dtype)


def forged(stream: bytes) -> bytes:
    """Return a damaged stream with a checksum that says it is not."""
    return stream[:-4] + crc32c(stream[:-4]).to_bytes(4, "little")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    st.sampled_from(["lattice", "palette", "tetrode", "few-rows", "uint32", "constant", "float32"]),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_a_hostile_stream_does_no_harm(
    name: str, changes: list[tuple[float, int]], early: bool
) -> None:
    """Any bytes with a right checksum: an error, or the same samples."""
    stream, samples = bytearray(STREAMS[name]), CASES[name]
    reach = min(len(stream), 120) if early else len(stream) - 4
    for part, flip in changes:
        stream[int(part * reach)] ^= flip
    try:
        back = decode(forged(bytes(stream)), samples.shape, samples.dtype)
    except DAMAGE:
        return
    np.testing.assert_array_equal(back, samples)


def test_golden_streams_decode_to_what_they_did() -> None:
    found = sorted(GOLDEN.glob("*.bin"))
    assert len(found) >= 12
    for path in found:
        samples = CASES[path.stem]
        np.testing.assert_array_equal(
            decode(path.read_bytes(), samples.shape, samples.dtype), samples, path.stem
        )
        digest = (GOLDEN / f"{path.stem}.sha256").read_text().strip()
        assert hashlib.sha256(np.ascontiguousarray(samples)).hexdigest() == digest


def test_the_room_is_importable_alone() -> None:
    code = (
        "import sys; from panneuro.codecs import lattice_lpc;"
        "print(*sorted(m for m in sys.modules if m.startswith('panneuro.')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in found.stdout.split()}
    assert rooms == {"codecs", "core"}
