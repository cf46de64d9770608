"""Bootstrap intervals of means: against SciPy, coverage, and groups."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from panneuro.analysis.bootstrap import bootstrap_mean
from panneuro.core.errors import InputError


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_intervals_are_those_of_scipy(method):
    samples = np.random.default_rng(0).exponential(size=(40, 3))
    found = bootstrap_mean(samples, method=method, n_resamples=20_000)
    expected = stats.bootstrap(
        (samples,), np.mean, method=method, n_resamples=20_000, axis=0, rng=1
    )
    np.testing.assert_allclose(found.low, expected.confidence_interval.low, atol=0.012)
    np.testing.assert_allclose(found.high, expected.confidence_interval.high, atol=0.02)
    np.testing.assert_allclose(found.standard_error, expected.standard_error, rtol=0.05)


def test_resamples_are_cut_where_memory_is_short(monkeypatch):
    samples = np.random.default_rng(0).normal(size=(30, 4))
    whole = bootstrap_mean(samples, n_resamples=50)
    monkeypatch.setattr("panneuro.analysis.bootstrap._IN_MEMORY", 100)
    xr.testing.assert_allclose(whole, bootstrap_mean(samples, n_resamples=50))


def test_coverage_is_near_the_level():
    random = np.random.default_rng(2)
    samples = random.exponential(size=(30, 1000))
    found = bootstrap_mean(samples, level=0.9, n_resamples=500)
    covered = ((found.low <= 1) & (found.high >= 1)).mean()
    assert 0.83 < covered < 0.93


def test_groups_keep_their_share():
    samples = np.repeat([0.0, 1.0], [10, 30])
    found = bootstrap_mean(samples, within=samples)
    assert found.standard_error < 1e-12
    assert bootstrap_mean(samples).standard_error > 0.05


def test_constants_have_no_width():
    found = bootstrap_mean(np.full((5, 2), 3.0))
    np.testing.assert_allclose([found.low, found.high], 3.0)


def test_the_same_seed_gives_the_same_interval():
    samples = np.random.default_rng(4).normal(size=20)
    first = bootstrap_mean(samples, seed=1)
    assert first.identical(bootstrap_mean(samples, seed=1))
    assert not first.equals(bootstrap_mean(samples, seed=2))


@pytest.mark.parametrize(
    ("samples", "arguments"),
    [
        ([1.0], {}),
        ([1.0, np.inf], {}),
        ([1.0, 2.0], {"level": 1.0}),
        ([1.0, 2.0], {"n_resamples": 1}),
        ([1.0, 2.0], {"method": "normal"}),
        ([1.0, 2.0], {"within": [1]}),
    ],
)
def test_bootstrap_refuses(samples, arguments):
    with pytest.raises(InputError):
        bootstrap_mean(samples, **arguments)


def test_the_mean_has_the_unit_of_the_samples():
    counts = xr.DataArray(np.arange(10.0), dims="trial", attrs={"units": "spikes"})
    assert {array.attrs["units"] for array in bootstrap_mean(counts).values()} == {"spikes"}
