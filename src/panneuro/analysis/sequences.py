"""Sequences that are not places: odours, tones, the order of cells.

Sources: rank order of cells, Foster & Wilson (2006) Nature 440:680; decoded items by their lag,
Shahbaba et al. (2022) Nature Communications 13:787.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.stats
import xarray as xr

from panneuro.analysis.decoding import check_features
from panneuro.analysis.fields import Fields, check_counts
from panneuro.analysis.folds import check_folds
from panneuro.analysis.labels import encode, unit_names
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.place import probabilities
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed
from panneuro.core.errors import InputError
from panneuro.signals.plot_style import COLOURS, finish, readable, styled, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class RankOrder:
    """How much cells fire in the order of a template.

    Parameters
    ----------
    correlation : float
        Spearman's, from -1 (in reverse) to 1.
    p : float
        How often shuffled cells correlate as much, in either direction.
    n_units : int
        Cells that took part.
    times_s, template : ndarray, shape (n_units,)
        When each of them fired first, and its rank or place in the template.
    """

    correlation: float
    p: float
    n_units: int
    times_s: Floats = field(repr=False, compare=False)
    template: Floats = field(repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw when each cell fired beside its place in the template.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        factor, unit = readable(self.times_s, "s")
        with styled(ax) as axes:
            axes.plot(self.times_s * factor, self.template, "o", color=COLOURS[0], ms=4)
            titled(axes, f"rank correlation {self.correlation:.2f}, p = {self.p:.2g}")
            return finish(axes, np.empty(0), f"first spike ({unit})", "place in the template")


def rank_order(
    times_s: npt.ArrayLike, template: npt.ArrayLike, *, n_shuffles: int = 1000, seed: Seed = 0
) -> RankOrder:
    """Correlate when cells fired in an event with their order elsewhere.

    Parameters
    ----------
    times_s : array-like, shape (n_units,)
        When each cell fired first in the event, in seconds; NaN where it did not.
    template : array-like, shape (n_units,)
        Its rank, or the place of its field.
    n_shuffles : int
        How often cells are shuffled.
    seed : int, SeedSequence or Generator
        Of the shuffles.

    Returns
    -------
    RankOrder

    Raises
    ------
    InputError
        If fewer than four cells fired, or all are tied.

    Examples
    --------
    >>> rank_order([0.01, 0.02, 0.05, np.nan, 0.07, 0.09], [1, 2, 3, 4, 5, 6]).correlation
    1.0
    """
    times, ranks = reals(times_s, "times"), reals(template, "a template")
    if times.shape != ranks.shape or times.ndim != 1:
        raise InputError(f"times of shape {times.shape} have a template of {ranks.shape}")
    fired = np.isfinite(times) & np.isfinite(ranks)
    if np.count_nonzero(fired) < 4:
        raise InputError(f"{np.count_nonzero(fired)} cells took part; a rank order needs four")
    one, two = (_standard(scipy.stats.rankdata(of[fired])) for of in (times, ranks))
    shuffled = permute(two, n_shuffles, seed) @ one
    correlation = float(one @ two)
    p = float(p_values(abs(correlation) - 1e-12, np.abs(shuffled)))
    return RankOrder(round(correlation, 12), p, len(one), times[fired], ranks[fired])


def item_fields(counts: npt.ArrayLike, items: npt.ArrayLike, bin_s: float) -> Fields:
    """Return the mean rate of each cell for each item, as if items were places.

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spikes while each item was presented.
    items : array-like, shape (n_trials,)
        Which item it was; they come in sorted order.
    bin_s : float
        Seconds counted.

    Returns
    -------
    Fields
        For :func:`~panneuro.analysis.place.position_posterior` and `score_replay`.

    Raises
    ------
    InputError
        If lengths differ, counts are not finite, or no time is counted.

    Examples
    --------
    >>> item_fields([[4], [0], [2]], ["A", "B", "A"], bin_s=0.5).rates_hz
    array([[6., 0.]])
    """
    classes, codes = encode(items)
    spikes = check_counts(check_features(counts, len(codes)), bin_s)
    presented = np.bincount(codes)
    sums = np.zeros((len(classes), spikes.shape[1]))
    np.add.at(sums, codes, spikes)
    rates = sums / (presented[:, None] * bin_s)
    bounds = np.arange(len(classes) + 1) - 0.5
    names = tuple(unit_names(counts, spikes.shape[1]).tolist())
    items_of = tuple(classes.tolist())
    return Fields(rates.T, presented * bin_s, (bounds,), units=names, items=items_of)


def item_posterior(
    counts: npt.ArrayLike, items: npt.ArrayLike, folds: npt.ArrayLike, bin_s: float
) -> xr.DataArray:
    """Return the probability of each item in each trial, from the folds that it is not in.

    Poisson counts, independent across cells, and a flat prior over the items.

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spikes while each item was presented.
    items : array-like, shape (n_trials,)
        Which item it was; they come in sorted order.
    folds : array-like of int, shape (n_trials,)
        The fold of each trial; trials of one run through the sequence belong in one.
    bin_s : float
        Seconds counted.

    Returns
    -------
    DataArray, dims (trial, item)
        Each trial sums to one.

    Raises
    ------
    InputError
        If an item occurs in one fold only.

    Examples
    --------
    >>> items = ["A", "B"] * 4
    >>> found = item_posterior([[9], [1]] * 4, items, [0, 0, 0, 0, 1, 1, 1, 1], 0.5)
    >>> found.idxmax("item").values.tolist() == items
    True
    """
    classes, codes = encode(items)
    spikes, numbered = check_features(counts, len(codes)), check_folds(folds, len(codes))
    posterior = np.empty((len(codes), len(classes)))
    for fold in range(int(numbered.max()) + 1):
        train = numbered != fold
        missing = np.setdiff1d(np.arange(len(classes)), codes[train])
        if len(missing):
            item = classes.tolist()[missing[0]]
            raise InputError(f"item {item!r} occurs in fold {fold} only, and cannot be learnt")
        fields = item_fields(spikes[train], codes[train], bin_s)
        posterior[~train] = probabilities(spikes[~train], fields, bin_s)
    named = {"units": "1", "long_name": "probability"}
    return xr.DataArray(posterior, {"item": classes}, ("trial", "item"), "probability", named)


def lag_profile(posterior: npt.ArrayLike | xr.DataArray, items: npt.ArrayLike) -> xr.DataArray:
    """Average the probability of items by how far they lie from the one presented.

    Parameters
    ----------
    posterior : array-like, shape (n_trials, n_items)
        Columns in the order of the sequence, such as :func:`item_posterior` gives.
    items : array-like, shape (n_trials,)
        Which one was presented: its name in the coordinate ``item``, or its column, from 0, where
        there is none.

    Returns
    -------
    DataArray, dims (lag,)
        Mean probability by lag, from ``-(n_items - 1)``, past items, to ``n_items - 1``, coming
        ones; lags that no trial has are left out. Neighbours that are alike raise both sides; where
        the posterior is of a time before or after the one learnt from, an asymmetry tells what is
        foretold or remembered.

    Raises
    ------
    InputError
        If there is not one item for each trial, one has no column, or a probability is missing.

    Examples
    --------
    >>> found = lag_profile([[0.8, 0.2], [0.4, 0.6]], [0, 1])
    >>> found.lag.values, found.values.round(2)
    (array([-1,  0,  1]), array([0.4, 0.7, 0.2]))
    """
    weights, codes = reals(posterior, "posteriors"), as_array(items, "items")
    if isinstance(posterior, xr.DataArray) and "item" in posterior.coords:
        codes = _columns(codes, posterior["item"].to_numpy())
    if weights.ndim != 2 or codes.shape != (len(weights),) or codes.dtype.kind not in "iu":
        raise InputError(f"items of shape {codes.shape} have posteriors of {weights.shape}")
    n_items = weights.shape[1]
    if not weights.size or not np.isfinite(weights).all():
        raise InputError(f"posteriors of shape {weights.shape} are none, or not finite everywhere")
    if not (codes.min() >= 0 and codes.max() < n_items):
        raise InputError(
            f"items are numbered from {codes.min()} to {codes.max()}, and there are {n_items}"
        )
    apart = np.arange(n_items) - codes[:, None]
    lags, which = np.unique(apart, return_inverse=True)
    mean = np.bincount(which.ravel(), weights.ravel()) / np.bincount(which.ravel())
    coordinates = {"lag": ("lag", lags, {"long_name": "lag of the item"})}
    named = {"units": "1", "long_name": "probability"}
    return xr.DataArray(mean, coordinates, "lag", "probability", named)


def _columns(items: npt.NDArray[Any], names: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return at which place of the names each item is."""
    known, given = names.tolist(), items.ravel().tolist()
    unknown = [item for item in given if item not in known]
    if unknown:
        raise InputError(f"there is no item {unknown[0]!r}", hint=f"there are {known}")
    return np.array([known.index(item) for item in given], np.int64).reshape(items.shape)


def _standard(ranks: Floats) -> Floats:
    centred = ranks - ranks.mean()
    length = np.linalg.norm(centred)
    if not length > 0:
        raise InputError("all cells are tied, and have no order")
    return np.asarray(centred / length)
