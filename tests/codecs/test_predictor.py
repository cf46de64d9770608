"""Prediction is undone exactly, by compiled kernels and plain loops alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.codecs import reference
from panneuro.codecs.native import kernels
from panneuro.codecs.predictor import MAX_LAG, NEAR, WINDOW, Model, predict, restore

from .recordings import full_range, noise

compiled = pytest.mark.skipif(
    kernels() is None, reason="kernels are not compiled: python scripts/build_kernels.py"
)


@st.composite
def models(draw: st.DrawFn) -> tuple[Any, Model]:
    channels, rows = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    dtype = draw(st.sampled_from(["int16", "int32"]))
    reach = channels - 1
    past = st.tuples(st.integers(1, MAX_LAG), st.integers(-reach, reach))
    now = st.tuples(st.just(0), st.integers(-reach, -1)) if reach else past
    taps = draw(st.lists(st.one_of(past, now), min_size=1, max_size=12))
    if channels > 4 and draw(st.booleans()):
        taps = [*NEAR, *(tap for tap in taps if tap not in NEAR)]
    lanes = 8 if draw(st.booleans()) and 7 * -(-rows // 8) < rows else 1
    seed = draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    classes = draw(st.integers(1, channels))
    reach, most = draw(st.sampled_from([(1 << 31, 1 << 31), (1 << 15, 1 << 31), (1 << 15, 300)]))
    weights = rng.integers(-reach, reach, (len(taps), classes)).astype(np.int32)
    offsets = rng.integers(-most, most, channels).astype(np.int32)
    bits = draw(st.integers(1, 30))
    samples = full_range((rows, channels), dtype, seed)
    if draw(st.booleans()):
        samples = samples // 8  # So that the paired kernels need not give up.
    return samples, Model(tuple(taps), weights, offsets, bits, lanes)


@settings(max_examples=150, deadline=None)
@given(models())
def test_whatever_the_model_prediction_is_undone(made: tuple[Any, Model]) -> None:
    samples, model = made
    planes = predict(samples, model)
    np.testing.assert_array_equal(predict(samples, model, compiled=False), planes)
    np.testing.assert_array_equal(restore(planes, model), samples)
    np.testing.assert_array_equal(restore(planes, model, compiled=False), samples)


@pytest.mark.parametrize("lanes", [1, 8])
def test_stretches_longer_than_what_is_predicted_at_once(lanes: int) -> None:
    rows = lanes * 2 * WINDOW + 37
    weights = np.random.default_rng(0).integers(-300, 300, (3, 2)).astype(np.int32)
    model = Model(((0, -1), (1, 0), (MAX_LAG, 1)), weights, np.array([5, -7], np.int32), 9, lanes)
    samples = full_range((rows, 2), "int16", 1) // 8
    planes = predict(samples, model)
    np.testing.assert_array_equal(predict(samples, model, compiled=False), planes)
    np.testing.assert_array_equal(restore(planes, model), samples)


def test_residuals_are_what_is_written_down() -> None:
    samples = np.array([[10, 20], [12, 26], [11, 21]], np.int16)
    taps = ((0, -1), (1, 0))
    weights = np.array([[2], [3]], np.int32)
    model = Model(taps, weights, np.array([10, 20], np.int32), 2, 1)
    # Centred: 0 0 / 2 6 / 1 1. Predictions: (2 · left + 3 · before + 2) >> 2.
    wanted = [[0, 0], [2 - 0, 6 - 1], [1 - 2, 1 - 5]]
    np.testing.assert_array_equal(predict(samples, model), np.array(wanted).T)


def test_without_taps_only_offsets_are_taken() -> None:
    samples = noise(20, 3)
    model = Model((), np.zeros((0, 1), np.int32), np.array([1, -2, 3], np.int32), 1, 1)
    np.testing.assert_array_equal(predict(samples, model).T, samples - [1, -2, 3])
    np.testing.assert_array_equal(restore(predict(samples, model), model), samples)


@compiled
def test_kernels_are_found() -> None:
    assert kernels() is not None


def test_plain_loops_are_the_reference() -> None:
    samples = noise(30, 4)
    weights = np.full((2, 4), 900, np.int32)
    model = Model(((1, 0), (1, 1)), weights, np.zeros(4, np.int32), 11, 1)
    planes = predict(samples, model)
    back = reference.restore(planes, model.taps, weights, model.offsets, 11, 1)
    np.testing.assert_array_equal(back, samples)
