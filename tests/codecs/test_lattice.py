"""Lattices are found where they are, only there, and give back every sample."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.codecs import lattice
from panneuro.codecs.lattice import AFFINE, PALETTE, PLAIN, Lattice, apply, find

from .recordings import CASES, full_range, noise, scaled


@pytest.mark.parametrize("step", [2.0, 3.9125, 7.5, 12.01923, 40.0])
def test_the_step_is_found(step: float) -> None:
    codes = noise(1500, 24, 1)
    found, back = find(scaled(codes, step))
    assert (found.modes == AFFINE).all()
    assert found.step / 2**20 == pytest.approx(step, rel=2e-3)
    assert np.ptp(back.astype(int) - codes, axis=0).max() == 0


@pytest.mark.parametrize("name", ["probe", "random", "int32-random", "one-row", "few-rows", "one"])
def test_none_is_found_where_there_is_none(name: str) -> None:
    samples = CASES[name]
    found, codes = find(samples)
    assert not found.modes.any()
    assert codes is samples


def test_wide_noise_is_no_lattice() -> None:
    samples = noise(2000, 16, 3, scale=2500.0)
    assert not find(samples)[0].modes.any()


def test_irregular_levels_make_a_palette() -> None:
    found, codes = find(CASES["palette"])
    assert (found.modes == PALETTE).all()
    assert np.ptp(codes) < 8
    np.testing.assert_array_equal(apply(codes, found), CASES["palette"])


def test_a_channel_off_the_lattice_stays_as_it_is() -> None:
    samples = scaled(noise(1500, 16, 2), 12.01923)
    samples[:, 5] = noise(1500, 1, 9)[:, 0]
    found, codes = find(samples)
    assert found.modes[5] == PLAIN
    assert (np.delete(found.modes, 5) == AFFINE).all()
    np.testing.assert_array_equal(apply(codes, found), samples)


def test_short_bases_are_chosen() -> None:
    found, _ = find(scaled(noise(1500, 8, 2), 12.01923))
    assert found.shift >= 8
    assert (found.bases % (1 << found.shift) == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 60), st.integers(2, 600), st.integers(1, 12), st.integers(0, 999))
def test_codes_always_give_back_the_samples(
    step: float, rows: int, channels: int, seed: int
) -> None:
    samples = scaled(noise(rows, channels, seed), step, seed)
    found, codes = find(samples)
    np.testing.assert_array_equal(apply(codes, found), samples)


@pytest.mark.parametrize("name", ["lattice", "palette", "fine-lattice"])
def test_without_kernels_the_same_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_kernels, codes = find(CASES[name])
    monkeypatch.setattr(lattice, "kernels", lambda: None)
    found, plain = find(CASES[name])
    np.testing.assert_array_equal(plain, codes)
    np.testing.assert_array_equal(found.bases, with_kernels.bases)
    np.testing.assert_array_equal(apply(codes, found), CASES[name])


def test_codes_wrap_as_the_specification_says() -> None:
    codes = full_range((50, 3), "int16")
    affine = Lattice(np.full(3, AFFINE, np.int16), 5 << 20, np.array([0, 1 << 20, -(1 << 62)]), 0)
    wanted = ((codes.astype(np.int64) * (5 << 20) + affine.bases) >> 20).astype(np.int16)
    np.testing.assert_array_equal(apply(codes, affine), wanted)


def test_a_known_step_is_taken_where_it_fits_and_only_there() -> None:
    samples = scaled(noise(900, 12, 2), 12.01923)
    lattice, codes = find(samples)
    again, same = find(samples, lattice.step)
    assert again.step == lattice.step
    np.testing.assert_array_equal(same, codes)
    assert find(samples, lattice.step * 3 // 4)[0].step == lattice.step


@pytest.mark.parametrize("with_kernels", [True, False], ids=["kernels", "plain"])
def test_a_digital_channel_among_scaled_ones_has_a_palette(
    with_kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = scaled(noise(900, 12, 2), 12.01923)
    samples[:, 5] = np.where(np.arange(900) % 90 < 45, 7, 5001)
    if not with_kernels:
        monkeypatch.setattr("panneuro.codecs.lattice.kernels", lambda: None)
    lattice, codes = find(samples)
    assert lattice.modes.tolist() == [AFFINE] * 5 + [PALETTE] + [AFFINE] * 6
    np.testing.assert_array_equal(apply(codes, lattice), samples)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 2500),
    st.integers(1, 20),
    st.floats(-2, 13),
    st.sampled_from([1.0, 2.3, 3.9, 12.0]),
    st.booleans(),
    st.integers(0, 999),
)
def test_a_glance_sees_the_same_without_kernels(
    rows: int, channels: int, octaves: float, step: float, switched: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    exact = np.floor(np.rint(rng.normal(0, 2**octaves, (rows, channels))) * step + rng.uniform())
    samples = exact.clip(-(1 << 15), (1 << 15) - 1).astype(np.int16)
    if switched:
        samples[:, 0] = rng.choice([-(1 << 15), 0, 5, (1 << 15) - 1], rows)
    seen = lattice._sparse(samples), lattice._digital(samples).tolist()
    with patch.object(lattice, "kernels", lambda: None):
        assert (lattice._sparse(samples), lattice._digital(samples).tolist()) == seen
