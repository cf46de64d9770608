"""Generated recordings: whatever a codec must live with, from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def noise(rows: int, channels: int, seed: int = 0, scale: float = 8.0) -> Array:
    """Return noise as electrodes see it: alike in time, between neighbours and 24 apart."""
    rng = np.random.default_rng(seed)
    white = rng.normal(0, scale, (rows + 2, channels))
    shared = np.tile(rng.normal(0, scale, (rows + 2, 24)), (1, channels // 24 + 1))
    white += 0.8 * shared[:, :channels]
    white[:, 1:] += 0.7 * white[:, :-1]
    smooth = white[2:] + 0.8 * white[1:-1] + 0.3 * white[:-2]
    return np.rint(smooth).clip(-32768, 32767).astype(np.int16)


def scaled(codes: Array, step: float, seed: int = 0) -> Array:
    """Return codes as a recorder stores them that scales by no whole number."""
    bases = np.random.default_rng(seed).uniform(-90, 90, codes.shape[1])
    return np.floor(codes * step + bases + 0.5).clip(-32768, 32767).astype(np.int16)


def troubled(rows: int = 2500, channels: int = 32) -> Array:
    """Return a recording with dead, saturated, digital and noisy channels among good ones."""
    rng = np.random.default_rng(5)
    samples = noise(rows, channels, 5)
    samples[:, 3] = 0
    samples[:, 7] = 32767
    samples[:, 11] = np.where(rng.random(rows) < 0.5, -32768, 32767)
    samples[:, 13] = np.repeat(rng.integers(0, 2, rows // 50 + 1), 50)[:rows] * 64
    samples[:, 17] = rng.integers(-32768, 32768, rows)
    samples[rows // 2 : rows // 2 + 40] = 32767
    return samples


def full_range(shape: tuple[int, ...], dtype: str, seed: int = 1) -> Array:
    """Return every bit at random."""
    bounds = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    return rng.integers(bounds.min, bounds.max, shape, dtype, endpoint=True)


CASES: dict[str, Array] = {
    "probe": noise(2100, 50),
    "wide": noise(2100, 64, 18),
    "lattice": scaled(noise(700, 30, 2), 12.01923),
    "fine-lattice": scaled(noise(500, 10, 3), 3.9125),
    "troubled": troubled(),
    "one-channel": noise(3000, 1, 4),
    "tetrode": noise(900, 4, 5),
    "one-row": noise(1, 40, 6),
    "few-rows": noise(9, 12, 7),
    "one": np.array([[7]], np.int16),
    "empty": np.zeros((0, 5), np.int16),
    "no-channels": np.zeros((5, 0), np.int16),
    "constant": np.full((300, 9), -32768, np.int16),
    "random": full_range((400, 20), "int16"),
    "extremes": np.where(noise(300, 6, 8) > 0, 32767, -32768).astype(np.int16),
    "palette": np.array([-30000, -900, -7, 3, 5, 999, 20000, 31000], np.int16)[
        noise(900, 3, 9, 1.0).clip(-4, 3) + 4
    ],
    "frames": full_range((20, 6, 5), "int16") // 512,
    "uint16": (noise(2100, 12, 10).astype(np.int32) + 32768).astype(np.uint16),
    "uint16-random": full_range((300, 6), "uint16"),
    "int32": noise(2100, 9, 11).astype(np.int32) * 3,
    "int32-24-bit": np.cumsum(noise(3000, 5, 12).astype(np.int32) * 900, axis=0, dtype=np.int32),
    "int32-random": full_range((300, 5), "int32"),
    "int32-extremes": np.where(noise(100, 5) > 0, 2**31 - 1, -(2**31)).astype(np.int32),
    "uint32": (noise(500, 5, 13).astype(np.int64) + 2**31).astype(np.uint32),
    "float32": noise(900, 6, 14).astype(np.float32) * np.float32(0.195),
    "float64": noise(900, 2, 15) * 3.05e-7 + 1e-4,
    "float64-random": np.random.default_rng(16).normal(0, 1, (300, 700)),
    "float32-odd": np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -7], np.float32)[
        noise(900, 3, 17, 1.0).clip(-4, 3) + 4
    ],
    "uint32-random": full_range((300, 5), "uint32"),
}
