"""Arrays of real numbers, from whatever was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError


def reals(values: Any, what: str) -> npt.NDArray[np.float64]:
    """Return values as float64; those that are not real numbers are refused, not converted.

    Parameters
    ----------
    values : array-like, shape (...)
    what : str
        What they are, to begin the error message: ``"samples"``.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN and infinity are numbers here.

    Raises
    ------
    InputError
        If they are text, times, complex or objects without a value.

    Examples
    --------
    >>> reals([1, True], "samples")
    array([1., 1.])
    """
    given = as_array(values, what)
    try:
        if given.dtype.kind in "biuf" or (given.dtype.kind == "O" and not _named(given)):
            return given.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{what} are no numbers: {error}") from error
    raise InputError(f"{what} are no real numbers, but {given.dtype}")


def _named(values: npt.NDArray[np.object_]) -> bool:
    """Return whether texts or times are among objects; Python makes numbers of them."""
    return any(isinstance(one, str | bytes | np.datetime64 | np.timedelta64) for one in values.flat)


def beyond(values: npt.NDArray[Any], dtype: npt.DTypeLike | None = None) -> npt.NDArray[np.bool_]:
    """Return which values are not finite, or so great that sums of their squares would not be.

    Files mark what is missing by the greatest number of a type as well as by NaN.

    Parameters
    ----------
    values : ndarray of numbers, shape (...)
    dtype : dtype, optional
        In which they will be squared, if not their own.

    Examples
    --------
    >>> beyond(np.array([1.0, np.nan, 1e300])), beyond(np.float32([1e18]))
    (array([False,  True,  True]), array([ True]))
    """
    most = 1e-4 * float(np.finfo(dtype or values.dtype).max) ** 0.5
    return np.asarray(~((values > -most) & (values < most)))


def as_array(values: Any, what: str) -> npt.NDArray[Any]:
    """Return values as an array of whatever type, or say that they have no one shape.

    Parameters
    ----------
    values : array-like
    what : str
        What they are, to begin the error message.

    Raises
    ------
    InputError
        If rows are not of one length.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]], "counts").shape
    (2, 2)
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are not all of one shape: {error}") from error
