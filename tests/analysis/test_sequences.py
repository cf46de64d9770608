"""Sequences of items and of cells."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import GaussianNB

from panneuro.analysis.sequences import item_fields, item_posterior, lag_profile, rank_order
from panneuro.core.errors import InputError


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_rank_order_is_spearmans(seed):
    random = np.random.default_rng(seed)
    times, template = random.random(9).round(1), random.permutation(9)
    times[2] = np.nan
    if len(set(times[~np.isnan(times)])) < 2:
        return
    fired = ~np.isnan(times)
    found = rank_order(times, template, n_shuffles=50)
    expected = scipy.stats.spearmanr(times[fired], template[fired]).statistic
    assert found.correlation == pytest.approx(expected)
    assert found.n_units == 8


def test_an_ordered_event_is_unlikely_and_a_reversed_one_too():
    times = np.arange(8) / 100
    assert rank_order(times, np.arange(8)).p < 0.01
    back = rank_order(times, np.arange(8)[::-1])
    assert back.correlation == -1
    assert back.p < 0.01


def odours(n_runs=40, n_items=5, spill=0.6, seed=0):
    """Cells of an item also fire some for the one before it: they expect it."""
    random = np.random.default_rng(seed)
    items = np.tile(np.arange(n_items), n_runs)
    preferred = np.repeat(np.arange(n_items), 6)
    rates = 1.0 + 6 * (preferred == items[:, None]) + 6 * spill * (preferred == items[:, None] + 1)
    return random.poisson(rates), items, np.repeat(np.arange(n_runs), n_items) % 4


def test_items_are_told_better_than_by_the_wrong_model_and_the_next_is_foretold():
    counts, items, folds = odours()
    posterior = item_posterior(counts, items, folds, 0.5)
    np.testing.assert_allclose(posterior.sum("item"), 1)
    told = posterior.to_numpy().argmax(axis=1)
    other = np.empty_like(told)
    for fold in range(4):
        model = GaussianNB().fit(counts[folds != fold], items[folds != fold])
        other[folds == fold] = model.predict(counts[folds == fold])
    assert np.mean(told == items) >= np.mean(other == items)
    profile = lag_profile(posterior, items)
    assert profile.sel(lag=0) == profile.max()
    faint = item_posterior(np.random.default_rng(1).binomial(counts, 0.3), items, folds, 0.5)
    ahead = lag_profile(faint, items)
    assert ahead.sel(lag=1) > 1.5 * ahead.sel(lag=2)


def test_lags_are_those_of_names():
    counts, items, folds = odours(200)
    names = np.array(["lemon", "pear", "apple", "mint", "rose", "clove"])
    sequence = names[: items.max() + 1]
    order = np.argsort(sequence)
    posterior = item_posterior(counts, sequence[items], folds, 0.5)
    found = lag_profile(posterior, sequence[items])
    expected = lag_profile(posterior.values, np.argsort(order)[items])
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(InputError, match="no item 'musk'"):
        lag_profile(posterior, np.where(items == 0, "musk", sequence[items]))


def test_item_fields_are_means():
    counts, items, _ = odours(4)
    found = item_fields(counts, items, 0.25)
    for item in range(5):
        np.testing.assert_allclose(found.rates_hz[:, item], counts[items == item].mean(0) / 0.25)


def test_what_has_no_order_is_said():
    with pytest.raises(InputError, match="3 cells took part"):
        rank_order([1, 2, 3, np.nan], [1, 2, 3, 4])
    with pytest.raises(InputError, match="tied"):
        rank_order([1, 1, 1, 1], [1, 2, 3, 4])
    with pytest.raises(InputError, match="template"):
        rank_order([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="'B' occurs in fold 1 only"):
        item_posterior(np.ones((4, 2)), ["A", "A", "A", "B"], [0, 1, 0, 1], 0.5)
    with pytest.raises(InputError, match="numbered from 0 to 3"):
        lag_profile(np.ones((2, 2)), [0, 3])
    with pytest.raises(InputError, match="not finite"):
        lag_profile([[np.nan, 1.0]], [0])
    with pytest.raises(InputError, match="lasts 0 s"):
        item_fields(np.ones((2, 1)), ["A", "B"], 0)
    with pytest.raises(InputError, match="posteriors of"):
        lag_profile(np.ones((2, 2)), [0.5, 1.0])
