"""How much the firing of cells tells of where an animal is, against all circular shifts."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import xarray as xr

from panneuro.analysis.fields import MOST_SPIKES
from panneuro.analysis.information import in_bits
from panneuro.analysis.labels import unit_names
from panneuro.analysis.reals import as_array
from panneuro.analysis.streams import spread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

type Floats = npt.NDArray[np.floating[Any]]


def spatial_information(
    counts: npt.ArrayLike | xr.DataArray,
    places: npt.ArrayLike,
    *,
    min_shift: int | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    r"""Measure spatial information in bits a spike, and test it against all circular shifts.

    With the share of time :math:`p_i` in place :math:`i`, the rate :math:`\lambda_i` there and the
    mean rate :math:`\lambda` [1]_,

    .. math:: I = \sum_i p_i \frac{\lambda_i}{\lambda} \log_2 \frac{\lambda_i}{\lambda}.

    A circular shift of the spikes against the places keeps the order of both and loses how they
    are aligned. The spikes in each place, for every shift, are a correlation of two series, which
    the Fourier transform gives for all shifts at once: no shift is drawn.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes in consecutive, equally long bins of time.
    places : array-like of integers, shape (n_times,)
        The place in each bin of time, numbered; negative where it is not known or the animal
        rests. Such bins keep their turn in the shifts, and what lies in them counts nowhere; leave
        them out of both series to shift among known places only.
    min_shift : int, optional
        Leave out shifts of fewer bins of time than this, in both directions: they hardly move
        what changes slowly. By default a twentieth of the session.
    executor : concurrent.futures.Executor, optional
        Where units are spread; the result does not depend on it.

    Returns
    -------
    Dataset, dims (unit,)
        ``information`` in bits a spike, zero of units without spikes; ``null``, the mean over
        shifts, which is bias; and ``p``, the share of shifts, the one observed among them, that
        tell as much.

    Raises
    ------
    InputError
        If lengths do not agree, counts are negative or not finite, no place is known, or there are
        no shifts.

    References
    ----------
    .. [1] Skaggs, McNaughton, Gothard & Markus, Adv. Neural Inf. Process. Syst. 5 (1993)
       1030-1037.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> places = (np.arange(3000) // 7) % 10
    >>> counts = random.poisson(np.column_stack([3 * (places == 4), np.full(3000, 0.3)]))
    >>> found = spatial_information(counts, places, min_shift=10)
    >>> found.information.round(1).values, (found.p < 0.01).values
    (array([3.3, 0. ]), array([ True, False]))
    """
    values, where = _checked(counts, places)
    n_times = len(where)
    least = max(n_times // 20, 1) if min_shift is None else min_shift
    if not is_real(least, least=1, most=n_times // 2) or int(least) != least:
        raise InputError(f"{n_times} bins of time are shifted by at least {least}")
    # A number of 32 bits is exact enough for counts, and twice as fast.
    occupied = (where == np.unique(where[where >= 0])[:, None]).astype(np.float32)
    transform = scipy.fft.rfft(occupied, axis=1)
    task = partial(_of_unit, transform, occupied.sum(axis=1, dtype=float), n_times, least)
    found = np.array(list(spread(task, values.T, executor))).reshape(-1, 3)
    columns = dict(zip(("information", "null", "p"), found.T, strict=True))
    return in_bits(columns, unit_names(counts, values.shape[1]), "bits/spike")


def _checked(
    counts: npt.ArrayLike | xr.DataArray, places: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    values, where = as_array(counts, "counts"), as_array(places, "places")
    numbers = values.dtype.kind in "biuf" and where.dtype.kind in "iu"
    if values.ndim != 2 or where.shape != values.shape[:1] or not numbers:
        raise InputError(
            f"counts have the shape {values.shape}, and places {where.shape} of {where.dtype}",
            hint="give counts as times by units, and a whole number for the place at each time",
        )
    if not ((values >= 0) & (values < MOST_SPIKES)).all():
        raise InputError("counts are not all finite and from zero, or too great")
    if not (where >= 0).any():
        raise InputError("no place is known at any time")
    return values.astype(np.float32), where.astype(np.int64)


def _of_unit(
    transform: npt.NDArray[np.complexfloating[Any]],
    occupancy: Floats,
    n_times: int,
    least: int,
    counts: npt.NDArray[np.float32],
) -> tuple[float, float, float]:
    """Return the information, its mean over shifts, and its p-value."""
    if not counts.any():
        return 0.0, 0.0, 1.0
    product = transform * np.conj(scipy.fft.rfft(counts))
    spikes = scipy.fft.irfft(product, n_times, axis=1)
    if not (counts % 1).any():
        np.rint(spikes, out=spikes)
    bits = _bits(np.maximum(spikes, 0), occupancy)
    observed, shifted = float(bits[0]), bits[least : n_times - least + 1]
    reached = np.count_nonzero(shifted >= observed * (1 - 1e-5))
    return observed, float(shifted.mean()), (reached + 1) / (len(shifted) + 1)


def _bits(spikes: npt.NDArray[np.float32], occupancy: Floats) -> npt.NDArray[np.float64]:
    """Return bits a spike, of spikes (n_places, n_shifts) and the time in each place."""
    total = spikes.sum(axis=0, dtype=np.float64)
    shares = (occupancy / occupancy.sum()).astype(np.float32)[:, None]
    scaled = spikes / np.maximum(total, 1e-30).astype(np.float32)
    ratio = np.maximum(scaled / shares, np.float32(1e-30))
    return np.asarray(np.einsum("ij,ij->j", scaled, np.log2(ratio), dtype=np.float64))
