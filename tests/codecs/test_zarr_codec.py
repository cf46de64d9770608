"""The codec through Zarr: sharded, transposed, in other orders, refused where it must be."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import TransposeCodec
from zarr.registry import register_codec
from zarr.storage import MemoryStore

from panneuro.codecs import lattice_lpc
from panneuro.codecs.zarr_codec import NAME, LatticeLPC
from panneuro.core.errors import CorruptionError, InputError
from panneuro.storage.chunks import ChunkCoder

from .recordings import CASES, full_range, noise, scaled

register_codec(NAME, LatticeLPC)

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = ("int16", "uint16", "int32", "uint32")
LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (300, 16)},
    "shards": {"chunks": (150, 8), "shards": (600, 32)},
    "ragged": {"chunks": (170, 7)},
    "whole": {"chunks": (700, 40)},
}


def wide(dtype: str) -> Array:
    codes = noise(700, 40, 3)
    if dtype.startswith("u"):
        return (codes.astype(np.int64) + (np.iinfo(dtype).max >> 1)).astype(dtype)
    return codes.astype(dtype)


def written(samples: Array, **layout: Any) -> tuple[MemoryStore, Array]:
    store = MemoryStore()
    array = zarr.create_array(
        store,
        shape=samples.shape,
        dtype=samples.dtype,
        serializer=LatticeLPC(),
        compressors=None,
        **layout,
    )
    array[...] = samples
    return store, np.asarray(zarr.open_array(store, mode="r")[...])


@pytest.mark.parametrize("turned", [False, True], ids=["straight", "transposed"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back(dtype: str, layout: str, order: Any, turned: bool) -> None:
    samples = np.asarray(wide(dtype), order=order)
    filters = [TransposeCodec(order=(1, 0))] if turned else None
    _, back = written(samples, filters=filters, **LAYOUTS[layout])
    np.testing.assert_array_equal(back, samples)


@pytest.mark.parametrize("name", [name for name, samples in CASES.items() if samples.size])
def test_the_setting_for_speed_changes_how_long_streams_are_and_nothing_else(name: str) -> None:
    samples = CASES[name]
    codecs = LatticeLPC(fast=True).to_dict(), LatticeLPC().to_dict()
    hasty, careful = (ChunkCoder(samples.shape, samples.dtype, [codec]) for codec in codecs)
    stream = hasty.encode(samples)
    assert hasty.decode(stream).tobytes() == careful.decode(stream).tobytes() == samples.tobytes()
    assert LatticeLPC.from_dict(codecs[0]) == LatticeLPC(fast=True) != LatticeLPC()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", [name for name, samples in CASES.items() if samples.size])
def test_every_kind_of_recording_comes_back(name: str, order: Any) -> None:
    samples = np.asarray(CASES[name], order=order)
    _, back = written(samples, chunks=tuple(-(-side // 2) for side in samples.shape))
    np.testing.assert_array_equal(back, samples)


@pytest.mark.parametrize("shape", [(1000,), (1,), (7, 1), (1, 7), (40, 6, 5), (9, 4, 3, 2)])
def test_any_number_of_axes(shape: tuple[int, ...]) -> None:
    samples = full_range(shape, "int16")
    _, back = written(samples, chunks=shape)
    np.testing.assert_array_equal(back, samples)


def test_a_big_endian_array_comes_back() -> None:
    samples = noise(300, 12).astype(">i2")
    _, back = written(samples, chunks=(100, 12))
    np.testing.assert_array_equal(back, samples)


def test_parts_are_read_and_overwritten() -> None:
    samples = scaled(noise(900, 24), 3.9125)
    store, _ = written(samples, chunks=(100, 8), shards=(300, 24))
    array = zarr.open_array(store, mode="r+")
    array[130:190, 5:9] = 7
    samples[130:190, 5:9] = 7
    np.testing.assert_array_equal(array[120:310, 3:20], samples[120:310, 3:20])


def test_through_the_lake_s_own_coder() -> None:
    samples = scaled(noise(600, 24), 12.01923)
    coder = ChunkCoder(samples.shape, samples.dtype, [LatticeLPC().to_dict(), {"name": "crc32c"}])
    stream = coder.encode_verified(np.asfortranarray(samples))
    assert len(stream) < samples.nbytes / 2


def test_what_would_not_come_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(600, 24)
    coder = ChunkCoder(samples.shape, samples.dtype, [LatticeLPC().to_dict()])
    stream = coder.encode_verified(samples)
    other = samples.copy()
    other[300, 7] += 1
    with pytest.raises(CorruptionError, match="do not give back the int16 values"):
        coder.verify(other, stream)

    def wrong(*given: Any, **more: Any) -> Any:
        found = restore(*given, **more)
        found[300, 7] += 1
        return found

    restore = lattice_lpc.restore
    monkeypatch.setattr(lattice_lpc, "restore", wrong)
    with pytest.raises(CorruptionError, match="do not match their checksum"):
        coder.encode_verified(samples)


def test_threads_do_not_meet() -> None:
    chunks = [scaled(noise(500, 16, seed), 3.9125, seed) for seed in range(12)]
    coder = ChunkCoder((500, 16), np.dtype("int16"), [LatticeLPC().to_dict()])
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(coder.encode, chunks))
        back = list(pool.map(coder.decode, together))
    for chunk, found in zip(chunks, back, strict=True):
        np.testing.assert_array_equal(found, chunk)


def test_metadata_say_the_name() -> None:
    store, _ = written(noise(50, 4), chunks=(50, 4))
    codecs = json.loads(store._store_dict["zarr.json"].to_bytes())["codecs"]
    assert codecs == [{"name": "panneuro.lattice-lpc"}]
    assert LatticeLPC.from_dict({"name": NAME}) == LatticeLPC()


def test_a_damaged_chunk_is_told() -> None:
    store, _ = written(noise(50, 4), chunks=(50, 4))
    data = bytearray(store._store_dict["c/0/0"].to_bytes())
    data[40] ^= 4
    store._store_dict["c/0/0"] = zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(
        bytes(data)
    )
    with pytest.raises(CorruptionError, match="its checksum is"):
        zarr.open_array(store)[...]


@pytest.mark.parametrize("dtype", ["float16", "int8", "int64", "bool"])
def test_arrays_of_other_types_are_refused_when_they_are_made(dtype: str) -> None:
    with pytest.raises(InputError, match="does not code"):
        zarr.create_array(
            MemoryStore(),
            shape=(4, 4),
            chunks=(4, 4),
            dtype=dtype,
            serializer=LatticeLPC(),
            compressors=None,
        )


def test_settings_of_a_later_release_are_refused() -> None:
    with pytest.raises(InputError, match="does not know the settings"):
        LatticeLPC.from_dict({"name": NAME, "configuration": {"level": 8, "taps": 30}})
