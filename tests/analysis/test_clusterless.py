"""Position from unsorted spikes: against the formula itself, and against sorted spikes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from panneuro.analysis.clusterless import clusterless_posterior, decode_clusterless
from panneuro.analysis.place import LOWEST_HZ, decode_position
from panneuro.analysis.replay import score_posterior
from panneuro.core.errors import InputError

BIN_S = 0.02
EDGES = np.arange(0, 101, 5.0)


def session(n_times=6000, n_groups=4, n_cells=6, seed=0):
    """Return unsorted spikes of tetrodes with amplitudes in µV, sorted counts, and positions."""
    random = np.random.default_rng(seed)
    position = 100 - np.abs(np.arange(n_times) * 0.5 % 200 - 100)
    spikes, counts = [], []
    for _ in range(n_groups):
        centres = random.uniform(0, 100, n_cells)
        rates = 0.5 + 20 * np.exp(-((position[:, None] - centres) ** 2) / 100)
        fired = random.poisson(rates * BIN_S)
        templates = random.uniform(60, 300, (n_cells, 4))
        bins, cells = np.nonzero(fired)
        bins, cells = (np.repeat(one, fired[bins, cells]) for one in (bins, cells))
        marks = templates[cells] + random.normal(0, 15, (len(cells), 4))
        spikes.append(((bins + random.uniform(0.01, 0.99, len(bins))) * BIN_S, marks))
        counts.append(fired)
    return spikes, np.concatenate(counts, axis=1), position


def directly(spikes, position, folds, mark_sd, smoothing_bins):
    """Return the probability of each position, spike by spike, as the formula says."""
    n_bins = len(EDGES) - 1
    kernel = gaussian_filter1d(np.eye(n_bins), smoothing_bins, axis=0, mode="constant")
    place = np.minimum((position // 5).astype(int), n_bins - 1)
    logs = np.zeros((len(position), n_bins))
    for fold in range(folds.max() + 1):
        train = folds != fold
        seconds = kernel @ (np.bincount(place[train], minlength=n_bins) * BIN_S)
        for times, marks in spikes:
            bins = (times / BIN_S).astype(int)
            learnt = train[bins]
            fields = kernel[:, place[bins[learnt]]]
            logs[~train] -= BIN_S * fields.sum(axis=1) / seconds
            for at, mark in zip(bins[~learnt], marks[~learnt], strict=True):
                apart = (((mark - marks[learnt]) / mark_sd) ** 2).sum(axis=1)
                rate = fields @ np.exp(-apart / 2) / seconds
                logs[at] += np.log(np.maximum(rate, LOWEST_HZ))
    posterior = np.exp(logs - logs.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("mark_sd", [20.0, [15.0, 20.0, 25.0, 30.0]])
def test_it_is_what_the_formula_says(mark_sd):
    spikes, _, position = session(600, 2, 3)
    folds = np.arange(600) // 200
    expected = directly(spikes, position, folds, mark_sd, 1.5)
    options = {"mark_sd": mark_sd, "smoothing_bins": 1.5, "dtype": np.float64}
    found = decode_clusterless(spikes, position, EDGES, BIN_S, folds, **options)
    np.testing.assert_array_equal(found.position[:, 0], 5 * expected.argmax(axis=1) + 2.5)
    np.testing.assert_allclose(found.certainty, expected.max(axis=1), rtol=1e-9)
    single = decode_clusterless(spikes, position, EDGES, BIN_S, folds, **options | {"dtype": "f4"})
    np.testing.assert_allclose(single.certainty, found.certainty, rtol=1e-3)


def test_unsorted_spikes_tell_as_much_as_sorted_ones():
    spikes, counts, position = session()
    unsorted = decode_clusterless(spikes, position, EDGES, BIN_S, mark_sd=20.0, step=2.0)
    is_sorted = decode_position(
        counts, position, EDGES, BIN_S, smoothing_bins=1, step=2.0, dtype=np.float32
    )
    assert unsorted.error.median() < 1.3 * is_sorted.error.median() < 6
    assert {name: unsorted[name].dims for name in unsorted} == {
        name: is_sorted[name].dims for name in is_sorted
    }
    alone = decode_clusterless(spikes, position, EDGES, BIN_S, mark_sd=20.0)
    assert unsorted.error.mean() < 0.5 * alone.error.mean()


def test_marks_matter():
    spikes, _, position = session(3000)
    random = np.random.default_rng(0)
    mixed = [(times, random.permutation(marks)) for times, marks in spikes]
    told, not_told = (
        decode_clusterless(one, position, EDGES, BIN_S, mark_sd=20.0) for one in (spikes, mixed)
    )
    assert told.error.mean() < 0.6 * not_told.error.mean()


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 10_000))
def test_order_of_spikes_and_of_electrodes_and_blocks_do_not_matter(seed):
    random = np.random.default_rng(seed)
    spikes, _, position = session(450, seed=seed)
    options = {"mark_sd": 20.0, "dtype": np.float64}
    whole = decode_clusterless(spikes, position, EDGES, BIN_S, 3, **options)
    turned = []
    for index in random.permutation(len(spikes)):
        times, marks = spikes[index]
        order = random.permutation(len(times))
        turned.append((times[order] + 7.0, marks[order] + 1000.0))
    other = decode_clusterless(
        turned, position, EDGES, BIN_S, 3, **options, start_s=7.0, max_bytes=500_000
    )
    np.testing.assert_array_equal(whole.position, other.position)
    np.testing.assert_allclose(whole.certainty, other.certainty, rtol=1e-6)
    np.testing.assert_allclose(other.time.to_numpy() - whole.time.to_numpy(), 7.0)


def test_the_posterior_of_an_event_is_what_the_formula_says():
    spikes, _, position = session(600, 2, 3)
    folds = np.where(np.arange(600) // 20 == 12, 0, 1 + np.arange(600) // 300)
    expected = directly(spikes, position, folds, 20.0, 1.5)[240:260]
    found = clusterless_posterior(
        spikes, position, EDGES, BIN_S, (4.8, 5.2), mark_sd=20.0, smoothing_bins=1.5, dtype="f8"
    )
    fired = np.isin(np.arange(240, 260), [int(at / BIN_S) for times, _ in spikes for at in times])
    np.testing.assert_allclose(found, np.where(fired[:, None], expected, 0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.time, (np.arange(20) + 0.5) * BIN_S)
    assert found.position.values.tolist() == (np.arange(20) * 5 + 2.5).tolist()


def test_a_replay_of_unsorted_spikes_is_found():
    spikes, _, position = session(3000)
    random, event = np.random.default_rng(1), np.linspace(5, 95, 12)
    replayed = []
    for times, marks in spikes:
        near = [
            np.flatnonzero(np.abs(position[(times / BIN_S).astype(int)] - x) < 3) for x in event
        ]
        chosen = np.concatenate([random.choice(some, 3) for some in near])
        later = (3000 + np.repeat(np.arange(12), 3) + 0.5) * BIN_S
        replayed.append((np.concatenate([times, later]), np.concatenate([marks, marks[chosen]])))
    at_rest = np.concatenate([position, np.zeros(12)])
    found = clusterless_posterior(
        replayed, at_rest, EDGES, BIN_S, (60.0, 60.24), mark_sd=20.0, moving=np.arange(3012) < 3000
    )
    for shuffle in ("positions", "times"):
        judged = score_posterior(found, shuffle=shuffle, n_shuffles=199)
        assert judged.correlation > 0.8
        assert judged.p_line < 0.02
        assert judged.speed == pytest.approx(90 / (11 * BIN_S), rel=0.25)


@pytest.mark.parametrize(
    ("event", "edges", "message"),
    [
        ((5.0, 4.0), EDGES, "no bin"),
        ((500.0, 501.0), EDGES, "no bin"),
        ((np.nan, 1.0), EDGES, "no bin"),
        ((1.0, 2.0, 3.0), EDGES, "no bin"),
        ((1.0, 2.0), (EDGES, EDGES), "2 axes"),
    ],
)
def test_an_event_that_is_none_is_said(event, edges, message):
    spikes, _, position = session(600, 1, 2)
    with pytest.raises(InputError, match=message):
        clusterless_posterior(spikes, position, edges, BIN_S, event, mark_sd=20.0)


def test_what_is_decoded_was_not_learnt_from():
    spikes, _, position = session(1200)
    folds = np.arange(1200) // 400
    before = decode_clusterless(spikes, position, EDGES, BIN_S, folds, mark_sd=20.0)
    moved = np.where(folds == 1, 50.0, position)
    after = decode_clusterless(spikes, moved, EDGES, BIN_S, folds, mark_sd=20.0)
    same = folds == 1
    np.testing.assert_array_equal(before.position[same], after.position[same])


def test_a_plane_is_decoded_too():
    random = np.random.default_rng(0)
    turn = np.arange(5000) / 37
    path = np.stack([50 + 40 * np.sin(turn), 50 + 40 * np.cos(turn / 2.3)], axis=1)
    at = np.sort(random.integers(5000, size=8000))
    marks = path[at] + random.normal(0, 5, (8000, 2))
    edges = (np.arange(0, 101, 10.0), np.arange(0, 101, 10.0))
    cm = xr.DataArray(path, dims=("time", "axis"), attrs={"units": "cm"})
    found = decode_clusterless([((at + 0.5) * 0.1, marks)], cm, edges, 0.1, mark_sd=4.0)
    assert found.error.attrs["units"] == "cm"
    assert found.error.median() < 12
    assert found.axis.values.tolist() == ["x", "y"]


def test_a_spike_where_a_bin_begins_is_in_it():
    odd = np.arange(100) % 2
    at_edges = (np.arange(100) * 0.1, 100.0 * odd[:, None])
    found = decode_clusterless(
        [at_edges], 2.5 + 5 * odd, [0, 5, 10], 0.1, mark_sd=1.0, smoothing_bins=0.2
    )
    assert (found.error == 0).all()


def test_no_spikes_and_strange_spikes_tell_nothing_of_their_own():
    position = np.tile([2.5, 7.5], 50)
    nothing = (np.zeros(0), np.zeros((0, 2)))
    silent = decode_clusterless([nothing], position, [0, 5, 10], 0.1, mark_sd=1.0)
    np.testing.assert_allclose(silent.certainty, 0.5)
    strange = (np.arange(100) * 0.1 + 0.05, np.arange(200.0).reshape(100, 2) * 1e3)
    found = decode_clusterless([strange], position, [0, 5, 10], 0.1, mark_sd=1.0)
    np.testing.assert_allclose(found.certainty, 0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spikes": []}, "no electrodes"),
        ({"spikes": [([0.1], [1.0])]}, "marks of"),
        ({"spikes": [([0.1, 0.2], [[1.0]])]}, "times of shape"),
        ({"spikes": [([np.nan], [[1.0]])]}, "not all finite"),
        ({"spikes": [([0.1], [[np.inf]])]}, "not all finite"),
        ({"spikes": [(["a"], [[1.0]])]}, "no real numbers"),
        ({"spikes": [[0.1]]}, "no times and marks"),
        ({"spikes": None}, "no sequence of electrodes"),
        ({"mark_sd": 0.0}, "have the deviations"),
        ({"mark_sd": [1.0, 2.0]}, "have the deviations"),
        ({"mark_sd": "a"}, "no real numbers"),
        ({"bin_s": 0.0}, "last 0.0 s"),
        ({"start_s": np.nan}, "begin at nan s"),
        ({"edges": [1, 1]}, "ascend"),
        ({"positions": np.full(10, np.nan)}, "no time is left"),
        ({"moving": np.ones(9, bool)}, "chosen from"),
        ({"folds": 1}, "into 1 folds"),
        ({"smoothing_bins": -1.0}, "smoothed by -1.0 bins"),
        ({"step": -1.0}, "step is"),
    ],
)
def test_what_cannot_be_decoded_is_said(change, message):
    good = {"spikes": [([0.1, 0.5], [[1.0], [2.0]])], "positions": np.arange(10) / 4}
    good |= {"edges": [0, 1, 2, 3], "bin_s": 0.1, "folds": 2, "mark_sd": 1.0, **change}
    with pytest.raises(InputError, match=message):
        decode_clusterless(**good)
