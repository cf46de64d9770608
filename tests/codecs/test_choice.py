"""Codings give back what they were given, through us and through Zarr, and are chosen by size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from zarr.core.buffer import cpu
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from panneuro.codecs.choice import NEAR, PORTABLE, Codecs, Trial, candidates, choose
from panneuro.codecs.native import kernels
from panneuro.core.digests import canonical_json
from panneuro.core.errors import InputError
from panneuro.storage.chunks import ChunkCoder, same
from panneuro.storage.layout import Layout, encode_index

DTYPES = [
    np.dtype(name)
    for name in (
        "bool",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "float32",
        "float64",
    )
]
CODINGS = [
    pytest.param(n_dims, dtype, name, id=f"{n_dims}d-{dtype}-{name}")
    for dtype in DTYPES
    for n_dims in (1, 2, 3)
    for name in candidates(n_dims, dtype)
]
SHAPES = {1: (200,), 2: (64, 6), 3: (16, 4, 5)}


def noise(n_dims: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return whatever bits there are: full range, NaNs and infinities included."""
    shape = SHAPES[n_dims]
    rng = np.random.default_rng(3)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    size = int(np.prod(shape)) * dtype.itemsize
    return rng.integers(0, 256, size, np.uint8).view(dtype).reshape(shape)


