from __future__ import annotations

import numpy as np
from scipy.signal import periodogram

from panneuro.formats.readers import read
from panneuro.testing.fields import GAMMA_HZ, RATE_HZ, THETA_HZ, make_field


def test_each_area_has_its_rhythm(tmp_path):
    recording = read(make_field(tmp_path / "field.nwb", seconds=20))
    lfp, trials = recording["lfp"], recording["trials"].df
    values = lfp.read(scaled=True)
    assert values.shape == (20 * RATE_HZ, 8)
    assert recording["electrodes"].df.location.tolist() == ["CA1"] * 4 + ["VISp5"] * 4
    frequency, power = periodogram(values, RATE_HZ, axis=0)
    assert abs(frequency[power[:, 0].argmax()] - THETA_HZ) < 0.1
    for start, shown in zip(trials.start_time, trials.stimulus, strict=True):
        rows = slice(round(start * RATE_HZ), round((start + 0.5) * RATE_HZ))
        frequency, power = periodogram(values[rows, 7], RATE_HZ)
        at_gamma = power[np.abs(frequency - GAMMA_HZ) < 3].max()
        assert (at_gamma > 1e-10) == (shown == "grating")


def test_the_same_seed_makes_the_same_field(tmp_path):
    first, second = (make_field(tmp_path / f"{n}.nwb", seconds=5, seed=3) for n in (1, 2))
    assert np.array_equal(read(first)["lfp"].data[:], read(second)["lfp"].data[:])
