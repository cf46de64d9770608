from __future__ import annotations

import numpy as np
import pytest

from panneuro.core.errors import InputError
from panneuro.pipelines.sweeps import sweeps_of
from panneuro.testing.cells import AMPLITUDES_A, PULSE_S, RATE_HZ, make_cell
from panneuro.testing.sessions import make_session


def test_each_response_goes_with_what_was_given(lake, add, tmp_path):
    found = list(sweeps_of(lake[add(make_cell(tmp_path / "cell.nwb"))]))
    assert [sweep.number for sweep in found] == list(range(len(AMPLITUDES_A)))
    for sweep, amplitude in zip(found, AMPLITUDES_A, strict=True):
        assert sweep.clamp == "current"
        assert sweep.rate_hz == RATE_HZ
        assert sweep.stimulus.name == sweep.name.replace("v_", "i_")
        (pulse,) = sweep.pulses().to_dict("records")
        assert (pulse["start_s"], pulse["stop_s"]) == pytest.approx(PULSE_S)
        assert pulse["amplitude"] == pytest.approx(amplitude)
        assert sweep.holding() == 0
        assert len(sweep.values()) == 0.8 * RATE_HZ


def test_sweeps_of_an_abf_file_have_their_commands(lake, add, sample_data):
    asset = lake[add(sample_data / "patch/pyabf/18711001.abf")]
    found = list(sweeps_of(asset))
    assert len(found) == 30
    steps = [sweep.pulses()["amplitude"].iloc[-1] for sweep in found[1:]]
    assert np.diff(steps) == pytest.approx([1e-11] * 28)


def test_other_assets_have_none(lake, add, tmp_path):
    session = make_session(tmp_path / "rig", seconds=3, n_channels=4, n_units=4)
    with pytest.raises(InputError, match="has no sweeps"):
        list(sweeps_of(lake[add(session.sorted)]))
