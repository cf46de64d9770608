"""Windows around events, their bins, and the conditions that events are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.reals import as_array
from panneuro.analysis.trains import TICKS_PER_S, to_ticks
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real


@dataclass(frozen=True)
class Bins:
    """A window around an event, cut into bins of equal width.

    Parameters
    ----------
    first : int
        Nanoseconds from the event to the beginning of the window.
    span : int
        Nanoseconds the window lasts.
    count : int
        Number of bins.

    Examples
    --------
    >>> bins = Bins.of((-0.1, 0.2), 0.1)
    >>> bins.count, bins.centres_s
    (3, array([-0.05,  0.05,  0.15]))
    """

    first: int
    span: int
    count: int

    @classmethod
    def of(cls, window_s: tuple[float, float], bin_s: float | None = None) -> Bins:
        """Cut a window from `window_s`, in seconds from the event, into bins of `bin_s` seconds.

        Left out, the window is one bin.

        Raises
        ------
        InputError
            If the window is empty or no whole number of bins.
        """
        ends = to_ticks(window_s, "the ends of the window").tolist()
        if len(ends) != 2:
            raise InputError(f"a window of {window_s!r} s has not two ends")
        first, last = ends
        span: int = last - first
        if span <= 0:
            raise InputError(
                f"a window of {window_s!r} s does not last",
                hint="give (start, stop) in seconds from the event",
            )
        if bin_s is None:
            return cls(first, span, 1)
        if not is_real(bin_s, above=0):
            raise InputError(f"a window of {window_s!r} s has no bins of {bin_s!r} s")
        count = round(span / TICKS_PER_S / bin_s)
        if count > min(span, np.iinfo(np.int64).max // (2 * span)):
            raise InputError(
                f"a window of {window_s!r} s has too many bins of {bin_s!r} s: {count}"
            )
        if count < 1 or abs(count * bin_s - span / TICKS_PER_S) > 1e-6 * bin_s + 1e-9:
            whole = max(1, count)
            raise InputError(
                f"a window of {window_s!r} s is not a whole number of bins of {bin_s!r} s",
                hint=f"{whole} bins end at {window_s[0] + whole * bin_s:.9g} s",
            )
        return cls(first, span, count)

    @property
    def width_s(self) -> float:
        """Seconds a bin lasts."""
        return self.span / TICKS_PER_S / self.count

    @property
    def centres_s(self) -> npt.NDArray[np.float64]:
        """Middle of each bin, in seconds from the event, shape (n_bins,)."""
        middles = (2 * np.arange(self.count) + 1) * self.span / (2 * self.count)
        found: npt.NDArray[np.float64] = (self.first + middles) / TICKS_PER_S
        return found


def group(
    conditions: npt.ArrayLike, n: int, what: str = "conditions"
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the distinct conditions, ascending, and the row of each presentation among them.

    Parameters
    ----------
    conditions : array-like, shape (n,)
        Conditions of presentations, or other labels: areas of units, groups of trials.
    n : int
        How many there must be.
    what : str
        What they are, for messages.

    Returns
    -------
    names : ndarray, shape (n_conditions,)
    rows : ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        If there are not `n` of them, or some are missing (NaN, None or NA).

    Examples
    --------
    >>> group(["b", "a", "b"], 3)
    (array(['a', 'b'], dtype='<U1'), array([1, 0, 1]))
    """
    values = as_array(conditions, what)
    if values.shape != (n,):
        raise InputError(f"{what} of shape {values.shape} are not one for each of {n}")
    missing = int(pd.isna(values).sum())
    if missing:
        raise InputError(
            f"{missing} of {n} {what} are missing", hint="leave out what they belong to"
        )
    if values.dtype == object and all(isinstance(value, str) for value in values):
        values = values.astype(str)
    try:
        names, labels = np.unique(values, return_inverse=True)
    except TypeError as error:
        raise InputError(f"{what} cannot be put in order: {error}") from error
    return names, labels.astype(np.int64)
