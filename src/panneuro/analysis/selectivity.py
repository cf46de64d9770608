"""How selective units are for what is shown: sparseness, orientation, direction."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.responses import finite, reduced
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.float64]


def lifetime_sparseness(rates: xr.DataArray, dim: str = "condition") -> xr.DataArray:
    """Tell how few of the stimuli a unit responds to: 0 to all alike, 1 to one alone.

    Parameters
    ----------
    rates : DataArray, dims (…, dim, …)
        Mean response to each stimulus, not negative, such as those of
        :func:`~panneuro.analysis.tuning.tuning_curves`.
    dim : str
        The dim of stimuli.

    Returns
    -------
    DataArray of float64, dims (…)
        ``(1 − (Σ r / n)² / (Σ r² / n)) / (1 − 1 / n)`` [1]_; NaN where a unit never responds.

    Raises
    ------
    InputError
        If there are fewer than two stimuli, or a response is negative or not finite.

    References
    ----------
    .. [1] Vinje WE, Gallant JL (2000). Sparse coding and decorrelation in primary visual cortex
       during natural vision. Science 287, 1273–1276.

    Examples
    --------
    >>> rates = xr.DataArray([[1, 1, 1, 1], [0, 0, 8, 0]], dims=("unit", "condition"))
    >>> lifetime_sparseness(rates).values
    array([0., 1.])
    """
    array = _responses(rates, dim)
    power = np.square(array).mean(-1)
    even = np.square(array.mean(-1)) / np.where(power > 0, power, np.nan)
    sparseness = (1 - even) / (1 - 1 / array.shape[-1])
    return reduced(rates, dim, sparseness, "lifetime sparseness")


def selectivity(
    rates: xr.DataArray,
    dim: str = "orientation",
    *,
    of: Literal["orientation", "direction"] = "orientation",
    method: Literal["vector", "preferred"] = "vector",
) -> xr.DataArray:
    """Selectivity for the orientation (OSI) or direction (DSI) of a grating.

    Parameters
    ----------
    rates : DataArray, dims (…, dim, …)
        Mean response to each direction, not negative. The coordinate of `dim` is in degrees; to
        ``method="preferred"`` its values are evenly spaced over the circle.
    dim : str
        The dim of directions.
    of : {"orientation", "direction"}
        Whether opposite directions count as the same.
    method : {"vector", "preferred"}
        ``"vector"``: ``|Σ r exp(i k θ)| / Σ r`` with k = 2 for orientation and 1 for direction,
        that is one minus the circular variance [1]_ and what the Allen Institute reports.
        ``"preferred"``: ``(p − o) / (p + o)``, with p the response to the preferred angle and o
        that to the orthogonal orientation (opposite ones averaged) or the opposite direction [2]_.

    Returns
    -------
    DataArray of float64, dims (…)
        From 0 to 1; NaN where a unit never responds.

    Raises
    ------
    InputError
        If `dim` has no coordinate of finite angles, a response is negative, or a needed angle was
        not shown.

    References
    ----------
    .. [1] Ringach DL, Shapley RM, Hawken MJ (2002). Orientation selectivity in macaque V1:
       diversity and laminar dependence. J Neurosci 22, 5639–5651.
    .. [2] Niell CM, Stryker MP (2008). Highly selective receptive fields in mouse visual cortex.
       J Neurosci 28, 7520–7536.

    Examples
    --------
    >>> shown = {"orientation": [0, 90, 180, 270]}
    >>> rates = xr.DataArray([[4, 0, 4, 0], [1, 1, 1, 1]], shown, ("unit", "orientation"))
    >>> selectivity(rates).values.round(9)
    array([1., 0.])
    >>> rates = xr.DataArray([4, 0, 1, 0], shown, ("orientation",))
    >>> float(selectivity(rates, of="direction", method="preferred"))
    0.6
    """
    array, angles = _responses(rates, dim), _angles(rates, dim)
    if of not in ("orientation", "direction") or method not in ("vector", "preferred"):
        raise InputError(f"there is no selectivity of {of!r} by {method!r}")
    if method == "vector":
        turns = np.exp((2j if of == "orientation" else 1j) * np.deg2rad(angles))
        found = _ratio(np.abs(array @ turns), array.sum(-1))
        return reduced(rates, dim, found, f"{of} selectivity")
    if of == "direction":
        preferred, other = array.max(-1), _at(array, angles, 180.0)
    else:
        folded = (array + _shown(array, angles, 180.0)) / 2
        preferred, other = folded.max(-1), _at(folded, angles, 90.0)
    found = _ratio(preferred - other, preferred + other)
    return reduced(rates, dim, found, f"{of} selectivity")


def _at(array: Floats, angles: Floats, turn: float) -> Floats:
    """Return the response to the angle that lies `turn` degrees from the preferred one."""
    best = array.argmax(-1)[..., None]
    return np.take_along_axis(_shown(array, angles, turn), best, -1)[..., 0]


def _shown(array: Floats, angles: Floats, turn: float) -> Floats:
    """Return for each angle the response to the one that lies `turn` degrees on."""
    apart = np.abs((angles[None, :] - angles[:, None] - turn + 180) % 360 - 180)
    if np.any(apart.min(1) > 1e-6):
        missing = float(angles[apart.min(1) > 1e-6][0] + turn) % 360
        raise InputError(
            f"no response to {missing!r} degrees was given, to which others are compared",
            hint='use method="vector"',
        )
    return array[..., apart.argmin(1)]


def _ratio(over: Floats, under: Floats) -> Floats:
    return over / np.where(under > 0, under, np.nan)


def _responses(rates: xr.DataArray, dim: str) -> Floats:
    """Return responses with stimuli last."""
    array = np.moveaxis(finite(rates, (dim,), "responses"), rates.get_axis_num(dim), -1)
    if array.shape[-1] < 2:
        raise InputError(f"responses of shape {array.shape!r} do not hold two stimuli to compare")
    if np.any(array < 0):
        raise InputError("responses are negative", hint="give rates, with no baseline subtracted")
    return array


def _angles(rates: xr.DataArray, dim: str) -> Floats:
    try:
        angles = np.asarray(rates.coords[dim], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the dim {dim!r} has no coordinate in degrees: {error}") from error
    if not np.isfinite(angles).all():
        raise InputError(f"directions must be finite degrees, not {angles.tolist()!r}")
    return angles
