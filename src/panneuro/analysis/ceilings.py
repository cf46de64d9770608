"""How well any model could foretell responses that vary from repeat to repeat.

Sources: signal power, Sahani & Linden (2003) Adv. Neural Inf. Process. Syst. 15:125; normalised
correlation, Schoppe, Harper, Willmore, King & Schnupp (2016) Front. Comput. Neurosci. 10:10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.labels import unit_names
from panneuro.analysis.reals import beyond, reals
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.floating[Any]]


def noise_ceiling(responses: npt.ArrayLike | xr.DataArray) -> xr.Dataset:
    """Part the variance of responses into what repeats and what doesn't.

    With all repeats present, the signal power is Sahani & Linden's,
    ``(R * var(mean) - mean(var)) / (R - 1)``, where variances are over stimuli and `R` is the
    number of repeats. Where some are missing, it is the variance of the means less that which the
    noise of each brings: the same on average.

    Parameters
    ----------
    responses : array-like of float, shape (n_units, n_stimuli, n_repeats)
        NaN where a stimulus was shown less often than others; stimuli shown once are left out.

    Returns
    -------
    Dataset, dims (unit,)
        ``signal_power``, the variance over stimuli of the mean that infinitely many repeats would
        have, an estimate without bias that may fall below 0 where nothing repeats;
        ``noise_power``, the variance over repeats, mean over stimuli; and ``correlation``, the
        highest of any model with the mean of these repeats, CC_max, 0 where the signal power is
        not above 0.

    Raises
    ------
    InputError
        If fewer than two stimuli were shown twice to some unit.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> signal = random.normal(size=(1, 4000, 1))
    >>> found = noise_ceiling(signal + random.normal(size=(1, 4000, 3)))
    >>> found.signal_power.values.round(1), found.noise_power.values.round(1)
    (array([1.]), array([1.]))
    """
    given = _check(responses)
    shown = np.isfinite(given)
    used = shown.sum(axis=2) > 1
    if (used.sum(axis=1) < 2).any():
        cell = int(np.argmax(used.sum(axis=1) < 2))
        raise InputError(
            f"unit {cell} has {used[cell].sum()} stimuli with two repeats or more",
            hint="a ceiling needs at least two such stimuli",
        )
    between, signal, noise = _complete(given) if shown.all() else _incomplete(given, shown, used)
    share = np.clip(signal, 0, None) / np.where(between > 0, between, np.inf)
    unit = str(responses.attrs.get("units", "")) if isinstance(responses, xr.DataArray) else ""
    power = {"units": f"({unit})²"} if unit else {}
    highest = {"units": "1", "long_name": "highest correlation of a model"}
    found = {
        "correlation": ("unit", np.sqrt(np.minimum(share, 1)), highest),
        "signal_power": ("unit", signal, power),
        "noise_power": ("unit", noise, power),
    }
    return xr.Dataset(found, {"unit": unit_names(responses, len(given))})


def normalised_correlation(
    predicted: npt.ArrayLike, responses: npt.ArrayLike | xr.DataArray
) -> xr.DataArray:
    """Correlate a model with mean responses, divided by the best that any could do: CC_norm.

    Parameters
    ----------
    predicted : array-like of float, shape (n_units, n_stimuli)
        What a model says.
    responses : array-like of float, shape (n_units, n_stimuli, n_repeats)
        NaN where a stimulus was shown less often than others; stimuli shown once are left out.

    Returns
    -------
    DataArray, dims (unit,)
        ``cov(model, mean) / sqrt(var(model) * signal_power)``; by chance it may pass 1. NaN where
        the signal power is not above 0, or the model is constant: there is nothing to explain, or
        nothing explains it.

    Raises
    ------
    InputError
        If shapes do not agree, the model is not finite, or fewer than two stimuli were shown twice
        to some unit.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> signal = random.normal(size=(1, 4000))
    >>> noisy = signal[:, :, None] + random.normal(size=(1, 4000, 3))
    >>> normalised_correlation(signal, noisy).values.round(1)
    array([1.])
    """
    given, model = _check(responses), reals(predicted, "what a model says")
    if model.shape != given.shape[:2] or beyond(model).any():
        raise InputError(f"a model of shape {model.shape} met responses of {given.shape}")
    ceiling = noise_ceiling(given)
    shown = np.isfinite(given)
    used = shown.sum(axis=2) > 1
    means = np.where(shown, given, 0).sum(axis=2) / np.maximum(shown.sum(axis=2), 1)
    one, two = (_centred(of, used) for of in (model, means))
    n_stimuli = used.sum(axis=1) - 1
    variance = (one**2).sum(axis=1) / n_stimuli
    explained = variance * ceiling.signal_power.to_numpy()
    scale = np.sqrt(np.where(explained > 0, explained, np.nan))
    normalised = (one * two).sum(axis=1) / n_stimuli / scale
    units = {"unit": unit_names(responses, len(given))}
    named = {"units": "1", "long_name": "normalised correlation"}
    return xr.DataArray(normalised, units, "unit", "correlation", named)


def _complete(given: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the variance of the mean, the signal power and the noise power of each cell."""
    n_repeats = given.shape[2]
    total = given.var(axis=1, ddof=1).mean(axis=1)
    between = given.mean(axis=2).var(axis=1, ddof=1)
    signal = (n_repeats * between - total) / (n_repeats - 1)
    return between, signal, total - signal


def _incomplete(
    given: Floats, shown: npt.NDArray[np.bool_], used: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Return the same where repeats are missing."""
    counted = shown & used[:, :, None]
    n_shown, n_stimuli = np.where(used, shown.sum(axis=2), 2), used.sum(axis=1)
    means = np.where(counted, given, 0).sum(axis=2) / n_shown
    left = np.where(counted, np.where(counted, given, 0) - means[:, :, None], 0)
    within = (left**2).sum(axis=2) / (n_shown - 1)
    between = (_centred(means, used) ** 2).sum(axis=1) / (n_stimuli - 1)
    signal = between - (within / n_shown).sum(axis=1) / n_stimuli
    return between, signal, within.sum(axis=1) / n_stimuli


def _centred(values: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    kept = np.where(used, values, 0)
    middle = kept.sum(axis=1) / used.sum(axis=1)
    return np.where(used, values - middle[:, None], 0)


def _check(responses: npt.ArrayLike) -> Floats:
    given = reals(responses, "responses")
    if given.ndim != 3 or not given.size:
        raise InputError(f"responses have the shape {given.shape}, not (units, stimuli, repeats)")
    if (beyond(given) & ~np.isnan(given)).any():
        raise InputError("responses are infinite somewhere, or too great")
    return given