def orders(values: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the same values, however they lie in memory."""
    wide = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
    wide[..., ::2] = values
    return {
        "C": np.ascontiguousarray(values),
        "F": np.asfortranarray(values),
        "turned": np.ascontiguousarray(values.T).T,
        "strided": wide[..., ::2],
        "backwards": np.ascontiguousarray(values[::-1])[::-1],
    }


@pytest.mark.parametrize(("n_dims", "dtype", "name"), CODINGS)
def test_every_coding_gives_back_noise_in_any_memory_order(
    n_dims: int, dtype: np.dtype[Any], name: str
) -> None:
    values = noise(n_dims, dtype)
    coder = ChunkCoder(values.shape, dtype, candidates(n_dims, dtype)[name])
    for laid in orders(values).values():
        assert same(coder.decode(coder.encode_verified(laid)), values)


@pytest.mark.parametrize(("n_dims", "dtype", "name"), CODINGS)
def test_every_coding_is_what_zarr_itself_reads_and_writes(
    n_dims: int, dtype: np.dtype[Any], name: str
) -> None:
    values = noise(n_dims, dtype)
    codecs = candidates(n_dims, dtype)[name]
    ours = ChunkCoder(values.shape, dtype, codecs)
    store = MemoryStore()
    array = zarr_array(store, values, codecs)
    assert same(np.asarray(array[:]), values)
    for laid in orders(values).values():
        array[:] = laid
        chunk = "c/" + "/".join("0" * n_dims)
        assert same(ours.decode(stored(store, chunk)), values)


@pytest.mark.parametrize(("n_dims", "dtype", "name"), CODINGS)
def test_every_coding_is_read_by_zarr_from_our_shards(
    n_dims: int, dtype: np.dtype[Any], name: str
) -> None:
    values = noise(n_dims, dtype)
    chunk = (values.shape[0] // 4, *values.shape[1:])
    layout = Layout(values.shape, dtype, chunk, values.shape, candidates(n_dims, dtype)[name])
    pieces = [layout.coder.encode(part) for part in np.split(values, 4)]
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    spans = [(end - len(piece), len(piece)) for end, piece in zip(ends, pieces, strict=True)]
    shard = b"".join(pieces) + encode_index(spans)
    array = sharded(MemoryStore(), layout, shard)
    assert same(np.asarray(array[:]), values)


def zarr_array(store: MemoryStore, values: np.ndarray[Any, Any], codecs: Codecs) -> Any:
    """Let Zarr write values as one chunk with some codecs."""
    metadata = {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": str(values.dtype),
        "shape": list(values.shape),
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(values.shape)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": False if values.dtype.kind == "b" else 0,
        "codecs": [dict(codec) for codec in codecs],
        "attributes": {},
    }
    put(store, "zarr.json", canonical_json(metadata))
    array = zarr.open_array(store, mode="r+", zarr_format=3)
    array[:] = values
    return array


def sharded(store: MemoryStore, layout: Layout, shard: bytes) -> Any:
    """Let Zarr open a shard of ours."""
    fill: Any = False if layout.dtype.kind == "b" else 0
    said = {"zarr_format": 3, "node_type": "array", "attributes": {}}
    metadata = {**said, "data_type": str(layout.dtype), **layout.metadata(fill)}
    put(store, "zarr.json", canonical_json(metadata))
    put(store, "c/" + "/".join("0" * len(layout.shape)), shard)
    return zarr.open_array(store, mode="r", zarr_format=3)


def put(store: MemoryStore, key: str, data: bytes) -> None:
    sync(store.set(key, cpu.Buffer.from_bytes(data)))


def stored(store: MemoryStore, key: str) -> bytes:
    found = sync(store.get(key, cpu.buffer_prototype))
    assert found is not None
    return found.to_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_values_come_back_to_the_bit(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=3, max_side=24))
    values = data.draw(arrays.arrays(dtype, shape))
    for codecs in candidates(len(shape), dtype).values():
        coder = ChunkCoder(shape, dtype, codecs)
        assert same(coder.decode(coder.encode(values)), values)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_there_is_a_portable_coding_for_every_type(dtype: np.dtype[Any]) -> None:
    for n_dims in (1, 2, 3):
        found = candidates(n_dims, dtype)
        assert set(PORTABLE) & set(found)
        own = found.pop("lattice-lpc", None)  # Its streams carry checksums of their own.
        assert own in (None, ({"name": "panneuro.lattice-lpc"},))
        found.pop("lattice-lpc-fast", None)
        assert all(codecs[-1] == {"name": "crc32c"} for codecs in found.values())


def trial_of(sizes: dict[str, int]) -> Any:
    return lambda name, codecs: Trial(name, codecs, 1000, sizes[name]) if name in sizes else None


def test_the_smallest_is_chosen() -> None:
    sizes = {"pcodec": 500, "pcodec-auto": 480, "blosc": 300, "blosc-rows": 310}
    best, trials = choose(2, np.dtype("int16"), trial_of(sizes))
    assert best.name == "blosc"
    assert [trial.name for trial in trials] == list(sizes)
    assert best.ratio == pytest.approx(1000 / 300)


def test_codings_about_as_small_are_told_apart_by_order_and_not_by_chance() -> None:
    near, far = int(1000 * NEAR), int(1000 * NEAR) + 1
    sizes = {"pcodec": near, "pcodec-auto": 1000, "blosc": 1000, "blosc-rows": 1000}
    assert choose(2, np.dtype("int16"), trial_of(sizes))[0].name == "pcodec"
    assert choose(2, np.dtype("int16"), trial_of(sizes | {"pcodec": far}))[0].name == "pcodec-auto"


def test_only_the_codings_asked_for_are_tried() -> None:
    tried = []

    def measure(name: str, codecs: Codecs) -> Trial:
        tried.append(name)
        return Trial(name, codecs, 10, 5)

    choose(2, np.dtype("int16"), measure, PORTABLE)
    assert tried == ["blosc", "blosc-rows"]


def test_what_is_never_the_smallest_is_tried_on_request_alone() -> None:
    sizes = {"lattice-lpc": 500, "lattice-lpc-fast": 490, "blosc": 900}
    best, trials = choose(2, np.dtype("int16"), trial_of(sizes))
    assert "lattice-lpc-fast" not in {best.name, *(trial.name for trial in trials)}
    asked, _ = choose(2, np.dtype("int16"), trial_of(sizes), ["lattice-lpc-fast"])
    assert asked.name == ("lattice-lpc-fast" if kernels() else best.name)


def test_an_unknown_coding_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="'wavpack'") as refused:
        choose(2, np.dtype("int16"), trial_of({}), ["wavpack"])
    assert "pcodec, pcodec-auto, delta-blosc" in str(refused.value.hint)


def test_an_array_that_the_wanted_coding_does_not_suit_gets_another() -> None:
    best, _ = choose(1, np.dtype("float64"), trial_of({"blosc": 5}), ["delta-blosc"])
    assert best.name == "blosc"


def test_that_no_coding_takes_the_data_is_told() -> None:
    with pytest.raises(InputError, match="none of the codings"):
        choose(1, np.dtype("int16"), trial_of({}))


def test_nothing_coded_to_nothing_has_a_ratio() -> None:
    assert Trial("blosc", (), 8, 0).ratio == 8
