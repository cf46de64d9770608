"""Position from place cells: against pynapple, closed forms and a real rat."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.fields import Fields, tuning_fields
from panneuro.analysis.place import decode_position, position_log_likelihood, position_posterior
from panneuro.core.errors import InputError


def laps(n_times=6000, n_units=30, bin_s=0.05, seed=0):
    random = np.random.default_rng(seed)
    position = 100 - np.abs(np.arange(n_times) * 0.5 % 200 - 100)
    centres = random.uniform(0, 100, n_units)
    rates = 0.5 + 15 * np.exp(-((position[:, None] - centres) ** 2) / 100)
    return random.poisson(rates * bin_s), position


EDGES = np.arange(0, 101, 2.0)


def test_likelihood_is_that_of_poisson_counts():
    counts, position = laps(500)
    fields = tuning_fields(counts, position, EDGES, 0.05, smoothing_bins=2)
    found = position_log_likelihood(counts, fields, 0.05)
    expected = np.maximum(fields.rates_hz, 1e-3) * 0.05
    exact = scipy.stats.poisson.logpmf(counts[:, :, None], expected[None]).sum(axis=1)
    constant = found - exact
    np.testing.assert_allclose(constant, constant[:, :1].repeat(50, 1), atol=1e-9)


def test_fields_and_posterior_are_those_of_pynapple():
    nap = pytest.importorskip("pynapple")
    counts, position = laps(2000, 8)
    times = (np.arange(2000) + 0.5) * 0.05
    support = nap.IntervalSet(0, 100.0)
    frame = nap.TsdFrame(t=times, d=counts.astype(float), time_support=support)
    tsd = nap.Tsd(t=times, d=position, time_support=support)
    spikes = {one: np.repeat(times, counts[:, one]) for one in range(8)}
    group = nap.TsGroup({k: nap.Ts(v, time_support=support) for k, v in spikes.items()})
    curves = nap.compute_tuning_curves(group, tsd, bins=50, range=[(0, 100)], fs=20.0)
    fields = tuning_fields(counts, position, EDGES, 0.05)
    np.testing.assert_allclose(fields.rates_hz, curves.values, rtol=1e-9)
    _, theirs = nap.decode_bayes(curves, frame, support, bin_size=0.05, uniform_prior=True)
    mine = position_posterior(counts, fields, 0.05).values
    # A field without a spike is given a least rate here, and nothing there.
    silent = (fields.rates_hz == 0).any(axis=0)
    kept = mine[:, ~silent] / mine[:, ~silent].sum(axis=1, keepdims=True)
    others = theirs.values[:, ~silent]
    some = others.sum(axis=1) > 1e-12
    others = others[some] / others[some].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(kept[some], others, atol=1e-6)


def test_decoding_finds_the_animal_and_a_walk_finds_it_better():
    counts, position = laps()
    folds = np.arange(6000) // 400 % 5
    alone = decode_position(counts, position, EDGES, 0.05, folds, smoothing_bins=1.5)
    walked = decode_position(counts, position, EDGES, 0.05, folds, smoothing_bins=1.5, step=2.0)
    assert np.median(alone.error) < 6
    assert walked.error.mean() < 0.5 * alone.error.mean()
    assert alone.position.shape == (6000, 1)


@pytest.mark.parametrize("step", [None, 2.0])
def test_blocks_of_time_are_as_the_whole(step):
    counts, position = laps(1500)
    folds = np.arange(1500) // 500
    whole = decode_position(counts, position, EDGES, 0.05, folds, step=step)
    blocks = decode_position(counts, position, EDGES, 0.05, folds, step=step, max_bytes=29_600)
    np.testing.assert_array_equal(whole.position, blocks.position)
    np.testing.assert_allclose(whole.certainty, blocks.certainty, rtol=1e-4)


def test_what_is_decoded_was_not_learnt_from():
    counts, position = laps(1000)
    folds = np.arange(1000) // 250
    before = decode_position(counts, position, EDGES, 0.05, folds)
    moved = position.copy()
    moved[folds == 2] = 50.0
    after = decode_position(counts, moved, EDGES, 0.05, folds)
    np.testing.assert_array_equal(
        before.position.values[folds == 2], after.position.values[folds == 2]
    )


def test_a_plane_is_decoded_too():
    random = np.random.default_rng(0)
    path = np.stack(
        [50 + 49 * np.sin(np.arange(8000) / 37), 50 + 49 * np.cos(np.arange(8000) / 91)], 1
    )
    centres = random.uniform(0, 100, (40, 2))
    distance = ((path[:, None] - centres) ** 2).sum(axis=2)
    counts = random.poisson(20 * np.exp(-distance / 300) * 0.1)
    edges = (np.arange(0, 101, 5.0), np.arange(0, 101, 5.0))
    folds = np.arange(8000) // 500 % 4
    found = decode_position(counts, path, edges, 0.1, folds, smoothing_bins=1)
    walked = decode_position(counts, path, edges, 0.1, folds, smoothing_bins=1, step=4.0)
    assert np.nanmedian(found.error) < 10
    assert np.nanmean(walked.error) < 0.7 * np.nanmean(found.error)
    assert found.axis.values.tolist() == ["x", "y"]
    fields = tuning_fields(counts, path, edges, 0.1)
    assert fields.rates_hz.shape == (40, 20, 20)
    assert fields.centres[1].tolist() == [2.5, 7.5]
    named = fields.dataset
    assert named.rate_hz.dims == ("unit", "x", "y")
    assert named.sel(x=52, y=7, method="nearest").occupancy_s == fields.occupancy_s[10, 1]


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_spikes_and_seconds_are_conserved(seed):
    random = np.random.default_rng(seed)
    counts, position = random.poisson(1, (200, 3)), random.uniform(0, 100, 200)
    fields = tuning_fields(counts, position, EDGES, 0.1)
    back = np.nan_to_num(fields.rates_hz) * fields.occupancy_s
    np.testing.assert_allclose(back.sum(axis=1), counts.sum(axis=0))
    assert fields.occupancy_s.sum() == pytest.approx(20.0)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_posteriors_sum_to_one_whatever_the_order_of_cells(seed):
    random = np.random.default_rng(seed)
    counts, position = laps(300, 6, seed=seed)
    fields = tuning_fields(counts, position, EDGES, 0.05, smoothing_bins=1)
    order = random.permutation(6)
    posterior = position_posterior(counts, fields, 0.05)
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    shuffled = Fields(fields.rates_hz[order], fields.occupancy_s, fields.edges)
    np.testing.assert_allclose(position_posterior(counts[:, order], shuffled, 0.05), posterior)


def test_nobody_is_decoded_where_nobody_was():
    counts, position = laps(800)
    fields = tuning_fields(counts, position, np.arange(0, 141, 2.0), 0.05)
    posterior = position_posterior(counts, fields, 0.05)
    assert np.all(posterior[:, 51:] == 0)
    weighted = position_posterior(counts, fields, 0.05, prior=fields.occupancy_s)
    np.testing.assert_allclose(weighted.sum(axis=1), 1)


def test_where_spikes_are_few_occupancy_helps():
    random = np.random.default_rng(3)
    position = np.where(random.random(4000) < 0.8, 20.0, 80.0) + random.normal(0, 3, 4000)
    rates = 4 * np.exp(-((position[:, None] - np.array([20.0, 80.0])) ** 2) / 400)
    counts = random.poisson(rates * 0.05)
    flat, often = (
        decode_position(counts, position, EDGES, 0.05, prior=prior)
        for prior in ("flat", "occupancy")
    )
    assert often.error.mean() < 0.8 * flat.error.mean()


def test_times_keep_their_names():
    counts, position = laps(400)
    named = xr.DataArray(counts, {"time": np.arange(400) * 0.05}, ("time", "unit"))
    found = decode_position(named, position, EDGES, 0.05, 4)
    np.testing.assert_array_equal(found.time, named.time)


def test_a_posterior_says_where_and_when_it_is():
    counts, position = laps(400)
    seen = xr.DataArray(position, dims="time", attrs={"units": "cm"})
    fields = tuning_fields(counts, seen, EDGES, 0.05, smoothing_bins=2)
    named = xr.DataArray(counts, {"time": 7 + np.arange(400) * 0.05}, ("time", "unit"))
    found = position_posterior(named, fields, 0.05)
    assert found.dims == ("time", "position")
    assert found.position.attrs["units"] == "cm"
    np.testing.assert_array_equal(found.time, named.time)
    assert abs(found.idxmax("position") - position).median() < 6
    plane = np.stack([position, 100 - position], axis=1)
    flat = tuning_fields(counts, plane, (EDGES[::5], EDGES[::10]), 0.05)
    inside = position_posterior(counts[:9], flat, 0.05)
    assert (inside.dims, inside.shape) == (("time", "x", "y"), (9, 10, 5))
    np.testing.assert_allclose(inside.sum(["x", "y"]), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.ones(10)}, "times, units"),
        ({"counts": np.full((10, 2), np.nan)}, "finite"),
        ({"positions": np.ones(9)}, "positions of shape"),
        ({"positions": np.ones((10, 2))}, "2 axes"),
        ({"positions": np.full(10, np.nan)}, "no time is left"),
        ({"edges": [1, 1]}, "ascend"),
        ({"bin_s": 0.0}, "lasts"),
        ({"folds": np.zeros(10, int)}, "folds are"),
        ({"moving": np.ones(9, bool)}, "chosen from"),
        ({"moving": np.zeros(10, bool)}, "no time is left"),
        ({"step": -1.0}, "step is"),
        ({"step": 1.0, "edges": [0, 1, 3]}, "one width"),
        ({"step": 1.0, "prior": "occupancy"}, "prior 'occupancy' and the step 1.0"),
        ({"prior": "guess"}, "prior 'guess'"),
        ({"folds": 1}, "into 1 folds"),
        ({"max_bytes": np.inf}, "inf bytes"),
    ],
)
def test_what_cannot_be_decoded_is_said(change, message):
    good = {"counts": np.ones((10, 2), int), "positions": np.arange(10) / 4, "edges": [0, 1, 2, 3]}
    good |= {"bin_s": 0.1, "folds": np.arange(10) % 2, **change}
    with pytest.raises(InputError, match=message):
        decode_position(**good)


def test_priors_and_cells_of_the_wrong_shape_are_said():
    counts, position = laps(100, 3)
    fields = tuning_fields(counts, position, EDGES, 0.05)
    with pytest.raises(InputError, match="prior"):
        position_posterior(counts, fields, 0.05, prior=[1, 2])
    with pytest.raises(InputError, match="2 units were given fields of 3"):
        position_posterior(counts[:, :2], fields, 0.05)
