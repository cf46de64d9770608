"""Replay is found where it is, and nowhere else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from panneuro.analysis.fields import Fields
from panneuro.analysis.replay import score_posterior, score_replay, score_replays
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals

CENTRES = np.arange(2.5, 100, 5)


def fields(n_units=25, seed=0):
    places = np.random.default_rng(seed).uniform(0, 100, n_units)
    rates = 0.5 + 25 * np.exp(-((CENTRES - places[:, None]) ** 2) / 120)
    return Fields(rates, np.ones(20), (np.arange(0, 101, 5.0),))


def replayed(which, start=5, stop=95, n_times=12, gain=8.0, seed=0):
    path = np.linspace(start, stop, n_times)
    bins = np.clip(path / 5, 0, 19).astype(int)
    return np.random.default_rng(seed).poisson(gain * which.rates_hz[:, bins].T * 0.02)


def test_a_replay_is_found_in_both_directions():
    which = fields()
    for kind in ("cells", "positions", "times"):
        forward = score_replay(replayed(which), which, 0.02, shuffle=kind, n_shuffles=199)
        assert forward.correlation > 0.8
        assert forward.p_line < 0.02
        assert forward.p_correlation < 0.02
        assert forward.speed == pytest.approx(90 / (11 * 0.02), rel=0.25)
    reverse = score_replay(replayed(which, 95, 5), which, 0.02, n_shuffles=99)
    assert reverse.correlation < -0.8
    assert reverse.speed < 0


def test_nothing_is_replayed_by_chance():
    which, random = fields(), np.random.default_rng(1)
    found = [
        score_replay(random.poisson(0.15, (12, 25)), which, 0.02, n_shuffles=39, seed=one)
        for one in range(40)
    ]
    for p in ([one.p_line for one in found], [one.p_correlation for one in found]):
        assert np.mean(np.array(p) <= 0.1) <= 0.3
        assert 0.35 < np.mean(p) < 0.65


def test_events_are_judged_alike_by_any_number_of_workers(processes):
    which = fields()
    counts = replayed(which)
    trains = {
        cell: np.concatenate([np.full(n, 1 + 0.02 * t + 0.01) for t, n in enumerate(row)])
        for cell, row in enumerate(counts.T)
    }
    frame = pd.DataFrame({"start_time": [1.0, 5.0], "stop_time": [1.24, 5.2]})
    events = Intervals.from_frame("ripples", frame)
    alone = score_replays(trains, events, which, n_shuffles=50)
    with ThreadPoolExecutor(2) as executor:
        shared = score_replays(trains, events, which, n_shuffles=50, executor=executor)
    pd.testing.assert_frame_equal(alone, shared)
    apart = score_replays(trains, events, which, n_shuffles=50, executor=processes)
    pd.testing.assert_frame_equal(alone, apart)
    direct = score_replay(counts, which, 0.02, n_shuffles=50)
    assert alone.line[0] == pytest.approx(direct.line)
    assert alone.n_active.tolist()[1] == 0
    assert np.isnan(alone.p_line[1])


def test_what_cannot_be_judged_is_said():
    which = fields()
    plane = Fields(np.ones((25, 2, 2)), np.ones((2, 2)), (np.arange(3.0), np.arange(3.0)))
    with pytest.raises(InputError, match="spikes in 0 bins"):
        score_replay(np.zeros((5, 25), int), which, 0.02)
    with pytest.raises(InputError, match="several axes"):
        score_replay(np.ones((5, 25), int), plane, 0.02)
    with pytest.raises(InputError, match="no shuffle"):
        score_replay(np.ones((5, 25), int), which, 0.02, shuffle="spikes")
    with pytest.raises(InputError, match="0 shuffles"):
        score_replay(np.ones((5, 25), int), which, 0.02, n_shuffles=0)


@pytest.mark.parametrize("shuffle", ["positions", "times"])
def test_a_posterior_is_judged_as_the_counts_that_it_came_from(shuffle):
    which = fields()
    options = {"shuffle": shuffle, "n_shuffles": 50, "seed": 3}
    of_counts = score_replay(replayed(which), which, 0.02, **options)
    assert score_posterior(of_counts.posterior, **options) == of_counts


def test_what_is_no_posterior_is_said():
    places = {"time": np.arange(4) * 0.02, "position": CENTRES[:4]}
    good = xr.DataArray(np.eye(4), places, ("time", "position"))
    with pytest.raises(InputError, match="no shuffle 'cells'"):
        score_posterior(good, shuffle="cells")
    with pytest.raises(InputError, match="dims"):
        score_posterior(good.rename(time="trial"))
    with pytest.raises(InputError, match="negative"):
        score_posterior(-good)
    with pytest.raises(InputError, match="spikes in 2 bins"):
        score_posterior(good.where(good["time"] < 0.03, 0))
    with pytest.raises(InputError, match="ndarray"):
        score_posterior(np.eye(4))


def test_events_without_an_end_are_said():
    which = fields()
    for stop in (0.5, np.nan):
        frame = pd.DataFrame({"start_time": [1.0], "stop_time": [stop]})
        with pytest.raises(InputError, match="event 0 lasts from 1"):
            score_replays({}, Intervals.from_frame("ripples", frame), which)
    frame = pd.DataFrame({"start_time": [1.0], "stop_time": [2.0]})
    with pytest.raises(InputError, match=r"lasts 0\.0 s"):
        score_replays({}, Intervals.from_frame("ripples", frame), which, 0.0)
