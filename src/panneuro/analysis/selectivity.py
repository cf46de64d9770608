"""How selective units are for what is shown: sparseness, orientation, direction."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError

Floats = npt.NDArray[np.float64]


def lifetime_sparseness(rates: npt.ArrayLike, axis: int = -1) -> Floats:
    """Tell how few of the stimuli a unit responds to: 0 to all alike, 1 to one alone.

    Parameters
    ----------
    rates : array-like of float, shape (…, n_conditions)
        Mean response to each stimulus, not negative.
    axis : int
        The axis of stimuli.

    Returns
    -------
    ndarray of float64
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
    >>> lifetime_sparseness([[1, 1, 1, 1], [0, 0, 8, 0]])
    array([0., 1.])
    """
    array = _responses(rates, axis)
    n = array.shape[axis]
    power = np.square(array).mean(axis)
    even: Floats = np.square(array.mean(axis)) / np.where(power > 0, power, np.nan)
    sparseness: Floats = (1 - even) / (1 - 1 / n)
    return sparseness


def selectivity(
    rates: npt.ArrayLike,
    angles_deg: npt.ArrayLike,
    *,
    of: Literal["orientation", "direction"] = "orientation",
    method: Literal["vector", "preferred"] = "vector",
) -> Floats:
    """Selectivity for the orientation (OSI) or direction (DSI) of a grating.

    Parameters
    ----------
    rates : array-like of float, shape (…, n_angles)
        Mean response to each direction, not negative.
    angles_deg : array-like of float, shape (n_angles,)
        Directions in degrees; to ``method="preferred"`` they are evenly spaced over the circle.
    of : {"orientation", "direction"}
        Whether opposite directions count as the same.
    method : {"vector", "preferred"}
        ``"vector"``: ``|Σ r exp(i k θ)| / Σ r`` with k = 2 for orientation and 1 for direction,
        that is one minus the circular variance [1]_ and what the Allen Institute reports.
        ``"preferred"``: ``(p − o) / (p + o)``, with p the response to the preferred angle and o
        that to the orthogonal orientation (opposite ones averaged) or the opposite direction [2]_.

    Returns
    -------
    ndarray of float64
        From 0 to 1; NaN where a unit never responds.

    Raises
    ------
    InputError
        If the lengths differ, a response is negative, or a needed angle was not shown.

    References
    ----------
    .. [1] Ringach DL, Shapley RM, Hawken MJ (2002). Orientation selectivity in macaque V1:
       diversity and laminar dependence. J Neurosci 22, 5639–5651.
    .. [2] Niell CM, Stryker MP (2008). Highly selective receptive fields in mouse visual cortex.
       J Neurosci 28, 7520–7536.

    Examples
    --------
    >>> angles = [0, 90, 180, 270]
    >>> selectivity([[4, 0, 4, 0], [1, 1, 1, 1]], angles).round(9)
    array([1., 0.])
    >>> selectivity([4, 0, 1, 0], angles, of="direction", method="preferred")
    np.float64(0.6)
    """
    array, angles = _responses(rates, -1), np.asarray(angles_deg, dtype=np.float64)
    if angles.shape != array.shape[-1:] or not np.isfinite(angles).all():
        raise InputError(
            f"responses of shape {array.shape!r} do not go with the angles {angles.tolist()!r}"
        )
    if of not in ("orientation", "direction") or method not in ("vector", "preferred"):
        raise InputError(f"there is no selectivity of {of!r} by {method!r}")
    if method == "vector":
        turns = np.exp((2j if of == "orientation" else 1j) * np.deg2rad(angles))
        return _ratio(np.abs(array @ turns), array.sum(-1))
    if of == "direction":
        preferred, other = array.max(-1), _at(array, angles, 180.0)
    else:
        folded = (array + _shown(array, angles, 180.0)) / 2
        preferred, other = folded.max(-1), _at(folded, angles, 90.0)
    return _ratio(preferred - other, preferred + other)


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


def _responses(rates: npt.ArrayLike, axis: int) -> Floats:
    array = np.asarray(rates, dtype=np.float64)
    if array.ndim == 0 or array.shape[axis] < 2:
        raise InputError(f"responses of shape {array.shape!r} do not hold two stimuli to compare")
    if not np.all(array >= 0) or not np.all(np.isfinite(array)):
        raise InputError(
            "responses are negative or not finite",
            hint="give rates, before a baseline is subtracted, of conditions that were shown",
        )
    return array
