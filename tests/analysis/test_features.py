"""Gabor filters see bars, and motion goes where it goes."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_blocks_are_as_the_whole(monkeypatch):
    bank = gabor_bank(16, 16, cycles_per_pixel=[1 / 8], n_orientations=2)
    pictures = np.random.default_rng(0).normal(size=(25, 16, 16))
    whole, moving = gabor_energy(pictures, bank), motion_energy(pictures, bank, 20.0)
    monkeypatch.setattr("panneuro.analysis.features.BLOCK_BYTES", 16 * 16 * 8 * 3)
    np.testing.assert_allclose(gabor_energy(pictures, bank), whole, rtol=1e-12)
    np.testing.assert_allclose(motion_energy(pictures, bank, 20.0), moving, rtol=1e-9)


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
    with pytest.raises(InputError, match="not finite"):
        gabor_energy(np.full((2, 16, 16), np.nan), bank)
    with pytest.raises(InputError, match="cycles a pixel"):
        gabor_bank(16, 16, cycles_per_pixel=[0.7])
    with pytest.raises(InputError, match="a bank of 0"):
        gabor_bank(16, 16, n_orientations=0)
