"""Gabor filters see bars, and motion goes where it goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.features import gabor_bank, gabor_energy, motion_energy
from panneuro.core.errors import InputError


def grating(degrees, phase=0.0, size=48, frequency=1 / 8):
    x, up = np.meshgrid(np.arange(size), -np.arange(size))
    angle = np.deg2rad(degrees + 90)
    along = x * np.cos(angle) + up * np.sin(angle)
    return np.cos(2 * np.pi * frequency * along - phase)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 135.0])
def test_energy_prefers_its_orientation_at_any_phase(degrees):
    bank = gabor_bank(48, 48, cycles_per_pixel=[1 / 16, 1 / 8, 1 / 4], n_orientations=4)
    pictures = np.stack([grating(degrees, phase) for phase in np.linspace(0, 2 * np.pi, 9)])
    energy = gabor_energy(pictures, bank)
    best = bank.table.iloc[energy.mean(axis=0).argmax()]
    assert best.orientation_deg == degrees
    assert best.cycles_per_pixel == 1 / 8
    inner = (bank.table.x.between(16, 32) & bank.table.y.between(16, 32)).to_numpy()
    strong = (
        inner & (bank.table.orientation_deg == degrees) & (bank.table.cycles_per_pixel == 1 / 8)
    )
    seen = energy[:, strong]
    assert np.all(seen.std(axis=0) < 0.06 * seen.mean(axis=0))


def test_filters_ignore_brightness_and_have_unit_norm():
    bank = gabor_bank(20, 30, cycles_per_pixel=[1 / 10], n_orientations=3)
    np.testing.assert_allclose(np.linalg.norm(bank.even, axis=(1, 2)), 1)
    np.testing.assert_allclose(bank.odd.sum(axis=(1, 2)), 0, atol=1e-12)
    assert np.all(gabor_energy(np.full((1, 20, 30), 7.0), bank) < 1e-10)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32))
def test_blocks_are_as_the_whole(n_frames, frames_a_block, seed):
    bank = gabor_bank(8, 8, cycles_per_pixel=[1 / 4], n_orientations=2)
    film = np.random.default_rng(seed).normal(size=(n_frames, 8, 8))
    whole, moving = gabor_energy(film, bank), motion_energy(film, bank, 20.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("panneuro.analysis.features.BLOCK_BYTES", 8 * 128 * frames_a_block)
        np.testing.assert_allclose(gabor_energy(film, bank), whole, rtol=1e-12)
        np.testing.assert_allclose(motion_energy(film, bank, 20.0), moving, atol=1e-12)


def test_motion_is_that_of_its_definition():
    """Each direction is the sum of squares of two filters that are oriented in space and time."""
    rate, temporal = 20.0, 4.0
    bank = gabor_bank(8, 8, cycles_per_pixel=[1 / 4], n_orientations=2)
    film = np.random.default_rng(0).normal(size=(30, 8, 8))
    found = motion_energy(film, bank, rate, temporal_hz=temporal)
    sigma = 0.5 / temporal
    t = np.arange(-8, 9) / rate
    envelope = np.exp(-(t**2) / (2 * sigma**2))
    slow, fast = (envelope * of(2 * np.pi * temporal * t) for of in (np.cos, np.sin))
    size = np.sqrt((slow**2 + fast**2).sum())
    for one in range(len(bank)):
        even, odd = (np.einsum("tyx,yx->t", film, of[one]) for of in (bank.even, bank.odd))
        parts = {
            (a, b): np.convolve(space, time / size, "same")
            for a, space in (("even", even), ("odd", odd))
            for b, time in (("slow", slow), ("fast", fast))
        }
        for way, sign in enumerate((1, -1)):
            real = parts["even", "slow"] - sign * parts["odd", "fast"]
            imaginary = parts["even", "fast"] + sign * parts["odd", "slow"]
            np.testing.assert_allclose(found[:, one, way], real**2 + imaginary**2, atol=1e-9)


@pytest.mark.parametrize("orientation", [0, 45, 90, 135])
@pytest.mark.parametrize("way", [1, -1])
def test_motion_goes_where_it_goes(orientation, way):
    rate, drift = 60.0, 4.0
    film = np.stack(
        [grating(orientation, way * 2 * np.pi * drift * t / rate, 32) for t in range(90)]
    )
    bank = gabor_bank(32, 32, cycles_per_pixel=[1 / 8], n_orientations=4)
    energy = motion_energy(film, bank, rate, temporal_hz=drift)[45]
    best = np.unravel_index(energy.argmax(), energy.shape)
    assert bank.table.orientation_deg[best[0]] == orientation
    assert best[1] == (0 if way > 0 else 1)
    same = (bank.table.orientation_deg == orientation).to_numpy()
    assert energy[same, best[1]].mean() > 20 * energy[same, 1 - best[1]].mean()


def test_a_film_backwards_moves_the_other_way():
    film = np.random.default_rng(0).normal(size=(41, 16, 16))
    bank = gabor_bank(16, 16, cycles_per_pixel=[1 / 8], n_orientations=4)
    ahead, back = (motion_energy(one, bank, 30.0) for one in (film, film[::-1]))
    np.testing.assert_allclose(ahead[::-1, :, ::-1], back, rtol=1e-9, atol=1e-12)


def test_what_cannot_be_seen_is_said():
    bank = gabor_bank(16, 16, cycles_per_pixel=[1 / 8], n_orientations=2)
    with pytest.raises(InputError, match="met filters of 16"):
        gabor_energy(np.ones((2, 16, 16, 3)), bank)
    with pytest.raises(InputError, match="half of"):
        motion_energy(np.ones((9, 16, 16)), bank, 6.0)
    with pytest.raises(InputError, match="cannot hold"):
        motion_energy(np.ones((9, 16, 16)), bank, 20.0, cycles_per_sigma=0.0)
    for energy in (gabor_energy, lambda film, bank, **how: motion_energy(film, bank, 20.0, **how)):
        with pytest.raises(InputError, match="max_bytes allows"):
            energy(np.ones((9, 16, 16)), bank, max_bytes=100)
    with pytest.raises(InputError, match="not finite"):
        gabor_energy(np.full((2, 16, 16), np.nan), bank)
    with pytest.raises(InputError, match="cycles a pixel"):
        gabor_bank(16, 16, cycles_per_pixel=[0.7])
    with pytest.raises(InputError, match="0 orientations"):
        gabor_bank(16, 16, n_orientations=0)
