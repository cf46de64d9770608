"""Expected correlograms: against surrogates that are drawn, and trials that are shifted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.expected_correlograms import jitter_expectation, shift_predictor
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals

RATE = 30_000


def seconds(ticks):
    return {unit: np.sort(train) / RATE for unit, train in enumerate(ticks)}


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("jitter", [120, 7, 1])
def test_it_is_the_mean_of_surrogates(centred, jitter):
    random = np.random.default_rng(0)
    window = {"max_lag_s": 0.01, "bin_s": 0.001, "rate_hz": RATE, "centred": centred}
    ticks = [np.sort(random.integers(0, 3000, 60)) for _ in range(3)]
    ticks[0][0] = 0
    expected = jitter_expectation(seconds(ticks), jitter_s=jitter / RATE, **window).values
    drawn = np.stack(
        [
            correlograms(
                seconds([t // jitter * jitter + random.integers(0, jitter, 60) for t in ticks]),
                **window,
            )
            for _ in range(300 if jitter > 1 else 1)
        ]
    )
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    if jitter == 1:
        np.testing.assert_allclose(expected, drawn[0], atol=1e-9)
        return
    z = (drawn.mean(axis=0) - expected) / (error + 1e-6)
    assert abs(z.mean()) < 0.15
    assert np.abs(z[error > 0]).max() < 5


def test_no_pair_is_lost():
    """With a window of lags longer than everything, all pairs are expected."""
    random = np.random.default_rng(1)
    ticks = [np.sort(random.integers(0, 900, n)) for n in (20, 33)]
    found = jitter_expectation(seconds(ticks), max_lag_s=0.06, jitter_s=0.002, rate_hz=RATE)
    np.testing.assert_allclose(found.sum("lag"), [[20 * 19, 20 * 33], [20 * 33, 33 * 32]])


def test_blocks_and_executors_agree(monkeypatch):
    random = np.random.default_rng(2)
    units = {unit: np.sort(random.uniform(0, 30, 400)) for unit in range(4)}
    whole = jitter_expectation(units)
    monkeypatch.setattr("panneuro.analysis.expected_correlograms._WINDOWS", 17)
    with ThreadPoolExecutor(3) as executor:
        cut = jitter_expectation(units, executor=executor)
    np.testing.assert_allclose(whole, cut, rtol=1e-12)


def test_jitter_is_at_least_a_tick():
    for jitter_s in (0.0, -1.0, np.nan, 1e-10):
        with pytest.raises(InputError, match="tick"):
            jitter_expectation({"a": [1.0]}, jitter_s=jitter_s)


def trials_of(n, length=0.1, every=0.25):
    starts = np.arange(n) * every
    frame = pd.DataFrame({"start_time": starts, "stop_time": starts + length})
    return Intervals.from_frame("trials", frame)


def test_shifting_trials_is_moving_their_spikes():
    random = np.random.default_rng(3)
    trials = trials_of(7)
    starts = np.arange(7) * 0.25
    spikes = [[np.sort(random.integers(0, 3000, 20)) for _ in starts] for _ in range(2)]
    units = {
        unit: np.concatenate(
            [start + train / RATE for start, train in zip(starts, each, strict=True)]
        )
        for unit, each in enumerate(spikes)
    }
    found = shift_predictor(units, trials, max_lag_s=0.01, rate_hz=RATE)
    expected = np.zeros(21)
    for r in range(7):
        for other in ((r + 1) % 7, (r - 1) % 7):
            pair = {"a": spikes[0][r] / RATE, "b": spikes[1][other] / RATE}
            expected += (
                correlograms(pair, max_lag_s=0.01, rate_hz=RATE).sel(unit="a", other="b") / 2
            )
    np.testing.assert_allclose(found.sel(unit=0, other=1), expected)


def test_it_explains_what_the_stimulus_does():
    """Spikes locked to the stimulus, and not to one another: nothing is left over."""
    random = np.random.default_rng(4)
    n = 200
    trials = trials_of(n)
    starts = np.arange(n) * 0.25
    units = {unit: starts + 0.05 + random.normal(0, 0.004, n) for unit in range(2)}
    counted = correlograms(units, max_lag_s=0.02, epochs=trials)
    found = shift_predictor(units, trials, n_shifts=5, max_lag_s=0.02)
    pair = {"unit": 0, "other": 1}
    away = counted.sel(pair) - found.sel(pair)
    assert np.abs(away).max() < 5 * np.sqrt(found.sel(pair).max())
    assert abs(float(away.sum())) < 0.05 * float(counted.sel(pair).sum())


def test_trials_shift_within_conditions():
    trials = trials_of(4)
    units = {"a": [0.01, 0.51], "b": [0.26, 0.77]}
    same = shift_predictor(units, trials, conditions=["x", "y", "x", "y"])
    assert same.sel(unit="a", other="b").sum() == 0
    assert shift_predictor(units, trials).sel(unit="a", other="b").sum() > 0


def test_shifts_need_trials():
    with pytest.raises(InputError, match="shifted"):
        shift_predictor({"a": [1.0]}, trials_of(3), n_shifts=3)
    with pytest.raises(InputError, match="shape"):
        shift_predictor({"a": [1.0]}, trials_of(3), conditions=[1])
