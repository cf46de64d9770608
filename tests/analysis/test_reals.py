"""Numbers are kept, and nothing else is made a number."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.reals import reals
from panneuro.core.errors import InputError


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, object])
def test_numbers_of_any_kind_are_numbers(kind):
    found = reals(np.array([0, 1], kind), "samples")
    assert found.dtype == np.float64
    assert found.tolist() == [0.0, 1.0]


def test_what_is_float64_is_not_copied():
    values = np.ones(3)
    assert reals(values, "samples") is values


@pytest.mark.parametrize(
    "given", ["1", ["1"], [1j], [[1], [1, 2]], np.array(["2020-01-01"], "M8[D]"), {}]
)
def test_what_is_no_number_is_told(given):
    with pytest.raises(InputError, match="samples are no"):
        reals(given, "samples")
