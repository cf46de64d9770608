from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from panneuro.core.errors import InputError
from panneuro.lake.coding import ahead, chooser
from panneuro.storage.chunks import ChunkCoder, same

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "noise": RANDOM.normal(0, 50, (5000, 8)).astype("i2"),
    "floats": RANDOM.normal(0, 1, 5000),
    "flags": RANDOM.random(5000) > 0.5,
    "constant": np.zeros((5000, 4), "i4"),
    "wide": RANDOM.integers(0, 2**63, (100, 3), dtype="u8"),
    "images": RANDOM.integers(0, 255, (10, 16, 16), dtype="u1"),
    "nan": np.full(100, np.nan, "f4"),
    "complex": RANDOM.normal(0, 1, 64).astype("c8"),
    "one": np.array([7], "i2"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_chosen_coding_gives_back_every_bit(name):
    data = ARRAYS[name]
    choice = chooser()(data, data.shape)
    coder = ChunkCoder(data.shape, data.dtype, choice.codecs)
    assert same(data, coder.decode(coder.encode_verified(data)))
    assert choice.name in choice.why
    assert choice == chooser()(data, data.shape)


def test_only_what_is_wanted():
    assert chooser(["blosc"])(ARRAYS["noise"], (5000, 8)).name == "blosc"
    with pytest.raises(InputError, match="'wavelet'"):
        chooser(["wavelet"])(ARRAYS["noise"], (5000, 8))


def test_what_is_hopeless_is_tried_on_one_sample_alone(monkeypatch):
    tried, encode = [], ChunkCoder.encode_verified

    def counted(coder, values):
        tried.append(coder.codecs[-2]["name"])
        return encode(coder, values)

    monkeypatch.setattr(ChunkCoder, "encode_verified", counted)
    steps = RANDOM.integers(0, 5, (9000, 8)).cumsum(axis=0).astype("i4")
    choice = chooser(["pcodec", "blosc"])(steps, (3000, 8))
    assert tried == ["numcodecs.pcodec"] * 3 + ["blosc"]
    assert choice.name == "pcodec"
    assert "blosc" in choice.why


def test_a_sample_of_which_little_is_made_decides_nothing():
    quiet, loud = np.zeros((3000, 8), "i4"), RANDOM.normal(0, 50, (6000, 8)).astype("i4")
    whole = np.concatenate([quiet, loud])
    best = chooser(["pcodec", "blosc"])(loud, (3000, 8)).name
    assert chooser(["pcodec", "blosc"])(whole, (3000, 8)).name == best
    assert chooser(["pcodec", "blosc"])(whole[::-1].copy(), (3000, 8)).name == best


def test_the_noise_floor_goes_with_the_choice():
    white = RANDOM.normal(0, 50, (8192, 8)).round().astype("i2")
    assert chooser()(white, (2048, 8)).noise_floor_bits == pytest.approx(7.69, rel=0.01)
    assert chooser()(ARRAYS["floats"], (5000,)).noise_floor_bits is None


def test_what_is_chosen_ahead_is_what_would_be_chosen():
    long = RANDOM.normal(0, 50, (200_000, 4)).round().astype("i2")
    asked = []

    def choose(data, chunk):
        asked.append((len(data), chunk))
        return chooser(["blosc"])(data, chunk)

    arrays = {"a/data": long, "b/data": ARRAYS["noise"], "units/spike_times": np.zeros(200_000)}
    with ThreadPoolExecutor(2) as threads:
        chosen = ahead(choose, arrays, threads)
    (chunk,) = [chunk for rows, chunk in asked if rows == len(long)]
    assert asked == [(len(long), chunk)]
    assert chosen(long, chunk) == chooser(["blosc"])(long, chunk)
    assert len(asked) == 1
    assert chosen(long, (1000, 4)).name == chosen(ARRAYS["noise"], (5000, 8)).name == "blosc"
    assert len(asked) == 3
