"""What trials were, from what cells did: decoders judged on trials they have not seen."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.utils.validation import has_fit_parameter

from panneuro.analysis.blocks import check_number
from panneuro.analysis.folds import as_folds
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.labels import Integers, encode
from panneuro.analysis.linear_classifiers import LDA, Linear, Ridge, predict
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.permuted_classifiers import permuted_accuracies
from panneuro.analysis.psth import count_windows
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.analysis.streams import Seed, child, root, spread
from panneuro.analysis.trains import Units
from panneuro.analysis.windows import Bins
from panneuro.core.errors import InputError
from panneuro.signals.plot_style import titled
from panneuro.signals.table import Intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]

ROUNDING = 1e-9
"""As much as rounding can move an accuracy, and less than one trial more can."""

OF_FOLDS = 2**32 - 1
"""The number of the stream that folds are drawn from."""


@dataclass(frozen=True)
class Tuned:
    """A scikit-learn estimator whose parameters each training set chooses by its own folds.

    Parameters
    ----------
    estimator : estimator
        Put scaling and selection of cells inside, with ``make_pipeline``, so that they too see
        training trials only.
    grid : mapping
        Values to try, by name of parameter, as for ``GridSearchCV``.
    """

    estimator: Any
    grid: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Decoding:
    """How well labels were told from trials that the decoder had not seen.

    Parameters
    ----------
    accuracy : float
        Mean over folds of the fraction that is right.
    predicted : ndarray, shape (n_trials,)
        The label told of each trial.
    labels : ndarray, shape (n_trials,)
        The true ones.
    classes : ndarray, shape (n_classes,)
        The distinct labels, in order.
    null : ndarray of float64, shape (n_permutations,)
        Accuracy under permuted labels.
    p : float
        ``(1 + number of null >= accuracy) / (1 + n_permutations)``; NaN without permutations.
    chosen : tuple
        What each fold chose, of what there was to choose from.
    """

    accuracy: float
    predicted: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    null: npt.NDArray[np.float64]
    p: float
    chosen: tuple[Any, ...]

    @property
    def confusion(self) -> pd.DataFrame:
        """Trials of each label (rows) by what was told of them (columns)."""
        true, told = (np.searchsorted(self.classes, of) for of in (self.labels, self.predicted))
        counts = np.zeros((len(self.classes),) * 2, dtype=np.int64)
        np.add.at(counts, (true, told), 1)
        index, columns = (pd.Index(self.classes, name=name) for name in ("label", "predicted"))
        return pd.DataFrame(counts, index=index, columns=columns)

    @property
    def balanced_accuracy(self) -> float:
        """Mean over labels of the fraction that is right: chance is ``1 / n_classes``."""
        counts = self.confusion.to_numpy()
        return float(np.mean(np.diag(counts) / counts.sum(axis=1)))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what was told of the trials of each label, as a share of them.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        counts = self.confusion
        named = {"units": "1", "long_name": "share of trials"}
        shares = xr.DataArray(counts.div(counts.sum(axis=1), axis=0), name="share", attrs=named)
        chance = "" if np.isnan(self.p) else f", by chance {self.null.mean():.0%}, p = {self.p:.2g}"
        return titled(shares.neuro.plot(ax), f"{self.accuracy:.0%} told right{chance}")


def trial_features(
    units: Units,
    trials: Intervals,
    window_s: tuple[float, float] | None = None,
    *,
    anchor: str = "start_time",
) -> xr.DataArray:
    """Count the spikes of each unit in each trial: the matrix that decoders take.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    trials : Intervals
        One row a trial; its columns become coordinates.
    window_s : tuple of float, optional
        From where to where around the anchor, in seconds; the whole trial if left out.
    anchor : str
        The column of times around which the window lies.

    Returns
    -------
    DataArray of counts, dims (trial, unit)

    Raises
    ------
    InputError
        If there is no such column, or a time in it is missing.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"start_time": [0.0, 1.0], "stop_time": [1.0, 2.0], "side": ["L", "R"]}
    ... )
    >>> features = trial_features({3: [0.1, 0.2, 1.6]}, Intervals.from_frame("trials", frame))
    >>> features.sel(unit=3).values.tolist(), features.side.values.tolist()
    ([2, 1], ['L', 'R'])
    """
    check_kind(trials, Intervals, "counting spikes in trials")
    starts, stops = trials["start_time"], trials["stop_time"]
    if window_s is not None:
        Bins.of(window_s)
        times = reals(trials[anchor], f"times of {anchor!r}")
        missing = int(np.isnan(times).sum())
        if missing:
            raise InputError(
                f"{missing} of {len(times)} trials have no {anchor!r}",
                hint=f'leave them out: trials.where(np.isfinite(trials["{anchor}"]))',
            )
        starts, stops = times + window_s[0], times + window_s[1]
    counts = count_windows(units, starts, stops)
    first, second = counts.dims
    named = counts.rename({first: "trial", second: "unit"})
    columns = {str(name): ("trial", trials[name]) for name in trials.columns if name != "unit"}
    return named.assign_coords(columns)


def decode(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    folds: int | npt.ArrayLike = 5,
    *,
    model: Any = LDA(),  # noqa: B008
    n_permutations: int = 0,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> Decoding:
    """Tell each trial's label from the folds that it is not in, and how well chance does.

    Under each permutation of the labels the decoder is fitted anew in every fold, as in [1]_; for
    an `LDA` or a `Ridge` of one strength that has a closed form, which gives the same accuracies.

    Parameters
    ----------
    features : array-like of float, shape (n_trials, n_units[, n_bins])
        `float32` is computed as such, in half the time; anything else in `float64`. Bins are for
        estimators that take them, such as :class:`~panneuro.analysis.deep.DeepDecoder`.
    labels : array-like, shape (n_trials,)
        Images, choices, odours, ….
    folds : int or array-like of int, shape (n_trials,)
        How many folds, each with its share of each label; or the fold of each trial, from
        :func:`~panneuro.analysis.folds.make_folds`.
    model : LDA, Ridge, Tuned or a scikit-learn classifier
        The decoder. Where it chooses among parameters, it does so within each training set, by the
        other folds, so that groups and blocks hold there too.
    n_permutations : int
        How many permutations of the labels; none by default.
    within : array-like, shape (n_trials,), optional
        Labels change places only within trials of one value: a session, a block.
    seed : int, SeedSequence or Generator
        Of the permutations, and of folds that are drawn.
    executor : concurrent.futures.Executor, optional
        Spreads the permutations; the result is the same.

    Returns
    -------
    Decoding
        Its ``p`` is NaN without permutations.

    Raises
    ------
    InputError
        If features are not finite, lengths differ, folds are wrong, or the model cannot learn from
        such features.

    References
    ----------
    .. [1] Ojala & Garriga (2010) J. Mach. Learn. Res. 11:1833.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> choices = np.tile(["left", "right"], 30)
    >>> rates = random.poisson(np.where(choices == "left", 1, 12)[:, None], (60, 4))
    >>> found = decode(rates, choices, n_permutations=99)
    >>> found.accuracy, found.p
    (1.0, 0.01)
    """
    check_number("permutations", n_permutations, 0)
    classes, codes = encode(labels)
    points = check_features(features, len(codes), bins=not isinstance(model, Linear))
    entropy = root(seed)
    numbered = as_folds(folds, codes, child(entropy, OF_FOLDS))
    predicted, chosen = predict_folds(points, codes, numbered, model)
    null = np.empty(0)
    if n_permutations:
        small = codes.astype(np.min_scalar_type(len(classes)))
        permuted = permute(small, n_permutations, entropy, within)
        null = null_accuracies(points, permuted, numbered, model, executor)
    accuracy = accuracy_of(predicted, codes, numbered)
    # Accuracies are sums of fractions: as much as rounding can move one is no difference.
    p = float(p_values(accuracy - ROUNDING, null)) if n_permutations else np.nan
    return Decoding(accuracy, classes[predicted], classes[codes], classes, null, p, tuple(chosen))


def check_features(
    features: npt.ArrayLike | xr.DataArray, n_trials: int, *, bins: bool = False
) -> Floats:
    """Return features as floats, or say what is wrong with them.

    Parameters
    ----------
    features : array-like, shape (n_trials, n_units[, n_bins])
    n_trials : int
        How many there must be.
    bins : bool
        Whether there may be an axis of bins of time.

    Returns
    -------
    ndarray of float64, or of float32 if they are

    Raises
    ------
    InputError
        If they have another shape, or one is not finite.
    """
    points = as_array(features, "features")
    if points.ndim not in ((2, 3) if bins else (2,)) or len(points) != n_trials or not points.size:
        raise InputError(
            f"{n_trials} labels have features of shape {points.shape}",
            hint="decode_over_time takes trials × units × bins, bin by bin"
            if points.ndim == 3
            else "give one row for each trial",
        )
    if points.dtype.kind not in "biuf":
        raise InputError(f"features are of type {points.dtype}, not numbers")
    floats = points if points.dtype == np.float32 else points.astype(np.float64)
    wrong = beyond(floats)
    if wrong.any():
        trial, unit, *_ = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"a feature of trial {trial} and unit {unit} is not finite, or too great",
            hint="leave out trials or units that were not recorded",
        )
    return floats


def accuracy_of(predicted: Integers, codes: Integers, folds: Integers) -> float:
    """Return the mean over folds of the fraction that is right."""
    right = np.bincount(folds, weights=predicted == codes)
    return float(np.mean(right / np.bincount(folds)))


def fit(model: Any, points: Floats, codes: Integers, folds: Integers) -> Any:
    """Fit a fresh copy of an estimator to training trials, of which the folds are known.

    One that holds out trials itself, and takes their `groups`, is given the folds.

    Raises
    ------
    InputError
        If the estimator refuses what it is given.
    """
    unfitted = _fresh(model, folds)
    known = {"groups": folds} if has_fit_parameter(unfitted, "groups") else {}
    try:
        return unfitted.fit(points, codes, **known)
    except InputError:
        raise
    except ValueError as error:
        name = type(getattr(model, "estimator", model)).__name__
        raise InputError(
            f"{name} was to learn from features of shape {points.shape}: {error}"
        ) from error


def null_accuracies(
    points: Floats,
    permuted: npt.NDArray[Any],
    folds: Integers,
    model: Any,
    executor: Executor | None = None,
) -> npt.NDArray[np.float64]:
    """Return the cross-validated accuracy under each of many labellings."""
    if not len(permuted):
        return np.empty(0)
    if isinstance(model, LDA | Ridge) and len(model.strengths) == 1:
        return permuted_accuracies(points, permuted, folds, model, executor=executor)
    fit_anew = partial(cross_validated, points, folds=folds, model=model)
    return np.array(list(spread(fit_anew, permuted, executor)))


def cross_validated(points: Floats, codes: Integers, folds: Integers, model: Any) -> float:
    """Return the accuracy of a model fitted to all folds but the one that is told."""
    return accuracy_of(predict_folds(points, codes, folds, model)[0], codes, folds)


def predict_folds(
    points: Floats, codes: Integers, folds: Integers, model: Any
) -> tuple[Integers, Sequence[Any]]:
    """Return what is told of each trial by the other folds, and what each fold chose."""
    if isinstance(model, Linear):
        return predict(points, codes, folds, model)
    predicted, chosen = np.empty(len(codes), dtype=np.int64), []
    for fold in range(int(folds.max()) + 1):
        train = folds != fold
        fitted = fit(model, points[train], codes[train], folds[train])
        predicted[~train] = fitted.predict(points[~train])
        chosen.append(getattr(fitted, "best_params_", None))
    return predicted, chosen


def _fresh(model: Any, folds: Integers) -> Any:
    if not isinstance(model, Tuned):
        return fresh(model)
    inner = PredefinedSplit(folds)
    if inner.get_n_splits() < 2:
        raise InputError(
            "choosing parameters within each training set needs at least three folds",
            hint="make_folds(labels, 5)",
        )
    return GridSearchCV(clone(model.estimator), dict(model.grid), cv=inner)


def fresh(model: Any) -> Any:
    """Return an estimator like another, that has learnt nothing.

    Raises
    ------
    InputError
        If it is none of scikit-learn's kind.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> fresh(GaussianNB())
    GaussianNB()
    """
    if not hasattr(model, "fit") or not hasattr(model, "get_params"):
        raise InputError(
            f"{reprlib.repr(model)} is no estimator", hint="model=LDA(), or one of scikit-learn"
        )
    return clone(model)
