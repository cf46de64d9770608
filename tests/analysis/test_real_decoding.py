"""Decoding real recordings: images from macaque V4, objects from IT, and where a rat was."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from panneuro.analysis.decoding import decode
from panneuro.analysis.decoding_over_time import decode_over_time
from panneuro.analysis.linear_classifiers import LDA
from panneuro.analysis.place import decode_position
from panneuro.analysis.pseudo_population import pseudo_population
from panneuro.analysis.psth import count_windows
from panneuro.formats.readers import read


def test_images_are_told_from_v4(sample_data):
    """A plain correlation decoder identifies 51 % of these 343 images; chance is 0.3 %."""
    responses = np.load(sample_data / "spikes/v4_images/responses_210325.npy")
    shown = np.isfinite(responses).all(axis=0)
    images = np.flatnonzero(shown.sum(axis=1) >= 8)
    image, column = np.nonzero(shown[images])
    repeat = np.cumsum(shown[images], axis=1)[image, column] - 1
    features = np.sqrt(responses[:, images[image], column].T)
    found = decode(features, image, repeat % 8, model=LDA(0.2), n_permutations=9)
    assert len(images) == 343
    assert 0.53 < found.accuracy < 0.57
    assert found.p == 0.1
    assert found.null.mean() == pytest.approx(1 / 343, abs=0.002)


@pytest.fixture(scope="module")
def objects(sample_data):
    """Return the spikes of 132 IT neurons in bins of 50 ms, and the object of each trial."""
    rdata = pytest.importorskip("rdata")
    sessions = []
    for path in sorted((sample_data / "spikes/it_objects").rglob("*.rda")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            frame = rdata.read_rda(path)["raster_data"]
        spikes = frame.filter(like="time.").to_numpy().reshape(len(frame), 1, 20, 50).sum(axis=3)
        sessions.append((spikes, np.asarray(frame["labels.stimulus_ID"]).astype(str)))
    return sessions


def test_objects_are_told_from_it(objects):
    """Neurons of many days, 20 trials of each of seven objects: 90 %, where chance is 14 %."""
    accuracies = []
    for draw in range(5):
        population = pseudo_population(objects, n_trials=20, seed=draw)
        assert population.sizes == {"trial": 140, "unit": 132, "time": 20}
        features = population.isel(time=slice(12, None)).sum("time")
        found = decode(features, population.label, model=LDA(0.5), n_permutations=99)
        accuracies.append(found.accuracy)
        assert found.p == 0.01
        assert found.null.mean() == pytest.approx(1 / 7, abs=0.02)
    assert 0.85 < np.mean(accuracies) < 0.95


def test_objects_are_told_from_a_tenth_of_a_second_on(objects):
    population = pseudo_population(objects)
    found = decode_over_time(population, population.label, model=LDA(0.5), n_permutations=99)
    starts_ms = -500 + 50 * np.arange(20)
    np.testing.assert_array_equal(found.p_max < 0.05, starts_ms >= 100)
    assert np.all(np.abs(found.accuracy[starts_ms < 50] - 1 / 7) < 0.07)
    assert found.accuracy.max() > 0.7


def track(path):
    """Read SpikeGadgets' positions: a header in text, then records of a clock of 30 kHz."""
    fields = [("t", "<u4"), ("x", "<u2"), ("y", "<u2"), ("x2", "<u2"), ("y2", "<u2")]
    rows = np.frombuffer(path.read_bytes().split(b"<End settings>\n", 1)[1], dtype=fields)
    return rows["t"] / 30_000, rows["x"].astype(float), rows["y"].astype(float)


def test_a_rat_is_found_on_its_track(sample_data):
    """Within 4 % of the track by a walk, where chance is 30 %; after 15 minutes it rests beside."""
    folder, bin_s = sample_data / "spikes/nelpy/linear-track", 0.1
    times, x, _ = track(folder / "trajectory.videoPositionTracking")
    x = x[times < times[0] + 900]
    times = times[: len(x)]
    starts = np.arange(times[0], times[-1] - bin_s, bin_s)
    counts = count_windows(read(folder / "spikes.mat").signals[0], starts, starts + bin_s)
    position = np.interp(starts + bin_s / 2, times, x)
    speed = np.abs(np.gradient(gaussian_filter1d(position, 5))) / bin_s
    moving, minutes = speed > 20, (np.arange(len(starts)) * bin_s // 60).astype(int)
    edges = np.linspace(x.min(), x.max() + 1e-6, 60)
    options = {"smoothing_bins": 2, "moving": moving}
    alone, walked = (
        decode_position(counts, position, edges, bin_s, minutes % 5, step=step, **options)
        for step in (None, 6.0)
    )
    length = np.ptp(x)
    guess = np.median(
        np.abs(np.random.default_rng(0).permutation(position[moving]) - position[moving])
    )
    assert guess / length > 0.25
    assert np.median(alone.error[moving]) / length < 0.1
    assert np.median(walked.error[moving]) / length < 0.04


def test_a_rat_is_found_in_its_maze(sample_data):
    """In a plane a walk leaves a tenth of the maze's width; the camera's scale is not on file."""
    folder, bin_s = sample_data / "spikes/nelpy/w-maze", 0.25
    times, *places = track(folder / "trajectory.videoPositionTracking")
    starts = np.arange(times[0], times[-1] - bin_s, bin_s)
    counts = count_windows(read(folder / "spikes.mat").signals[0], starts, starts + bin_s)
    position = np.stack([np.interp(starts + bin_s / 2, times, of) for of in places], axis=1)
    smooth = gaussian_filter1d(position, 2, axis=0)
    moving = np.linalg.norm(np.gradient(smooth, axis=0), axis=1) / bin_s > 20
    edges = tuple(np.arange(of.min(), of.max() + 8, 8.0) for of in position.T)
    folds = ((starts - starts[0]) // 120 % 5).astype(int)
    alone, walked = (
        decode_position(
            counts, position, edges, bin_s, folds, smoothing_bins=1, moving=moving, step=step
        )
        for step in (None, 10.0)
    )
    width = np.ptp(position[:, 0])
    others = np.random.default_rng(0).permutation(position[moving])
    guess = np.median(np.linalg.norm(others - position[moving], axis=1))
    assert guess / width > 0.4
    assert np.median(alone.error[moving]) < 0.8 * guess
    assert np.median(walked.error[moving]) / width < 0.1
