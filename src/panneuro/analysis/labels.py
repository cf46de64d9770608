"""Labels of trials, and names of units."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.reals import as_array
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError

Integers = npt.NDArray[np.int64]


def encode(labels: npt.ArrayLike, n_trials: int | None = None) -> tuple[npt.NDArray[Any], Integers]:
    """Return the distinct labels in order, and which of them each trial has.

    Parameters
    ----------
    labels : array-like, shape (n_trials,)
        Images, choices, stimuli, …: at least two different ones.
    n_trials : int, optional
        How many there must be.

    Returns
    -------
    classes : ndarray, shape (n_classes,)
    codes : ndarray of int64, shape (n_trials,)

    Raises
    ------
    InputError
        If there are not as many labels as trials, one is missing (NaN or None), or all are alike.

    Examples
    --------
    >>> encode(["go", "stop", "go"])
    (array(['go', 'stop'], dtype='<U4'), array([0, 1, 0]))
    """
    given = as_array(labels, "labels")
    expected = given.shape if n_trials is None else (n_trials,)
    if given.ndim != 1 or not given.size or given.shape != expected:
        trials = "trial" if n_trials is None else f"of {n_trials} trials"
        raise InputError(f"labels have the shape {given.shape}, not one for each {trials}")
    classes, codes = group(given, len(given), "labels")
    if len(classes) < 2:
        raise InputError(f"all {len(given)} trials have the label {classes.tolist()[0]!r}")
    return classes, codes


def unit_names(array: npt.ArrayLike | xr.DataArray, n_units: int) -> npt.NDArray[Any]:
    """Return an array's coordinate ``unit``, or numbers from zero where it has none.

    Examples
    --------
    >>> unit_names(np.ones((5, 2)), 2)
    array([0, 1])
    """
    if isinstance(array, xr.DataArray) and "unit" in array.coords:
        return np.asarray(array.coords["unit"])
    return np.arange(n_units)


def axes_of(samples: Any) -> tuple[tuple[Any, ...], dict[Any, Any]]:
    """Return the names of all axes but the first, and their coordinates.

    Parameters
    ----------
    samples : array-like
        A DataArray has names and coordinates; of any other, axes are ``axis_1``, ``axis_2``, ….

    Examples
    --------
    >>> axes_of(np.ones((5, 2)))
    (('axis_1',), {})
    """
    if not isinstance(samples, xr.DataArray):
        return tuple(f"axis_{axis}" for axis in range(1, len(samples.shape))), {}
    dims = samples.dims[1:]
    kept = {
        name: of for name, of in samples.coords.items() if of.dims and set(of.dims) <= set(dims)
    }
    return dims, kept
