"""One number is a number whatever its class, and nothing else is one."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from panneuro.core.reals import is_real


@pytest.mark.parametrize(
    "value", [0, -1.5, 10**300, Fraction(1, 3), np.uint8(3), np.float16(0.5), np.float64(5e-324)]
)
def test_finite_numbers_of_any_class_are_real(value):
    assert is_real(value)


@pytest.mark.parametrize(
    "value",
    [None, True, np.True_, "3", 1j, math.nan, -math.inf, 10**400, [3], np.array([3.0]), Decimal(3)],
)
def test_nothing_else_is(value):
    assert not is_real(value)


def test_the_ends_of_a_range_are_in_it_but_what_it_must_be_above_is_not():
    assert is_real(0, least=0, most=0)
    assert is_real(np.nextafter(0, 1), above=0)
    assert not is_real(0, above=0)
    assert not is_real(np.nextafter(1, 2), most=1)
