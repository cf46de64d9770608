"""What spikes do to later ones: bases of raised cosines, and the features they make.

Source: Pillow et al. (2008) Nature 454:995, supplementary methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, check_number
from panneuro.analysis.compiling import compiled
from panneuro.analysis.reals import as_array, reals
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

Floats = npt.NDArray[np.floating[Any]]

_LONGEST_S = 1e6


def raised_cosines(n_basis: int, last_s: float, bin_s: float, bend_s: float = 0.005) -> Floats:
    """Return bumps that widen with time since a spike.

    ``b_j(t) = (1 + cos(clip((log(t + bend) - c_j) * pi / (2 * spacing), -pi, pi))) / 2``: evenly
    spaced and overlapping in ``log(t + bend)``, so that inside the range they sum to a constant.

    Parameters
    ----------
    n_basis : int
        How many, at least two.
    last_s : float
        Where the last bump is highest, in seconds after a spike.
    bin_s : float
        Seconds of a bin; the first bin after a spike is the first row.
    bend_s : float
        From where on time is felt as its logarithm, in seconds.

    Returns
    -------
    ndarray of float64, shape (n_lags, n_basis)
        Out to where the last bump ends.

    Raises
    ------
    InputError
        If there are fewer than two, or times do not ascend from 0.

    Examples
    --------
    >>> raised_cosines(3, 0.05, 0.005).argmax(axis=0) * 5
    array([ 0, 15, 45])
    """
    check_number("cosines", n_basis, 2)
    lasting = is_real(bin_s, above=0) and is_real(last_s, above=bin_s, most=_LONGEST_S)
    if not (lasting and is_real(bend_s, above=0, most=_LONGEST_S)):
        raise InputError(
            f"{n_basis} cosines from {bin_s!r} s to {last_s!r} s, bent at {bend_s!r} s, cannot be",
            hint="last_s > bin_s > 0 and bend_s > 0",
        )
    first, last = np.log(bin_s + bend_s), np.log(last_s + bend_s)
    spacing = (last - first) / (n_basis - 1)
    ends = np.exp(last + 2 * spacing) - bend_s
    times = np.arange(1, int(np.ceil(ends / bin_s)) + 1) * bin_s
    distance = np.log(times + bend_s)[:, None] - (first + spacing * np.arange(n_basis))
    bumps: Floats = (1 + np.cos(np.clip(distance * np.pi / (2 * spacing), -np.pi, np.pi))) / 2
    return bumps


def history_features(
    counts: npt.ArrayLike,
    basis: npt.ArrayLike,
    *,
    starts: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = np.float64,
    max_bytes: int = MAX_BYTES,
) -> Floats:
    """Filter each cell's spikes before each bin by each function of a basis.

    Parameters
    ----------
    counts : array-like of int, shape (n_times, n_units)
        Spikes in bins of time.
    basis : array-like, shape (n_lags, n_basis)
        Its first row is of the bin after a spike, so that no bin sees itself.
    starts : array-like of int, optional
        Bins where something new begins, a trial or a session: nothing before them is seen.
    dtype : dtype
        Of the result.
    max_bytes : int
        What the result may take in memory.

    Returns
    -------
    ndarray, shape (n_times, n_units * n_basis)
        All functions of the first cell, then of the next; see :func:`filters_of`.

    Raises
    ------
    InputError
        If counts are not integers from 0, starts are no bins, or the result is larger than is
        allowed.

    Examples
    --------
    >>> history_features([[1], [0], [0]], [[1.0], [0.5]]).ravel()
    array([0. , 1. , 0.5])
    """
    spikes = as_array(counts, "counts")
    functions = np.ascontiguousarray(reals(basis, "a basis"), dtype=dtype)
    if spikes.ndim != 2 or functions.ndim != 2 or not spikes.size or not functions.size:
        raise InputError(f"counts of shape {spikes.shape} met a basis of {functions.shape}")
    if not np.isfinite(functions).all():
        raise InputError("functions of the basis are not all finite")
    if spikes.dtype.kind not in "iu" or spikes.min() < 0:
        raise InputError(f"counts are of type {spikes.dtype}, not integers, or below 0")
    shape = (len(spikes), spikes.shape[1], functions.shape[1])
    check_bytes(shape, functions.dtype, max_bytes, "filtering spikes", "choose fewer units or bins")
    given = as_array(starts if starts is not None else [0], "starts")
    begins = np.unique(np.append(given, 0)) if given.dtype.kind in "iu" else given
    whole = begins.dtype.kind in "iu" and begins.ndim == 1
    if not whole or begins[0] < 0 or begins[-1] >= len(spikes):
        shown = begins.ravel()[:5].tolist()
        raise InputError(f"starts {shown}… are not bins from 0 to {len(spikes) - 1}")
    stops = np.append(begins[1:], len(spikes))
    until = np.repeat(stops, stops - begins)
    out = np.zeros(shape, dtype=dtype)
    _spread_spikes(spikes, functions, until, out)
    return out.reshape(len(spikes), -1)


def filters_of(
    weights: npt.ArrayLike, basis: npt.ArrayLike, bin_s: float | None = None
) -> xr.DataArray:
    """Turn fitted weights into filters over time.

    Parameters
    ----------
    weights : array-like, shape (n_sources * n_basis, n_units)
        Those of :func:`history_features`.
    basis : array-like, shape (n_lags, n_basis)
    bin_s : float, optional
        Seconds of a bin, for lags in seconds; they are in bins otherwise.

    Returns
    -------
    DataArray, dims (unit, source, lag)
        What a spike of each source does to the logarithm of each cell's rate, from the bin after
        it on.

    Raises
    ------
    InputError
        If there is no whole number of sources, there are no weights, or bins do not last.

    Examples
    --------
    >>> found = filters_of([[2.0]], [[1.0], [0.5]], bin_s=0.01)
    >>> found.values, found.lag.values
    (array([[[2., 1.]]]), array([0.01, 0.02]))
    """
    given, functions = reals(weights, "weights"), reals(basis, "a basis")
    finite = np.isfinite(given).all() and np.isfinite(functions).all()
    lists = given.ndim == functions.ndim == 2 and given.size and functions.size and finite
    if not lists or len(given) % functions.shape[1]:
        raise InputError(
            f"weights of shape {given.shape} met a basis of {functions.shape}, or are not finite",
            hint="weights are of n_sources × n_basis rows; a basis has n_lags rows",
        )
    if bin_s is not None and not is_real(bin_s, above=0, most=_LONGEST_S):
        raise InputError(f"a bin of time lasts {bin_s!r} s")
    by_source = given.T.reshape(given.shape[1], -1, functions.shape[1])
    lags = np.arange(1, len(functions) + 1) * (1 if bin_s is None else bin_s)
    told = {"units": "bins" if bin_s is None else "s", "long_name": "time from spike"}
    places = {
        "unit": np.arange(given.shape[1]),
        "source": np.arange(by_source.shape[1]),
        "lag": ("lag", lags, told),
    }
    named = {"units": "1", "long_name": "change of log rate"}
    dims = ("unit", "source", "lag")
    return xr.DataArray(by_source @ functions.T, places, dims, "filter", named)


@compiled
def _spread_spikes(spikes: Any, basis: Any, until: Any, out: Any) -> None:
    for time in range(spikes.shape[0]):
        for cell in range(spikes.shape[1]):
            count = spikes[time, cell]
            if count:
                for lag in range(min(basis.shape[0], until[time] - time - 1)):
                    for one in range(basis.shape[1]):
                        out[time + 1 + lag, cell, one] += count * basis[lag, one]
