from __future__ import annotations

import numpy as np
import pytest

from panneuro.formats.readers import read
from panneuro.testing.cells import (
    AMPLITUDES_A,
    PULSE_S,
    RATE_HZ,
    RESISTANCE_OHM,
    REST_V,
    THRESHOLD_V,
    make_cell,
)


def test_the_cell_obeys_ohm_and_fires_above_its_rheobase(tmp_path):
    recording = read(make_cell(tmp_path / "cell.nwb"))
    last = slice(round((PULSE_S[1] - 0.05) * RATE_HZ), round(PULSE_S[1] * RATE_HZ))
    for number, amplitude in enumerate(AMPLITUDES_A):
        voltage = recording[f"v_{number:02d}"].read(scaled=True).ravel()
        current = recording[f"i_{number:02d}"].read(scaled=True).ravel()
        assert current[last] == pytest.approx(amplitude)
        assert voltage[:1000].mean() == pytest.approx(REST_V, abs=1e-4)
        fires = REST_V + RESISTANCE_OHM * amplitude > THRESHOLD_V
        assert (voltage.max() > 0) == fires
        if not fires:
            expected = REST_V + RESISTANCE_OHM * amplitude
            assert np.mean(voltage[last]) == pytest.approx(expected, abs=1e-4)
