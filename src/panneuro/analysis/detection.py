"""Signal detection: how well a subject tells signal from noise, and towards which it leans."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtri

from panneuro.analysis.blocks import check_number
from panneuro.analysis.reals import as_array
from panneuro.core.errors import InputError

type Floats = npt.NDArray[np.float64]
type Correction = Literal["loglinear", "clip"]


def d_prime(
    hits: npt.ArrayLike,
    misses: npt.ArrayLike,
    false_alarms: npt.ArrayLike,
    correct_rejections: npt.ArrayLike,
    *,
    correction: Correction = "loglinear",
) -> xr.Dataset:
    """Return sensitivity and criterion from counts of the four outcomes.

    With hit rate ``H`` and false-alarm rate ``F``, ``d' = z(H) - z(F)`` and
    ``c = -(z(H) + z(F)) / 2``, where ``z`` is the inverse of the normal distribution [1]_.

    Parameters
    ----------
    hits, misses : array-like of int
        Trials with a signal, with and without a response. All four have one shape, or scalars.
    false_alarms, correct_rejections : array-like of int
        Trials without a signal, with and without a response.
    correction : {"loglinear", "clip"}
        Rates of 0 and 1 have no ``z``: half a trial is added to every cell, whatever the rates,
        which is the less biased [2]_; or rates are held ``1 / (2 n)`` away from 0 and 1 [1]_.

    Returns
    -------
    Dataset, of the shape of the counts
        ``d_prime`` and ``criterion``, in standard deviations; ``hit_rate`` and
        ``false_alarm_rate`` as corrected. NaN where there was no trial of a kind.

    Raises
    ------
    InputError
        If a count is negative or no whole number, or shapes differ.

    References
    ----------
    .. [1] Macmillan & Creelman, Detection Theory: A User's Guide, 2nd ed. (2005), chapters 1, 2.
    .. [2] Hautus, Behavior Research Methods 27, 46 (1995).

    Examples
    --------
    >>> found = d_prime(20, 5, 10, 15, correction="clip")
    >>> round(float(found.d_prime), 3), round(float(found.criterion), 3)
    (1.095, -0.294)
    """
    given = {
        "hits": hits,
        "misses": misses,
        "false_alarms": false_alarms,
        "correct_rejections": correct_rejections,
    }
    h, m, f, r = (_counts(name, counts) for name, counts in given.items())
    if not h.shape == m.shape == f.shape == r.shape:
        raise InputError(f"counts have the shapes {h.shape}, {m.shape}, {f.shape}, {r.shape}")
    dims = tuple(f"axis_{axis}" for axis in range(h.ndim))
    return _measures(_rate(h, h + m, correction), _rate(f, f + r, correction), dims, {})


def d_prime_over_trials(
    signal_present: npt.ArrayLike,
    responded: npt.ArrayLike,
    n_trials: int = 100,
    *,
    correction: Correction = "loglinear",
) -> xr.Dataset:
    """Return sensitivity and criterion in a window that moves over the trials of a session.

    Parameters
    ----------
    signal_present : array-like of bool, shape (n,)
        Whether each trial had a signal: go, change, target.
    responded : array-like of bool, shape (n,)
        Whether the subject responded.
    n_trials : int
        Length of the window. At trial ``k`` it holds the trials up to and including ``k``, fewer
        at the beginning.
    correction : {"loglinear", "clip"}
        As for :func:`d_prime`.

    Returns
    -------
    Dataset, dims (trial,)
        ``d_prime``, ``criterion``, ``hit_rate`` and ``false_alarm_rate``; NaN until the window has
        seen a trial of each kind.

    Raises
    ------
    InputError
        If there is not one response for each trial, or values are not true or false.

    Examples
    --------
    >>> found = d_prime_over_trials([1, 0, 1, 0], [1, 0, 1, 1], n_trials=2)
    >>> found.hit_rate.values
    array([0.75, 0.75, 0.75, 0.75])
    """
    signal, response = (
        _booleans(signal_present, "signal_present"),
        _booleans(responded, "responded"),
    )
    if signal.shape != response.shape:
        raise InputError(f"{len(signal)} trials have {len(response)} responses")
    check_number("trials of a window", n_trials)
    hit = _rate(_sums(signal & response, n_trials), _sums(signal, n_trials), correction)
    false = _rate(_sums(~signal & response, n_trials), _sums(~signal, n_trials), correction)
    return _measures(hit, false, ("trial",), {"trial": np.arange(len(signal))})


def _counts(name: str, counts: npt.ArrayLike) -> Floats:
    found = as_array(counts, name)
    if (
        found.dtype.kind not in "iuf"
        or not (np.isfinite(found) & (found >= 0) & (found == np.floor(found))).all()
    ):
        raise InputError(f"{name} must be numbers of trials, not {found.tolist()!r}")
    return found.astype(np.float64)


def _booleans(values: npt.ArrayLike, name: str) -> npt.NDArray[np.bool_]:
    found = as_array(values, name)
    if found.ndim != 1 or not np.isin(found, (0, 1)).all():
        raise InputError(f"{name} must be true or false for each trial")
    return found.astype(bool)


def _sums(values: npt.NDArray[np.bool_], window: int) -> Floats:
    """Return how many of the last few values are true."""
    total = np.cumsum(values, dtype=np.float64)
    total[window:] -= total[:-window].copy()
    return total


def _rate(some: Floats, all_: Floats, correction: Correction) -> Floats:
    if correction == "loglinear":
        rate = (some + 0.5) / (all_ + 1.0)
    elif correction == "clip":
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.clip(some / all_, 0.5 / all_, 1.0 - 0.5 / all_)
    else:
        raise InputError(f"no correction is called {correction!r}", hint="loglinear or clip")
    found: Floats = np.where(all_ > 0, rate, np.nan)
    return found


def _measures(hit: Floats, false: Floats, dims: tuple[str, ...], coords: Any) -> xr.Dataset:
    zs = ndtri(hit), ndtri(false)
    found = {
        "d_prime": (dims, zs[0] - zs[1], {"units": "1", "long_name": "sensitivity d′"}),
        "criterion": (dims, -(zs[0] + zs[1]) / 2, {"units": "1", "long_name": "criterion c"}),
        "hit_rate": (dims, hit, {"units": "1"}),
        "false_alarm_rate": (dims, false, {"units": "1"}),
    }
    return xr.Dataset(found, coords)
