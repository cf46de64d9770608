"""Signal and noise correlations of units, within and across areas, and what changes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.threads import one_thread
from panneuro.analysis.trial_counts import Floats, TrialCounts
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError


def noise_correlations(
    counts: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike,
    *,
    types: npt.ArrayLike | None = None,
    standardised: bool = False,
) -> xr.DataArray:
    """Correlate how responses of units vary together from trial to trial of the same condition.

    The mean of its condition is taken from each trial; what is left is pooled over conditions and
    correlated between units (Pearson).

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spike counts or any other response; a DataArray's coordinate ``unit`` names the units.
    conditions : array-like, shape (n_trials,)
        Which stimulus was shown. Conditions with one trial say nothing and are left out.
    types : array-like, shape (n_trials,), optional
        The kind of stimulus: correlations are of each kind for itself. A condition that is of
        several kinds counts as a condition of each.
    standardised : bool
        Divide by the standard deviation of each condition before pooling, so that conditions with
        many spikes do not weigh more.

    Returns
    -------
    DataArray of float64, dims ([type,] unit, other)
        NaN for units that do not vary.

    Raises
    ------
    InputError
        If lengths do not agree, a value is not finite, or a type has no condition with two trials.

    References
    ----------
    Cohen & Kohn, Nat. Neurosci. 14 (2011) 811-819.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> shared = random.normal(size=(400, 1))
    >>> counts = random.normal(size=(400, 3)) + shared * [1, 1, 0]
    >>> noise_correlations(counts, np.arange(400) % 4).round(1).values
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    if types is not None:
        return _of_each_type(counts, conditions, types, standardised)
    trials = TrialCounts.of(counts, conditions)
    sums = np.zeros((trials.values.shape[1],) * 2)
    for block in trials.blocks():
        sums += products(trials.residuals(block, standardised=standardised)[0])
    return _labelled(_correlation(sums), trials.units, "noise correlation")


def _of_each_type(
    counts: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike,
    types: npt.ArrayLike,
    standardised: bool,
) -> xr.DataArray:
    rows = counts if isinstance(counts, xr.DataArray) else as_array(counts, "responses")
    shown = as_array(conditions, "conditions")
    names, kinds = group(types, len(np.atleast_1d(rows)), "types")
    if shown.shape != kinds.shape:
        raise InputError(f"{len(kinds)} trials have conditions of shape {shown.shape}")
    found = [
        noise_correlations(rows[kinds == kind], shown[kinds == kind], standardised=standardised)
        for kind in range(len(names))
    ]
    return xr.concat(found, xr.DataArray(names, dims="type", name="type"))


def signal_correlations(
    counts: npt.ArrayLike | xr.DataArray, conditions: npt.ArrayLike, *, corrected: bool = True
) -> xr.DataArray:
    r"""Correlate the tuning of units: their mean responses over conditions.

    Means of few trials still hold noise, which is correlated too. With :math:`n_c` trials and the
    covariance :math:`S_c` within condition :math:`c`, the expected covariance of the means is that
    of the true tuning plus the mean of :math:`S_c / n_c`, which is subtracted unless `corrected` is
    false.

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spike counts or any other response; a DataArray's coordinate ``unit`` names the units.
    conditions : array-like, shape (n_trials,)
        Which stimulus was shown. Conditions with one trial say nothing and are left out.
    corrected : bool
        Whether to take out what noise adds.

    Returns
    -------
    DataArray of float64, dims (unit, other)
        NaN for units whose tuning is no larger than noise makes it. Corrected correlations of
        weakly tuned units may lie outside of -1 and 1.

    Raises
    ------
    InputError
        If lengths do not agree, a value is not finite, or fewer than three conditions have two
        trials.

    References
    ----------
    Pospisil & Bair, J. Neurosci. 41 (2021) 5638-5651, for the bias of uncorrected estimates.

    Examples
    --------
    >>> tuning = np.array([[0, 0], [1, 2], [2, 4], [3, 6.0]])
    >>> counts = np.repeat(tuning, 50, axis=0) + np.random.default_rng(0).normal(size=(200, 2))
    >>> signal_correlations(counts, np.repeat(np.arange(4), 50)).round(1).values
    array([[1., 1.],
           [1., 1.]])
    """
    trials = TrialCounts.of(counts, conditions)
    n_conditions = len(trials.ends)
    if n_conditions < 3:
        raise InputError(f"tuning is correlated over {n_conditions} conditions with two trials")
    means = []
    noise = np.zeros((trials.values.shape[1],) * 2)
    for block in trials.blocks():
        residuals, mean = trials.residuals(block)
        means.append(mean)
        sizes = trials.sizes[block]
        scale = np.repeat(np.sqrt(1 / (sizes * (sizes - 1.0))), sizes)
        noise += products(residuals * scale[:, None].astype(np.float32))
    covariance = np.cov(np.concatenate(means), rowvar=False).reshape(noise.shape)
    if corrected:
        covariance -= noise / n_conditions
    found = _correlation(covariance, within_one=not corrected)
    return _labelled(found, trials.units, "signal correlation")


