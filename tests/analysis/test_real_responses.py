"""Responses of a real session: as pynapple counts them, and as the task predicts."""

from __future__ import annotations

import warnings

import numpy as np
import pynapple
import pytest

from panneuro.analysis.psth import count_windows, psth_by_condition, psth_tensor
from panneuro.analysis.quality import quality_table
from panneuro.analysis.rasters import raster
from panneuro.analysis.responses import first_spike_latency
from panneuro.analysis.selectivity import lifetime_sparseness
from panneuro.analysis.tuning import tuning_curves
from panneuro.formats.readers import read


@pytest.fixture(scope="module")
def session(sample_data):
    """Return units of mouse thalamus and trials in which it licked left or right."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read(
            sample_data / "nwb" / "sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb"
        )
    signals = {signal.name: signal for signal in found.signals}
    return signals["units"], signals["trials"]


def test_tensor_of_a_real_session_equals_pynapple(session):
    units, trials = session
    starts = trials["start_time"].astype(float)
    epochs = pynapple.IntervalSet(starts, starts + 2)
    theirs = pynapple.build_tensor(units.to_pynapple(), epochs, bin_size=0.05)
    ours = psth_tensor(units, starts, (0.0, 2.0), 0.05)
    assert ours.shape == (412, 4, 40)
    # pynapple makes the edges of its bins by adding up, so that a spike on one may fall beside it.
    moved = np.abs(ours.transpose("unit", "presentation", "time").astype(int) - theirs).sum()
    assert moved <= 2e-3 * ours.sum()
    np.testing.assert_array_equal(ours.sum("time"), count_windows(units, starts, starts + 2))
    assert raster(units, starts, (0.0, 2.0)).sizes["spike"] == ours.sum()


def test_real_units_tell_left_from_right_in_time(session):
    units, trials = session
    starts = trials["start_time"].astype(float)
    kind = trials["type"].astype(str)
    rates = psth_by_condition(units, starts, kind, (0.0, 4.0), 0.1)
    apart = abs(rates.rate[0] - rates.rate[1]) / np.hypot(rates.sem[0], rates.sem[1])
    assert float(apart.max()) > 4
    curves = tuning_curves(units, trials, "type")
    assert int(curves.n_presentations.sum()) == len(trials)
    sparseness = lifetime_sparseness(curves.rate, "type")
    assert ((sparseness >= 0) & (sparseness <= 1)).all()
    latency = first_spike_latency(units, starts, (0.0, 1.0))
    assert 0 <= float(latency.min()) < 1


def test_real_units_have_a_quality(session):
    units, _ = session
    times = np.asarray(units.times[:])
    table = quality_table(units, float(times.min()), float(times.max()))
    assert table.n_spikes.sum() == 34_057
    assert (table.isi_violations_ratio < 0.5).all()
    assert table.presence_ratio.between(0, 1).all()
