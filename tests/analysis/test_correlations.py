"""Correlations: against pandas, against known truth, and by area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.correlations import mean_by_area, noise_correlations, signal_correlations
from panneuro.core.errors import InputError


@pytest.fixture
def random():
    return np.random.default_rng(3)


def of_pandas(counts, shown):
    frame = pd.DataFrame(counts.astype(float))
    return (frame - frame.groupby(shown).transform("mean")).corr().to_numpy()


def test_noise_correlations_are_those_of_pandas(random, monkeypatch):
    monkeypatch.setattr("panneuro.analysis.trial_counts.BLOCK", 50)
    counts = random.poisson(3 + 2 * random.random((300, 1)), (300, 6))
    shown, kinds = random.integers(0, 12, 300), random.integers(0, 2, 300)
    found = noise_correlations(counts, shown)
    np.testing.assert_allclose(found, of_pandas(counts, shown), atol=1e-6)
    each = noise_correlations(counts, shown, types=kinds)
    assert each.dims == ("type", "unit", "other")
    for kind in (0, 1):
        expected = of_pandas(counts[kinds == kind], shown[kinds == kind])
        np.testing.assert_allclose(each.sel(type=kind), expected, atol=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_laws(seed):
    random = np.random.default_rng(seed)
    counts, shown = random.normal(size=(40, 4)), random.integers(0, 4, 40)
    found = noise_correlations(counts, shown).values
    tuned = counts * [1, 2, 3, 4] + random.normal(size=(4, 4))[shown]
    np.testing.assert_allclose(noise_correlations(tuned, shown), found, atol=1e-4)
    order = random.permutation(40)
    np.testing.assert_allclose(noise_correlations(counts[order], shown[order]), found, atol=1e-5)
    turned = noise_correlations(counts[:, ::-1], shown)
    np.testing.assert_allclose(turned.values[::-1, ::-1], found, atol=1e-5)


def test_standardising_weighs_conditions_alike(random):
    shown = np.repeat([0, 1], 500)
    shared = random.normal(size=(1000, 1)) * (shown == 0)[:, None]
    counts = (random.normal(size=(1000, 2)) + shared) * np.where(shown, 10, 1)[:, None]
    assert noise_correlations(counts, shown)[0, 1] < 0.1
    assert abs(noise_correlations(counts, shown, standardised=True)[0, 1] - 0.25) < 0.06


def test_silent_units_have_no_correlation(random):
    counts = random.normal(size=(20, 3))
    counts[:, 1] = 7
    found = noise_correlations(counts, np.arange(20) % 2).isnull().values
    assert found[1].all()
    assert found[:, 1].all()
    assert found.sum() == 5


def test_signal_correlations_lose_what_noise_adds(random):
    """Opposite tuning and strongly shared noise, five trials each."""
    tuning = random.normal(size=(60, 1)) * [1, -0.6, 0]
    shown = np.repeat(np.arange(60), 5)
    counts = tuning[shown] + 2 * random.normal(size=(300, 1)) + random.normal(size=(300, 3))
    biased = signal_correlations(counts, shown, corrected=False)
    found = signal_correlations(counts, shown)
    assert biased[0, 1] > -0.3
    assert found[0, 1] < -0.7
    means = pd.DataFrame(counts).groupby(shown).mean()
    np.testing.assert_allclose(biased, means.corr(), atol=1e-6)


def test_correcting_takes_noise_out_on_average(random):
    tuning = random.normal(size=(400, 2)) @ [[1, 0.5], [0, 0.8]]
    truth = np.corrcoef(tuning.T)[0, 1]
    shown = np.repeat(np.arange(400), 4)
    found = [
        float(signal_correlations(tuning[shown] + random.normal(size=(1600, 2)), shown)[0, 1])
        for _ in range(20)
    ]
    assert abs(np.mean(found) - truth) < 0.02


def test_tuning_needs_conditions():
    with pytest.raises(InputError, match="2 conditions"):
        signal_correlations(np.eye(4), [0, 0, 1, 1])


def test_types_need_repeats():
    with pytest.raises(InputError, match="two trials"):
        noise_correlations(np.eye(4), [0, 0, 1, 2], types=[0, 0, 1, 1])


def test_means_by_area_count_each_pair(random):
    values = random.normal(size=(2, 5, 5))
    values = values + values.transpose(0, 2, 1)
    values[0, 3, :] = values[0, :, 3] = np.nan
    areas = np.array(["b", "a", "b", "a", "b"])
    found = mean_by_area(xr.DataArray(values, dims=("type", "unit", "other")), areas)
    np.testing.assert_allclose(found[1, 0, 0], values[1, 1, 3])
    assert np.isnan(found[0, 0, 0])
    pairs = [values[0, i, j] for i in (0, 2, 4) for j in (1,)]
    np.testing.assert_allclose(found.sel(area="b", other_area="a")[0], np.mean(pairs))
    with pytest.raises(InputError, match="areas"):
        mean_by_area(xr.DataArray(values, dims=("type", "unit", "other")), ["a"])


def test_results_say_what_they_are(random):
    counts, shown = random.poisson(3, (40, 3)), np.arange(40) % 4
    noise = noise_correlations(counts, shown)
    assert noise.attrs == {"units": "1", "long_name": "noise correlation"}
    assert signal_correlations(counts, shown).attrs["long_name"] == "signal correlation"
    by_area = mean_by_area(noise, ["V1", "V1", "LM"])
    assert by_area.attrs == {"units": "1", "long_name": "mean noise correlation"}
