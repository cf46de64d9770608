"""Psychometric curves against known functions and real animals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import binomtest

from panneuro.analysis.psychometrics import (
    fit_psychometric,
    psychometric_curve,
    psychometric_function,
)
from panneuro.core.errors import InputError

STRENGTHS = np.array([-1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1])


def drawn(function, n=8000, seed=0, strengths=STRENGTHS):
    rng = np.random.default_rng(seed)
    x = rng.choice(strengths, n)
    return x, rng.random(n) < function(x)


def test_the_interval_is_wilsons():
    x, chose = drawn(ndtr, 300)
    curve = psychometric_curve(x, chose)
    for at, value in enumerate(curve.stimulus.values):
        own = chose[x == value]
        there = binomtest(int(own.sum()), len(own)).proportion_ci(method="wilson")
        assert (curve.low[at], curve.high[at]) == pytest.approx((there.low, there.high))
    assert int(curve.n_trials.sum()) == 300


@pytest.mark.parametrize("shape", ["logistic", "gauss"])
def test_a_known_function_is_found(shape):
    true = np.array([0.1, 0.2, 0.05, 0.1])
    fit = pd.DataFrame({"value": true})
    fit.attrs["shape"] = shape
    x, chose = drawn(lambda x: psychometric_function(x, fit).values)
    found = fit_psychometric(x, chose, shape, n_resamples=40)
    assert found["value"].to_numpy() == pytest.approx(true, abs=0.03)
    assert ((found["low"] <= found["value"]) & (found["value"] <= found["high"])).all()
    assert found.attrs["deviance"] >= 0


def test_weibulls_of_a_forced_choice():
    strengths = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
    x, chose = drawn(
        lambda x: 0.5 + 0.48 * (1 - np.exp(-((x / 0.15) ** 2))), 12_000, strengths=strengths
    )
    found = fit_psychometric(x, chose, "weibull", guess=0.5, n_resamples=0)["value"]
    assert found["guess"] == 0.5
    assert found["threshold"] == pytest.approx(0.15, abs=0.02)
    assert 1 / found["width"] == pytest.approx(2, abs=0.4)
    assert found["lapse"] == pytest.approx(0.02, abs=0.01)


def test_the_same_seed_gives_the_same_intervals():
    x, chose = drawn(lambda x: ndtr(x / 0.3), 400)
    one, other = (fit_psychometric(x, chose, n_resamples=10, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_missing_stimuli_are_left_out():
    curve = psychometric_curve([0.0, np.nan, 1.0], [1, 0, 1])
    assert curve.n_trials.values.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("stimulus", "chose"), [([], []), ([np.nan], [1]), ([1, 2], [1]), ([1, 2], [0, 2])]
)
def test_what_are_no_trials_is_refused(stimulus, chose):
    with pytest.raises(InputError):
        psychometric_curve(stimulus, chose)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match="two stimuli"):
        fit_psychometric([1, 1], [0, 1])
    with pytest.raises(InputError, match="from 0 up"):
        fit_psychometric([-1, 1], [0, 1], "weibull")
    with pytest.raises(InputError, match="no shape"):
        fit_psychometric([-1, 1], [0, 1], "step")
    with pytest.raises(InputError, match="rates of"):
        fit_psychometric([-1, 1], [0, 1], guess=1.5)


@pytest.mark.parametrize(
    "fit",
    [
        pd.DataFrame(),
        pd.DataFrame({"value": [0.0, 1.0, 0.0, 0.0]}),
        pd.DataFrame({"value": [0.0]}),
    ],
)
def test_a_table_that_is_no_fit_is_told(fit):
    with pytest.raises(InputError, match="no psychometric fit"):
        psychometric_function([0.0], fit)


@pytest.mark.parametrize("stimulus", [["a"], [np.nan], [[0.0]]])
def test_a_function_is_of_finite_strengths(stimulus):
    x, chose = drawn(ndtr, 100)
    with pytest.raises(InputError, match="strengths of stimuli"):
        psychometric_function(stimulus, fit_psychometric(x, chose, n_resamples=0))


def test_it_is_drawn():
    x, chose = drawn(lambda x: ndtr(x / 0.3), 400)
    ax = psychometric_curve(x, chose).neuro.plot()
    assert ax.get_ylabel() == "probability of the choice"


def test_a_real_mouse_chooses_right_where_it_is_right(sample_data):
    trials = pd.read_csv(sample_data / "behaviour/ibl/trials_df_test.csv")
    contrast = trials["contrastRight"].fillna(0) - trials["contrastLeft"].fillna(0)
    chose = trials["choice"] == -1
    made = trials["choice"] != 0
    curve = psychometric_curve(contrast[made], chose[made])
    fit = fit_psychometric(contrast[made], chose[made], "gauss", n_resamples=0)
    ends = curve.probability.values[[0, -1]]
    assert abs(ends[1] - ends[0]) > 0.5
    assert fit.loc["width", "value"] > 0


def test_workers_change_nothing(processes):
    x, chose = drawn(ndtr, 200)
    alone = fit_psychometric(x, chose, n_resamples=6)
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, processes):
            found = fit_psychometric(x, chose, n_resamples=6, executor=executor)
            pd.testing.assert_frame_equal(found, alone)
