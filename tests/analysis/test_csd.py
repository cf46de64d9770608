"""Current sources that are known, found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from panneuro.analysis import csd
from panneuro.analysis.traces import evaluate
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

DEPTHS_M = np.arange(20) * 50e-6
RADIUS_M = 250e-6


def sources(depth_m):
    """Return a sink in the middle with a source on either side, in A/m³."""
    z = (depth_m - 475e-6) / 100e-6
    return -2000 * np.exp(-(z**2) / 2) * (1 - z**2 / 2)


def potentials(depths_m):
    """Integrate what discs of sources make along their axis."""

    def integrand(source_m, at_m):
        apart = at_m - source_m
        return sources(source_m) * (np.hypot(apart, RADIUS_M) - abs(apart)) / 0.6

    return np.array(
        [
            integrate.quad(integrand, -5e-4, 1.5e-3, (at,), points=[at], limit=200)[0]
            for at in depths_m
        ]
    )


@pytest.mark.parametrize(
    ("method", "tolerance"), [("delta", 0.08), ("spline", 0.03), ("kernel", 0.05)]
)
def test_inverse_methods_find_the_sources(method, tolerance):
    found = csd.inverse_matrix(DEPTHS_M, method, regularisation=1e-7) @ potentials(DEPTHS_M)
    assert np.abs(found - sources(DEPTHS_M))[1:-1].max() < tolerance * 2000


@pytest.mark.parametrize("method", ["delta", "spline", "kernel"])
def test_inverse_methods_take_uneven_depths_in_any_order(method):
    random = np.random.default_rng(0)
    depths = DEPTHS_M + random.uniform(-10e-6, 10e-6, 20)
    order = random.permutation(20)
    plain = csd.inverse_matrix(depths, method, regularisation=1e-6) @ potentials(depths)
    shuffled = csd.inverse_matrix(depths[order], method, regularisation=1e-6) @ potentials(
        depths[order]
    )
    np.testing.assert_allclose(shuffled, plain[order], rtol=1e-3, atol=1.0)


def test_standard_is_the_second_difference():
    x = np.random.default_rng(1).standard_normal((50, 20))
    lfp = TimeSeries("lfp", x, "volts", rate_hz=1000.0)
    found = csd.current_source_density(lfp, DEPTHS_M)
    expected = -0.3 * np.diff(x, 2, axis=1) / 50e-6**2
    np.testing.assert_allclose(found.data[:, 1:-1], expected, rtol=1e-3, atol=1e-5 * 1e8)
    assert found.unit == "A/m³"
    assert not found.data[:, [0, -1]].any()


@given(shift=st.floats(-1e-3, 1e-3), scale=st.floats(-1e3, 1e3))
def test_a_common_potential_has_no_standard_source(shift, scale):
    matrix = csd.standard_matrix(DEPTHS_M + shift)
    np.testing.assert_allclose(matrix @ np.full(20, scale), 0, atol=1e-3 * max(1, abs(scale)))
    np.testing.assert_allclose(matrix, csd.standard_matrix(DEPTHS_M), rtol=1e-6)


def test_pieces_are_the_whole():
    x = np.random.default_rng(1).standard_normal((5000, 20)).astype(np.float32)
    lfp = TimeSeries("lfp", x, "volts", rate_hz=1000.0, gain=1e-4)
    found = csd.current_source_density(lfp, DEPTHS_M, method="spline")
    whole = evaluate(found)
    scale = np.abs(whole).max()
    np.testing.assert_allclose(found.data[1000:1300], whole[1000:1300], atol=1e-5 * scale)
    np.testing.assert_allclose(
        whole, (x * 1e-4) @ csd.inverse_matrix(DEPTHS_M).T, atol=1e-4 * scale
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"depths_m": DEPTHS_M[:5]}, "20 channels have depths"),
        ({"depths_m": np.zeros(20)}, "the same depth"),
        ({"depths_m": DEPTHS_M**1.1}, "needs equal distances"),
        ({"depths_m": DEPTHS_M * np.nan}, "all finite"),
        ({"depths_m": DEPTHS_M, "method": "magic"}, "'magic'"),
        ({"depths_m": DEPTHS_M, "method": "spline", "diameter_m": 0}, "diameter must be"),
        ({"depths_m": DEPTHS_M, "method": "delta", "conductivity": -1}, "conductivity must be"),
        ({"depths_m": DEPTHS_M, "method": "kernel", "regularisation": 0}, "regularisation must"),
    ],
)
def test_what_cannot_be_done_is_told(asked, said):
    lfp = TimeSeries("lfp", np.zeros((5, 20)), "volts", rate_hz=1000.0)
    with pytest.raises(InputError, match=said):
        csd.current_source_density(lfp, **asked)
