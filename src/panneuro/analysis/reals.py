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
        if given.dtype.kind in "biufO":
            return given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are no numbers: {error}") from error
    raise InputError(f"{what} are no real numbers, but {given.dtype}")


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
