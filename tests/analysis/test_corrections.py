"""Adjusted p-values: against definitions and known orders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from panneuro.analysis.corrections import adjust
from panneuro.core.errors import InputError

METHODS = ("bh", "by", "holm", "bonferroni")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_methods_are_ordered(p):
    bh, by, holm, bonferroni = (adjust(p, method) for method in METHODS)
    small = 1e-12
    assert (np.array(p) <= bh + small).all()
    assert (bh <= by + small).all()
    assert (bh <= holm + small).all()
    assert (holm <= bonferroni + small).all()


def test_step_up_and_step_down_by_hand():
    p = [0.001, 0.008, 0.039, 0.041]
    np.testing.assert_allclose(adjust(p, "bh"), [0.004, 0.016, 0.041, 0.041])
    np.testing.assert_allclose(adjust(p, "holm"), [0.004, 0.024, 0.078, 0.078])
    np.testing.assert_allclose(adjust(p, "bonferroni"), [0.004, 0.032, 0.156, 0.164])


def test_false_discoveries_stay_under_the_level():
    random = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        z = random.normal(size=100)
        z[:20] += 3.5
        p = 2 * (1 - ndtr(np.abs(z)))
        found = adjust(p) <= 0.1
        shares.append(found[20:].sum() / max(found.sum(), 1))
    assert np.mean(shares) < 0.11


def test_shape_is_kept():
    assert adjust(np.full((2, 3), 0.5)).shape == (2, 3)


@pytest.mark.parametrize("p", [[np.nan], [1.5], [-0.1]])
def test_p_must_be_p(p):
    with pytest.raises(InputError):
        adjust(p)


def test_method_must_be_known():
    with pytest.raises(InputError, match="'tukey'"):
        adjust([0.5], "tukey")
