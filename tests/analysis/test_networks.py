"""The network: what its shapes promise, and what padding and batches must not change."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax")

from panneuro.analysis.networks import (
    Batch,
    Rates,
    Shape,
    initialise,
    logits,
    probabilities,
    train,
)

SHAPE = Shape(n_units=3, n_bins=6, n_classes=2, n_hidden=8, n_blocks=2, width=4)


@pytest.fixture(scope="module")
def weights():
    return initialise(0, SHAPE)


@pytest.fixture
def points():
    return np.random.default_rng(1).normal(size=(11, 3, 6)).astype(np.float32)


def test_weights_have_the_shapes_that_are_promised(weights):
    assert {name: array.shape for name, array in weights.items()} == SHAPE.sizes()
    assert SHAPE.sizes()["filter_1"] == (4, 8, 8)
    assert Shape(3, 1, 2, 8, 1, width=5).sizes()["filter_0"] == (1, 8, 8)
    wide = initialise(0, Shape(500, 1, 2, 64, 1, 1))["mixture"]
    assert wide.var() * 500 == pytest.approx(1, rel=0.05)


def test_trials_do_not_see_each_other(weights, points):
    whole = probabilities(weights, points, SHAPE)
    pieces = probabilities(weights, points, SHAPE, size=4)
    np.testing.assert_allclose(whole, pieces, rtol=1e-5)
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=1e-5)


def test_the_order_of_units_is_that_of_their_weights(weights, points):
    order = np.array([2, 0, 1])
    moved = {**weights, "mixture": weights["mixture"][order]}
    one, two = logits(weights, points, SHAPE), logits(moved, points[:, order], SHAPE)
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_without_weights_of_times_bins_are_told_apart_by_their_neighbours_alone(weights, points):
    """A burst far from both ends is the same burst a bin later."""
    shape = Shape(3, 20, 2, 8, 2, 4)
    still = {**initialise(0, shape)}
    early, late = np.zeros((2, 1, 3, 20), np.float32)
    early[0, :, 9], late[0, :, 10] = points[0, :, 0], points[0, :, 0]
    np.testing.assert_allclose(logits(still, early, shape), logits(still, late, shape), atol=1e-5)


def test_padding_counts_for_nothing(points):
    codes = np.arange(11) % 2
    rates = Rates(learning_rate=0.0, weight_decay=0.0, dropout=0.0, batch_size=8)
    spoilt = Batch.of(points, codes, 8)
    spoilt.points[11:] = 1e3
    limits = {"max_epochs": 1, "patience": 1, "seed": 0}
    losses = [
        train(Batch.of(points, codes, 8), held, SHAPE, rates, **limits)[1]
        for held in (Batch.of(points, codes, 8), spoilt)
    ]
    assert losses[0] == losses[1]
    assert spoilt.weights.sum() == 11


def test_the_best_epoch_is_kept():
    random = np.random.default_rng(2)
    points, codes = random.normal(size=(32, 3, 6)), np.arange(32) % 2
    rates = Rates(learning_rate=0.1, weight_decay=0.0, dropout=0.0, batch_size=32)
    taught = Batch.of(points, codes, 32)
    held = Batch.of(random.normal(size=(32, 3, 6)), codes, 32)
    weights, losses = train(taught, held, SHAPE, rates, max_epochs=30, patience=5, seed=0)
    probability = probabilities(weights, held.points, SHAPE)
    loss = -np.log(probability[np.arange(32), codes]).mean()
    assert loss == pytest.approx(min(losses), rel=1e-3)
    assert len(losses) - 1 - int(np.argmin(losses)) <= 5
