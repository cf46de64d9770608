"""What one number is, whoever gave it: a person, a file or a request."""

from __future__ import annotations

import math
from numbers import Real
from typing import TypeGuard


def is_real(
    value: object,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> TypeGuard[float]:
    """Return whether something is one number in a range, and finite as a float64.

    Parameters
    ----------
    value : object
    above, least, most, below : float
        It must lie between the first and the last, and from the second to the third.

    Examples
    --------
    >>> is_real(3, above=0), is_real("3"), is_real(True), is_real(math.nan), is_real(10**400)
    (True, False, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        number = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and above < number < below and least <= number <= most
