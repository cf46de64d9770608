"""Models are fitted to what predicts, are small where data are few, and are always the same."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.codecs import fitting, moments
from panneuro.codecs.fitting import FEW_LEVELS, fit
from panneuro.codecs.lattice_lpc import encode
from panneuro.codecs.predictor import MAX_LAG, MAX_TAPS, predict

from .recordings import CASES, noise


def test_the_multiplexer_of_a_probe_is_found() -> None:
    assert (0, -24) in fit(noise(3000, 96, 1)).taps


def test_more_taps_must_save_what_their_time_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(6000, 16)
    few, stream = len(fit(samples).taps), encode(samples)
    monkeypatch.setattr(fitting, "WORTH_BITS", 0.0)
    assert few < len(fit(samples).taps)
    assert len(stream) < 1.005 * len(encode(samples))


def test_copies_of_channels_cost_nothing() -> None:
    samples = noise(3000, 32, 1)
    planes = predict(np.hstack([samples, samples]), fit(np.hstack([samples, samples])))
    assert np.abs(planes[32:]).mean() < 1


def test_independent_channels_have_no_far_ones() -> None:
    samples = np.random.default_rng(0).normal(0, 9, (3000, 60)).astype(np.int16)
    assert all(abs(distance) <= 4 for _, distance in fit(samples).taps)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, found in CASES.items()
        if found.ndim == 2 and found.size and found.dtype.kind == "i"
    ],
)
def test_every_model_is_one_that_can_be_decoded(name: str) -> None:
    samples = CASES[name]
    model = fit(samples)
    channels = samples.shape[1]
    assert len(model.taps) <= MAX_TAPS
    assert all(0 <= lag <= MAX_LAG and abs(far) < channels for lag, far in model.taps)
    assert all(lag > 0 or far < 0 for lag, far in model.taps)
    assert model.weights.shape[0] == len(model.taps)


def test_few_rows_share_their_weights() -> None:
    assert fit(noise(100, 96)).weights.shape[1] <= 4


def test_prediction_leaves_less() -> None:
    samples = noise(4000, 48, 3)
    assert predict(samples, fit(samples)).std() < 0.8 * samples.std()


def test_artefacts_do_not_rule_a_tetrode() -> None:
    samples = noise(20_000, 4, 3)
    clean = predict(samples, fit(samples))[:, 2000:]
    samples[300:340] = np.random.default_rng(1).integers(-30_000, 30_000, (40, 4))
    assert np.abs(predict(samples, fit(samples))[:, 10_000:]).mean() < 1.1 * np.abs(clean).mean()


def test_a_digital_channel_is_left_to_itself() -> None:
    samples = noise(3000, 16, 4)
    samples[:, 9] = np.random.default_rng(2).integers(0, 2, 3000) * 5000
    planes = predict(samples, fit(samples))
    assert len(np.unique(planes[9])) <= FEW_LEVELS


def test_sums_are_the_same_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(3000, 24, 5)
    model = fit(samples)
    monkeypatch.setattr(moments, "kernels", lambda: None)
    plain = fit(samples)
    assert plain.taps == model.taps
    np.testing.assert_array_equal(plain.weights, model.weights)