def products(rows: Floats) -> npt.NDArray[np.float64]:
    """Return ``rows.T @ rows``, of which NumPy has half computed and half mirrored."""
    with one_thread():
        return np.asarray(rows.T @ rows, dtype=np.float64)


def _correlation(sums: Floats, *, within_one: bool = True) -> Floats:
    """Scale sums of products; what has no variance is NaN."""
    variances = np.diag(sums)
    floor = 1e-12 * max(float(variances.max(initial=0.0)), 1e-300)
    scale = np.sqrt(np.where(variances > floor, variances, np.nan))
    found = sums / scale / scale[:, None]
    return np.clip(found, -1, 1) if within_one else found


def _labelled(values: Floats, units: npt.NDArray[Any], what: str) -> xr.DataArray:
    coordinates, named = {"unit": units, "other": units}, {"units": "1", "long_name": what}
    return xr.DataArray(values, coordinates, ("unit", "other"), name="correlation", attrs=named)


def mean_by_area(correlations: xr.DataArray, areas: npt.ArrayLike) -> xr.DataArray:
    """Return mean correlations of pairs of units within and across areas.

    Parameters
    ----------
    correlations : DataArray, dims (..., unit, other)
        Of all pairs; NaN are left out, and units with themselves.
    areas : array-like, shape (n_units,)
        The area of each unit.

    Returns
    -------
    DataArray of float64, dims (..., area, other_area)
        NaN where there is no pair.

    Raises
    ------
    InputError
        If units and areas are not equally many.

    Examples
    --------
    >>> found = xr.DataArray([[1, 0.4, 0.1], [0.4, 1, 0.3], [0.1, 0.3, 1]], dims=["unit", "other"])
    >>> mean_by_area(found, ["V1", "V1", "LM"]).sel(area="V1", other_area="LM").item()
    0.2
    """
    sizes = getattr(correlations, "sizes", {})
    if not {"unit", "other"} <= set(sizes) or sizes["unit"] != sizes["other"]:
        raise InputError(
            f"correlations of pairs have the dims unit and other, as long as each other, "
            f"not {dict(sizes)}"
        )
    n_units = correlations.sizes["unit"]
    names, codes = group(areas, n_units, "areas")
    member = (codes == np.arange(len(names))[:, None]).astype(float)
    values = reals(correlations.transpose(..., "unit", "other"), "correlations").copy()
    values[..., np.arange(n_units), np.arange(n_units)] = np.nan
    there = ~np.isnan(values)
    sums = member @ np.where(there, values, 0) @ member.T
    numbers = member @ there.astype(float) @ member.T
    means = np.divide(sums, numbers, out=np.full(sums.shape, np.nan), where=numbers > 0)
    others = [dim for dim in correlations.dims if dim not in ("unit", "other")]
    coordinates = {dim: correlations.coords[dim] for dim in others if dim in correlations.coords}
    coordinates |= {"area": names, "other_area": names}
    named = {
        "units": "1",
        "long_name": f"mean {correlations.attrs.get('long_name', 'correlation')}",
    }
    dims = (*others, "area", "other_area")
    return xr.DataArray(means, coordinates, dims, name="correlation", attrs=named)
