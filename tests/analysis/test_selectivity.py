"""Indices of selectivity have their textbook values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from panneuro.analysis.selectivity import lifetime_sparseness, selectivity
from panneuro.core.errors import InputError

ANGLES = np.arange(0, 360, 45.0)
rates = arrays(float, (4, 8), elements=st.floats(0, 50).map(lambda rate: round(rate, 3)))


@given(rates, st.floats(0.1, 10))
def test_indices_lie_between_none_and_one_whatever_the_scale(values, scale):
    for found, scaled in (
        (lifetime_sparseness(values), lifetime_sparseness(values * scale)),
        *(
            [selectivity(values * factor, ANGLES, of=of, method=method) for factor in (1.0, scale)]
            for of in ("orientation", "direction")
            for method in ("vector", "preferred")
        ),
    ):
        silent = ~values.any(1)
        assert np.isnan(found[silent]).all()
        assert np.all((found[~silent] >= -1e-9) & (found[~silent] <= 1 + 1e-9))
        np.testing.assert_allclose(found, scaled, atol=1e-9)


@given(rates, st.integers(0, 7))
def test_turning_the_stimuli_changes_nothing(values, turn):
    for of in ("orientation", "direction"):
        found = selectivity(values, ANGLES, of=of)
        turned = selectivity(np.roll(values, turn, axis=1), ANGLES, of=of)
        np.testing.assert_allclose(found, turned, atol=1e-9)


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_a_cosine_has_half_its_depth(depth):
    tuned = 10 * (1 + depth * np.cos(np.deg2rad(2 * (ANGLES - 45))))
    assert selectivity(tuned, ANGLES) == pytest.approx(depth / 2)
    assert selectivity(tuned, ANGLES, method="preferred") == pytest.approx(depth)
    assert selectivity(tuned, ANGLES, of="direction") == pytest.approx(0, abs=1e-12)
    tuned = 10 * (1 + depth * np.cos(np.deg2rad(ANGLES - 45)))
    assert selectivity(tuned, ANGLES, of="direction") == pytest.approx(depth / 2)
    assert selectivity(tuned, ANGLES, of="direction", method="preferred") == pytest.approx(depth)


def test_sparseness_is_the_formula_of_vinje_and_gallant():
    values = np.random.default_rng(0).gamma(0.5, 4, (5, 118))
    n = values.shape[1]
    expected = (1 - values.sum(1) ** 2 / n**2 / (np.square(values).sum(1) / n)) / (1 - 1 / n)
    np.testing.assert_allclose(lifetime_sparseness(values), expected)
    np.testing.assert_allclose(lifetime_sparseness(values.T, axis=0), expected)


def test_impossible_responses_are_refused():
    with pytest.raises(InputError, match="negative"):
        lifetime_sparseness([1.0, -1.0])
    with pytest.raises(InputError, match="not finite"):
        lifetime_sparseness([1.0, np.nan])
    with pytest.raises(InputError, match="two stimuli"):
        lifetime_sparseness([1.0])
    with pytest.raises(InputError, match="do not go with"):
        selectivity([1.0, 2.0], [0.0])
    with pytest.raises(InputError, match="no response to 90"):
        selectivity([1.0, 2.0], [0.0, 180.0], method="preferred")
    with pytest.raises(InputError, match="no selectivity"):
        selectivity([1.0, 2.0], [0.0, 180.0], of="colour")
