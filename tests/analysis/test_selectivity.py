"""Indices of selectivity have their textbook values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from panneuro.analysis.selectivity import lifetime_sparseness, selectivity
from panneuro.core.errors import InputError

ANGLES = np.arange(0, 360, 45.0)


def shown(values, angles=ANGLES):
    """Label responses, angles last."""
    dims = ("unit", "orientation")[-np.ndim(values) :]
    return xr.DataArray(values, {"orientation": angles}, dims)


def sparseness(values):
    return lifetime_sparseness(shown(values, np.arange(np.shape(values)[-1])), "orientation").values


rates = arrays(float, (4, 8), elements=st.floats(0, 50).map(lambda rate: round(rate, 3)))


@given(rates, st.floats(0.1, 10))
def test_indices_lie_between_none_and_one_whatever_the_scale(values, scale):
    for found, scaled in (
        (sparseness(values), sparseness(values * scale)),
        *(
            [
                selectivity(shown(values * factor), of=of, method=method).values
                for factor in (1.0, scale)
            ]
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
        found = selectivity(shown(values), of=of)
        turned = selectivity(shown(np.roll(values, turn, axis=1)), of=of)
        np.testing.assert_allclose(found, turned, atol=1e-9)


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_a_cosine_has_half_its_depth(depth):
    tuned = 10 * (1 + depth * np.cos(np.deg2rad(2 * (ANGLES - 45))))
    assert selectivity(shown(tuned)).item() == pytest.approx(depth / 2)
    assert selectivity(shown(tuned), method="preferred").item() == pytest.approx(depth)
    assert selectivity(shown(tuned), of="direction").item() == pytest.approx(0, abs=1e-12)
    tuned = 10 * (1 + depth * np.cos(np.deg2rad(ANGLES - 45)))
    assert selectivity(shown(tuned), of="direction").item() == pytest.approx(depth / 2)
    assert selectivity(shown(tuned), of="direction", method="preferred").item() == pytest.approx(
        depth
    )


def test_sparseness_is_the_formula_of_vinje_and_gallant():
    values = np.random.default_rng(0).gamma(0.5, 4, (5, 118))
    n = values.shape[1]
    expected = (1 - values.sum(1) ** 2 / n**2 / (np.square(values).sum(1) / n)) / (1 - 1 / n)
    found = lifetime_sparseness(shown(values, np.arange(n)), "orientation")
    np.testing.assert_allclose(found, expected)
    turned = lifetime_sparseness(shown(values, np.arange(n)).T, "orientation")
    np.testing.assert_allclose(turned, expected)
    assert turned.dims == ("unit",)


def test_impossible_responses_are_refused():
    with pytest.raises(InputError, match="negative"):
        sparseness([1.0, -1.0])
    with pytest.raises(InputError, match="not finite"):
        sparseness([1.0, np.nan])
    with pytest.raises(InputError, match="two stimuli"):
        sparseness([1.0])
    with pytest.raises(InputError, match="dims condition"):
        lifetime_sparseness(shown(np.ones(8)))
    with pytest.raises(InputError, match="no coordinate in degrees"):
        selectivity(xr.DataArray([1.0, 2.0], {"side": ["a", "b"]}, ("side",)), "side")
    with pytest.raises(InputError, match="finite degrees"):
        selectivity(shown([1.0, 2.0], [0.0, np.nan]))
    with pytest.raises(InputError, match="no response to 90"):
        selectivity(shown([1.0, 2.0], [0.0, 180.0]), method="preferred")
    with pytest.raises(InputError, match="no selectivity"):
        selectivity(shown([1.0, 2.0], [0.0, 180.0]), of="colour")
