"""A model is used again where it serves, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.codecs import fitter as room
from panneuro.codecs.fitter import Fitter
from panneuro.codecs.fitting import fit

from .recordings import noise


def test_a_model_is_used_while_it_serves() -> None:
    fitter = Fitter()
    models = [fitter.predict(noise(1500, 24, seed))[0] for seed in range(9)]
    assert all(model.weights is models[0].weights for model in models)


@pytest.mark.parametrize("change", ["other channels", "one channel", "number of channels"])
def test_a_model_that_does_not_serve_is_fitted_anew(change: str) -> None:
    first = noise(1500, 24, 1)
    other = {
        "other channels": np.random.default_rng(3).integers(-99, 99, first.shape, np.int16),
        "one channel": first.copy(),
        "number of channels": first[:, :20].copy(),
    }[change]
    if change == "one channel":
        other[:, 7] = np.random.default_rng(3).integers(-99, 99, len(first))
    fitter = Fitter()
    fitter.predict(first)[0]
    np.testing.assert_array_equal(fitter.predict(other)[0].weights, fit(other).weights)


def test_a_model_follows_what_channels_rest_at() -> None:
    first, fitter = noise(1500, 24, 1), Fitter()
    before, after = fitter.predict(first)[0], fitter.predict(first + np.int16(300))[0]
    assert after.weights is before.weights
    np.testing.assert_array_equal(after.offsets, before.offsets + 300)


def test_after_the_first_the_order_of_chunks_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    chunks = [noise(1500, 24, 1), rng.integers(-99, 99, (1500, 24), np.int16), noise(1500, 24, 2)]
    ahead, behind = Fitter(), Fitter()
    assert ahead.predict(chunks[0])[0].bits == behind.predict(chunks[0])[0].bits
    found = [ahead.predict(chunk)[0].weights for chunk in chunks[1:]]
    other = [behind.predict(chunk)[0].weights for chunk in chunks[:0:-1]]
    for one, same in zip(found, other[::-1], strict=True):
        np.testing.assert_array_equal(one, same)


def test_in_a_hurry_a_third_of_the_taps_is_looked_at_and_still_serves() -> None:
    careful, hasty = Fitter(), Fitter(fast=True)
    first, chunk = noise(3000, 96, 1), noise(3000, 96, 2)
    (slow, few), (quick, more) = (
        [fitter.predict(each) for each in (first, chunk)][1] for fitter in (careful, hasty)
    )
    assert 2 * len(quick.taps) <= len(slow.taps)
    assert quick.weights is hasty.predict(first)[0].weights
    assert np.abs(few).mean() <= np.abs(more).mean() < 1.05 * np.abs(few).mean()


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_few_channels_are_predicted_in_a_hurry_too(channels: int) -> None:
    samples = noise(3000, channels, 1)
    model, planes = Fitter(fast=True).predict(samples)
    assert model.taps
    assert np.abs(planes).mean() < np.abs(samples).mean()


def test_without_kernels_residuals_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit(noise(1500, 24, 1))
    other = noise(1500, 24, 2).cumsum(axis=0).astype(np.int16)
    told = room._told(other, model)
    monkeypatch.setattr(room, "kernels", lambda: None)
    np.testing.assert_allclose(room._told(other, model), told, rtol=0.02, atol=1e-3)
    assert told.max() > 0.1
