"""Which pairs of units fire together more often, or less, than is expected of them."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import gammainc, gammaincc

from panneuro.analysis.blocks import MAX_BYTES, check_number, in_order
from panneuro.analysis.correlograms import Stream, drop_selves, in_epochs, pairs
from panneuro.analysis.epochs import Epochs
from panneuro.analysis.expected_correlograms import jitter_expectation
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.lags import Lags
from panneuro.analysis.reals import reals
from panneuro.analysis.streams import Seed, root, stream
from panneuro.analysis.trains import Trains, Units
from panneuro.core.errors import InputError

type Floats = npt.NDArray[np.floating[Any]]

_P = {"units": "1", "long_name": "p"}


def excess(observed: xr.DataArray, expected: xr.DataArray) -> xr.Dataset:
    r"""Return correlograms less what is expected of them, with Poisson p-values of each lag.

    With the expected count :math:`\lambda` of a bin, :math:`P(X \ge n)` and :math:`P(X \le n)` of
    a Poisson variable. Counts of jittered trains vary a little less than that, so that the test is
    slightly conservative; it corrects neither for lags nor for pairs
    (see :func:`panneuro.analysis.corrections.adjust`).

    Parameters
    ----------
    observed : DataArray, dims (unit, other, lag)
        Counts, from :func:`panneuro.analysis.correlograms.correlograms`.
    expected : DataArray, dims (unit, other, lag)
        What a jitter or a shift of trials makes of them.

    Returns
    -------
    Dataset
        ``observed``, ``expected`` and ``corrected``, their difference; ``p_more`` and ``p_less``.
        Where nothing is expected and something observed, ``p_more`` is zero.

    Raises
    ------
    InputError
        If they are not of the same units and lags, or a count is negative or not finite.

    References
    ----------
    Stark & Abeles, J. Neurosci. Methods 179 (2009) 90-100.

    Examples
    --------
    >>> from panneuro.analysis.correlograms import correlograms
    >>> units = {"a": np.arange(50) * 0.1, "b": np.arange(50) * 0.1 + 0.002}
    >>> window = {"max_lag_s": 0.01}
    >>> found = excess(correlograms(units, **window), jitter_expectation(units, **window))
    >>> together = found.sel(unit="a", other="b").sel(lag=0.002, method="nearest")
    >>> bool(together.p_more < 1e-6)
    True
    """
    for one in (observed, expected):
        check_kind(one, xr.DataArray, "comparing correlograms", "those of correlograms(units)")
    if observed.dims != expected.dims or not observed.coords.equals(expected.coords):
        raise InputError("correlograms are compared with those of other units or lags")
    counts, means = reals(observed, "counts"), reals(expected, "expected counts")
    for what, some in (("counts", counts), ("expected counts", means)):
        if not (np.isfinite(some) & (some >= 0)).all():
            raise InputError(f"{what} of correlograms are not all finite, and from 0")
    with np.errstate(invalid="ignore"):
        more = np.where(counts > 0, gammainc(np.maximum(counts, 1), means), 1.0)
    dims = observed.dims
    return xr.Dataset(
        {
            "observed": observed,
            "expected": expected,
            "corrected": (dims, counts - means, observed.attrs),
            "p_more": (dims, more, _P),
            "p_less": (dims, gammaincc(counts + 1, means), _P),
        },
        observed.coords,
    )


def jitter_test(
    units: Units,
    *,
    jitter_s: float = 0.025,
    max_lag_s: float = 0.01,
    bin_s: float = 0.001,
    n_surrogates: int = 200,
    epochs: Epochs | None = None,
    rate_hz: float | None = None,
    seed: Seed = 0,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    r"""Test by jittered surrogates whether two units fire at some lag more often, or less.

    The statistic of a pair is the largest of :math:`(n - E) / \sqrt{E}` over its lags, with the
    exact mean :math:`E` of :func:`panneuro.analysis.expected_correlograms.jitter_expectation`; the
    p-value compares it with those of surrogates, and so is corrected for all lags.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times in seconds.
    jitter_s : float
        Length in seconds of the windows in which spikes are moved.
    max_lag_s : float
        Longest lag, on both sides of zero; a whole number of bins.
    bin_s : float
        Width of a bin.
    n_surrogates : int
        The smallest p-value is one by this plus one.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Count only pairs with both spikes in the same one of these; they may not overlap. Windows
        are laid from the beginning of each.
    rate_hz : float, optional
        Rate of the clock that spikes were sampled with: lags are then whole samples. Otherwise
        times are rounded to nanoseconds.
    seed : int, SeedSequence or Generator
        Each surrogate has a stream of its own.
    max_bytes : int
        What the correlograms may take in memory; surrogates are added up, and never kept.
    executor : Executor, optional
        Where surrogates are spread; the result does not depend on it.

    Returns
    -------
    Dataset, dims (unit, other)
        ``p_more`` and ``p_less``; of a unit with itself, of its autocorrelogram.

    Raises
    ------
    InputError
        If times are not finite or do not ascend, epochs overlap, bins are not whole, there are no
        surrogates, or correlograms are larger than is allowed.

    References
    ----------
    Amarasingham, Harrison, Hatsopoulos & Geman, J. Neurophysiol. 107 (2012) 517-531.

    Examples
    --------
    >>> units = {"a": np.arange(50) * 0.1, "b": np.arange(50) * 0.1 + 0.002}
    >>> float(jitter_test(units, n_surrogates=99).p_more.sel(unit="a", other="b"))
    0.01
    """
    check_number("surrogates", n_surrogates)
    lags = Lags.of(max_lag_s, bin_s, rate_hz, centred=True)
    trains = Trains.of(units)
    expected = jitter_expectation(
        trains,
        jitter_s=jitter_s,
        max_lag_s=max_lag_s,
        bin_s=bin_s,
        epochs=epochs,
        rate_hz=rate_hz,
        max_bytes=max_bytes,
    )
    ticks = round(jitter_s * lags.ticks_per_s)
    spikes = in_epochs(trains, lags, epochs, ticks)
    observed = _extremes(spikes, lags, expected.values)
    task = partial(_beaten, spikes, lags, expected.values, ticks, root(seed), observed)
    beaten = np.zeros(observed.shape, np.int64)
    for found in in_order(task, range(n_surrogates), executor):
        beaten += found
    sides = zip(("p_more", "p_less"), (beaten + 1) / (n_surrogates + 1), strict=True)
    coordinates = {"unit": trains.ids, "other": trains.ids}
    return xr.Dataset({side: (("unit", "other"), p, _P) for side, p in sides}, coordinates)


def _beaten(
    spikes: Stream,
    lags: Lags,
    expected: Floats,
    window: int,
    seed: np.random.SeedSequence,
    observed: Floats,
    index: int,
) -> npt.NDArray[np.bool_]:
    """Jitter every spike in its window, and tell where that is as extreme as what is observed."""
    drawn = stream(seed, index).integers(0, window, len(spikes.ticks))
    ticks = (spikes.ticks // window).astype(np.int64) * window + drawn
    found = _extremes(Stream.of(ticks, spikes.units, spikes.n_units), lags, expected)
    return np.asarray(found >= observed)


def _extremes(spikes: Stream, lags: Lags, expected: Floats) -> Floats:
    """Return how far each pair is over, and under, its expectation at most."""
    counts = pairs(spikes, spikes, lags)
    drop_selves(counts, spikes, lags)
    away = counts - expected
    scaled = np.divide(away, np.sqrt(expected), out=np.zeros_like(away), where=expected > 0)
    return np.stack([scaled.max(axis=-1), -scaled.min(axis=-1)])
