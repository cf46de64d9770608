from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.analysis.excitability import excitability, firing
from panneuro.core.errors import InputError


def answers(amplitudes_pa, rates_hz, ohms=2e8):
    current = np.array(amplitudes_pa) * 1e-12
    silent = np.array(rates_hz) == 0
    return pd.DataFrame(
        {
            "start_s": 0.1,
            "stop_s": 0.6,
            "amplitude_a": current,
            "n_spikes": np.round(np.array(rates_hz) * 0.5).astype(int),
            "rate_hz": rates_hz,
            "baseline_v": np.where(silent, -0.07, np.nan),
            "steady_v": np.where(silent, -0.07 + ohms * current, np.nan),
            "tau_s": np.where(silent, 0.02, np.nan),
            "sag": np.where(silent, 0.1, np.nan),
        }
    )


def test_a_cell_is_summarised():
    found = excitability(answers([-100, -50, 50, 100, 150, 200], [0, 0, 0, 10, 20, 30.0]))
    assert found["input_resistance_ohm"] == pytest.approx(2e8)
    assert found["rest_v"] == pytest.approx(-0.07)
    assert found["capacitance_f"] == pytest.approx(1e-10)
    assert found["rheobase_a"] == pytest.approx(1e-10)
    assert found["fi_slope_hz_per_a"] == pytest.approx(10 / 5e-11)
    assert found["max_rate_hz"] == 30


def test_what_was_not_asked_is_not_known():
    quiet = excitability(answers([-50, -50], [0, 0]))
    assert quiet["input_resistance_ohm"] == pytest.approx(2e8)
    assert np.isnan([quiet["rheobase_a"], quiet["fi_slope_hz_per_a"]]).all()
    driven = excitability(answers([100], [10.0]))
    assert driven["rheobase_a"] == pytest.approx(1e-10)
    assert np.isnan([driven["input_resistance_ohm"], driven["fi_slope_hz_per_a"]]).all()
    weak = excitability(answers([20, 40, 100], [0, 0, 10.0]))
    assert weak["input_resistance_ohm"] == pytest.approx(2e8)
    with pytest.raises(InputError, match="no column 'stop_s'"):
        excitability(answers([20], [0]).drop(columns="stop_s"))


def test_firing_in_a_pulse():
    found = firing([0.05, 0.2, 0.3, 0.4, 0.7], 0.1, 0.6)
    assert found["n_spikes"] == 3
    assert found["rate_hz"] == pytest.approx(6)
    assert found["latency_s"] == pytest.approx(0.1)
    assert found["isi_cv"] == pytest.approx(0, abs=1e-9)
    assert found["adaptation"] == pytest.approx(0, abs=1e-9)
    silent = firing([], 0.1, 0.6)
    assert silent["n_spikes"] == 0
    assert np.isnan([silent["latency_s"], silent["isi_cv"], silent["adaptation"]]).all()
    with pytest.raises(InputError, match="no duration"):
        firing([], 0.1, 0.1)
