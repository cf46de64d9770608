"""The entropy stage gives residuals back and comes near their entropy, compiled and plain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.codecs import entropy
from panneuro.codecs.entropy import BLOCK, MANY, MOST_TABLES, STATES, Coded, decode, encode
from panneuro.codecs.native import kernels

from .recordings import full_range

Array = np.ndarray[Any, np.dtype[Any]]

compiled = pytest.mark.skipif(
    kernels() is None, reason="kernels are not compiled: python scripts/build_kernels.py"
)


def laplace(scales: Array, rows: int, dtype: str = "int16", seed: int = 0) -> Array:
    """Return residuals of channels of some scales."""
    bounds = np.iinfo(dtype)
    exact = np.random.default_rng(seed).laplace(0, scales[:, None], (len(scales), rows))
    return np.rint(exact).clip(bounds.min, bounds.max).astype(dtype)


def n_bytes(coded: Coded) -> int:
    return int(coded.words.nbytes + coded.extra.nbytes)


@st.composite
def residuals(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(["int16", "int32"]))
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 3 * BLOCK))
    seed = draw(st.integers(0, 999))
    if draw(st.booleans()):
        return full_range(shape, dtype, seed)
    most = 15 if dtype == "int16" else 31
    scales = 2.0 ** np.random.default_rng(seed).uniform(-3, most, shape[0])
    return laplace(scales, shape[1], dtype, seed)


many = st.sampled_from([1, MANY])


@settings(max_examples=80, deadline=None)
@given(residuals(), many)
def test_any_residuals_come_back(planes: Array, least: int) -> None:
    with patch.object(entropy, "MANY", least):
        coded = encode(planes)
    assert len(coded.states) == STATES[least == 1]
    for with_kernels in (True, False):
        back = decode(coded, planes.shape, planes.dtype, compiled=with_kernels)
        np.testing.assert_array_equal(back, planes)


@compiled
@settings(max_examples=40, deadline=None)
@given(residuals(), many)
def test_the_plain_form_codes_the_same(planes: Array, least: int) -> None:
    with patch.object(entropy, "MANY", least):
        fast, plain = encode(planes), encode(planes, compiled=False)
    for name, value in vars(fast).items():
        np.testing.assert_array_equal(value, getattr(plain, name), name)


@pytest.mark.parametrize("scale", [0.02, 0.3, 4.0, 30.0, 2000.0])
def test_it_comes_near_the_entropy(scale: float) -> None:
    planes = laplace(np.full(40, scale), 4000)
    shares = np.unique_counts(planes).counts / planes.size
    entropy = -(shares * np.log2(shares)).sum() * planes.size / 8
    assert n_bytes(encode(planes)) < 1.01 * entropy + 64


def test_channels_of_different_scales_do_not_mix() -> None:
    scales = np.array([2.0, 40.0, 900.0])
    together = n_bytes(encode(laplace(np.repeat(scales, 8), 4000)))
    alone = sum(n_bytes(encode(laplace(np.full(8, scale), 4000))) for scale in scales)
    assert together < 1.005 * alone


def test_bursts_are_coded_as_such() -> None:
    planes = laplace(np.full(8, 3.0), 64 * BLOCK)
    burst = np.tile(np.repeat([1, 30], [3 * BLOCK, BLOCK]), 16)
    louder = (planes * burst).astype(np.int16)
    assert n_bytes(encode(louder)) < n_bytes(encode(planes)) + planes.size / 4 * np.log2(30) / 8


def test_silence_costs_nothing() -> None:
    assert n_bytes(encode(np.zeros((50, 5000), np.int16))) == 0


def test_there_are_no_more_tables_than_fit() -> None:
    scales = 2.0 ** np.linspace(-3, 31, 400)
    planes = laplace(scales, 2 * BLOCK, "int32")
    coded = encode(planes)
    assert coded.tables.max() < len(coded.shifts) <= MOST_TABLES
    np.testing.assert_array_equal(decode(coded, planes.shape, planes.dtype), planes)


@pytest.mark.parametrize("with_kernels", [True, False], ids=["kernels", "plain"])
@pytest.mark.parametrize("part", ["words", "extra", "states"])
@pytest.mark.parametrize("least", [1, MANY], ids=["many", "few"])
def test_what_does_not_fit_is_told(least: int, part: str, with_kernels: bool) -> None:
    planes = laplace(np.array([3.0, 900.0]), 700)
    with patch.object(entropy, "MANY", least):
        coded = encode(planes)
    whole = getattr(coded, part)
    changed = {"longer": np.append(whole, whole[:1]), "other": whole ^ whole.dtype.type(1)}
    if part != "states":
        changed["shorter"] = whole[:-1]
        changed["none"] = whole[:0]
    else:
        del changed["longer"]
    for kind, value in changed.items():
        damaged = replace(coded, **{part: value})
        back = decode(damaged, planes.shape, planes.dtype, compiled=with_kernels)
        if part == "extra" and kind == "other":
            assert back is None or not np.array_equal(back, planes)
        else:
            assert back is None, kind
