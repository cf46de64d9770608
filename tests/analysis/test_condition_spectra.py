"""Spectra by condition against their definitions and processes of known density."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from panneuro.analysis.condition_spectra import chi_squared_interval, power_by_condition
from panneuro.analysis.spectra import multitaper
from panneuro.core.errors import InputError
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1250.0
WINDOW_S = (0.0, 1.0)


def noise(n=40_000, channels=3, seed=0):
    values = np.random.default_rng(seed).standard_normal((n, channels)).cumsum(0) * 0.1
    return TimeSeries("lfp", values, "volts", rate_hz=RATE_HZ, start_s=2.0)


def test_conditions_have_the_mean_of_their_windows():
    lfp = noise()
    onsets_s = np.arange(2.0, 30.0, 0.5)
    shown = np.array(["b", "a", "c", "a"])[np.arange(len(onsets_s)) % 4]
    found = power_by_condition(lfp, onsets_s, shown, (0.0, 0.25), max_hz=150)
    each = multitaper(lfp, onsets_s, (0.0, 0.25), max_hz=150)
    assert found.condition.values.tolist() == ["a", "b", "c"]
    assert found.n_presentations.values.tolist() == [28, 14, 14]
    for name in "abc":
        np.testing.assert_allclose(
            found.power.sel(condition=name), each[shown == name].mean("presentation"), rtol=1e-4
        )


def test_the_jackknife_leaves_each_presentation_out_once():
    lfp = noise()
    onsets_s = np.arange(3.0, 10.0, 0.5)
    found = power_by_condition(lfp, onsets_s, np.zeros(14), (0.0, 0.3), max_hz=50)
    each = multitaper(lfp, onsets_s, (0.0, 0.3), max_hz=50).values.astype(float)
    logs = np.log([np.delete(each, i, 0).mean(0) for i in range(14)])
    reach = stats.t.ppf(0.975, 13) * np.sqrt(13 / 14 * ((logs - logs.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(np.log(found.high / found.power)[0], reach, rtol=1e-3)
    np.testing.assert_allclose(np.log(found.power / found.low)[0], reach, rtol=1e-3)


@pytest.mark.parametrize("interval", ["jackknife", "chi2"])
def test_intervals_hold_the_truth_as_often_as_they_say(interval):
    random = np.random.default_rng(11)
    lfp = TimeSeries("x", random.standard_normal((150_000, 8)), rate_hz=RATE_HZ)
    onsets_s = np.arange(0.0, 119.0, 0.25)
    shown = np.arange(len(onsets_s)) // 12
    found = power_by_condition(
        lfp, onsets_s, shown, (0.0, 0.24), max_hz=400, interval=interval, level=0.9
    ).sel(frequency=slice(30, 400))
    truth = 2 / RATE_HZ
    held = ((found.low < truth) & (truth < found.high)).mean()
    assert 0.87 < float(held) < 0.93


def test_one_presentation_has_no_jackknife():
    found = power_by_condition(noise(), [3.0, 4.0, 5.0], ["a", "a", "b"], (0.0, 0.3))
    assert np.isnan(found.low.sel(condition="b")).all()
    assert np.isfinite(found.low.sel(condition="a")).all()
    chi2 = power_by_condition(noise(), [3.0], ["b"], (0.0, 0.3), interval="chi2")
    assert (chi2.low < chi2.high).all()


def test_only_the_windows_are_read():
    read = []

    def rows(start, stop):
        read.append((start, stop))
        return np.random.default_rng(start).standard_normal((stop - start, 2))

    lazy = TimeSeries("lfp", Sliced((10_000_000, 2), np.float64, rows), rate_hz=RATE_HZ)
    power_by_condition(lazy, [10.0, 7000.0], [1, 2], (0.0, 0.3))
    assert sum(stop - start for start, stop in read) == 2 * 375


def test_workers_change_nothing():
    lfp = noise()
    onsets_s = np.random.default_rng(0).uniform(2.0, 33.0, 90)
    asked = (lfp, onsets_s, np.arange(90) % 3, (0.0, 0.4))
    alone = power_by_condition(*asked)
    for workers in (1, 3):
        with ThreadPoolExecutor(workers) as pool:
            assert power_by_condition(*asked, executor=pool).identical(alone)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: power_by_condition(x, [3.0], [1, 2], WINDOW_S), "shape (2,)"),
        (lambda x: power_by_condition(x, [3.0], [None], WINDOW_S), "1 of 1 conditions are missing"),
        (lambda x: power_by_condition(x, [3.0], [np.nan], WINDOW_S), "conditions are missing"),
        (lambda x: power_by_condition(x, [3.0], [pd.NA], WINDOW_S), "conditions are missing"),
        (lambda x: power_by_condition(x, [3.0], [1], WINDOW_S, level=95), "not 95"),
        (lambda x: power_by_condition(x, [3.0], [1], WINDOW_S, interval="t"), "no interval 't'"),
        (lambda x: power_by_condition(x, [3.0], [1], WINDOW_S, max_bytes=9), "max_bytes allows"),
        (lambda x: chi_squared_interval(1.0, 0), "0 degrees"),
    ],
)
def test_what_cannot_be_done_is_told(call, said):
    with pytest.raises(InputError) as caught:
        call(noise())
    assert said in str(caught.value)
