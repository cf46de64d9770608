"""A deep decoder that is used as any scikit-learn classifier is."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from panneuro.analysis.decoding import check_features
from panneuro.analysis.labels import Integers, encode, unit_names
from panneuro.analysis.networks import Batch, Rates, Shape, Weights, probabilities, train
from panneuro.analysis.weights import read_weights, write_weights
from panneuro.core.errors import FormatError, InputError

_FORMAT = "panneuro deep decoder"
_VERSION = 1


class DeepDecoder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tell labels from the course of activity, with a small network of temporal convolutions.

    Units are scaled by their mean and deviation in the training trials, mixed into `n_hidden`
    channels, and filtered over time by residual convolutions; attention gathers what matters from
    all bins: see :mod:`panneuro.analysis.networks`. It learns what a linear decoder cannot, the
    order of events, conjunctions of units, and needs more trials for it; compare it with
    :class:`~panneuro.analysis.linear_classifiers.LDA` before believing that it is needed.

    A part of the training trials is held out to say when to stop; where the trials' groups are
    given (by :func:`~panneuro.analysis.decoding.decode`: its folds), whole groups. Trials that are
    tested later have no say. The same trials and seed give the same weights, to the bit, on one
    machine.

    Parameters
    ----------
    n_hidden : int
        Channels.
    n_blocks : int
        Convolutions, one after the other.
    width : int
        Bins that each sees; of few bins, all.
    dropout : float
        Share of channels that are silenced while learning, from 0 to below 1.
    weight_decay : float
        By which weights shrink, times the learning rate, in each step.
    learning_rate : float
    batch_size : int
        Trials of a step.
    max_epochs : int
        How often each trial is seen, at most.
    patience : int
        Epochs without a better loss of the held-out trials, after which it stops.
    validation : float
        Share of the training trials that are held out for that, in (0, 0.5].
    seed : int
        Of the first weights, the order of trials, what is silenced and what is held out.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, in order.
    units_ : ndarray, shape (n_units,)
        Names of the units: a DataArray's coordinate ``unit``, else numbers.
    bins_s_ : ndarray, shape (n_bins,)
        Times of the bins: a DataArray's coordinate along its last axis, else numbers.
    losses_ : list of float
        Cross-entropy of the held-out trials after each epoch, in nats.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> points = random.integers(0, 2, (120, 2)).astype(float)
    >>> either = points[:, 0] != points[:, 1]  # no line parts them
    >>> decoder = DeepDecoder(n_hidden=16, max_epochs=60).fit(points, either)
    >>> bool(decoder.score(points, either) > 0.95)
    True
    """

    def __init__(
        self,
        *,
        n_hidden: int = 32,
        n_blocks: int = 2,
        width: int = 5,
        dropout: float = 0.25,
        weight_decay: float = 1e-2,
        learning_rate: float = 3e-3,
        batch_size: int = 32,
        max_epochs: int = 200,
        patience: int = 20,
        validation: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_blocks = n_blocks
        self.width = width
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation = validation
        self.seed = seed

    def fit(
        self,
        features: npt.ArrayLike | xr.DataArray,
        labels: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn.

        Parameters
        ----------
        features : array-like, shape (n_trials, n_units[, n_bins])
            Spike counts or any finite signal.
        labels : array-like, shape (n_trials,)
            Two or more labels, of each at least two trials.
        groups : array-like, shape (n_trials,), optional
            Trials of one group are held out together.

        Raises
        ------
        InputError
            If a parameter is out of its range, features are not finite, or trials are too few.
        """
        _check_parameters(self.get_params())
        classes, codes = encode(labels)
        points = _with_bins(check_features(features, len(codes), bins=True))
        held = self._held_out(codes, groups)
        scaling = _Scaling.of(points[~held])
        shape = self._shape(points.shape[1], points.shape[2], len(classes))
        scaled = scaling.apply(points)
        taught, waiting = (
            Batch.of(scaled[some], codes[some], self.batch_size) for some in (~held, held)
        )
        rates = Rates(self.learning_rate, self.weight_decay, self.dropout, self.batch_size)
        limits = {name: getattr(self, name) for name in ("max_epochs", "patience", "seed")}
        self._weights, self.losses_ = train(taught, waiting, shape, rates, **limits)
        self.classes_, self._scaling = classes, scaling
        self.units_ = unit_names(features, points.shape[1])
        self.bins_s_ = _bin_times(features, points.shape[2])
        return self

    def predict_proba(self, features: npt.ArrayLike | xr.DataArray) -> npt.NDArray[np.float32]:
        """Return the probability of each class in each trial, shape (n_trials, n_classes).

        Raises
        ------
        InputError
            If it has not learnt, or features have other units or bins than those learnt from.
        """
        if not hasattr(self, "classes_"):
            raise InputError("a deep decoder was asked before it learnt", hint="decoder.fit(…)")
        n_trials = (*np.shape(features), 0)[0]
        points = _with_bins(check_features(features, n_trials, bins=True))
        shape = self._shape(len(self.units_), len(self.bins_s_), len(self.classes_))
        if points.shape[1:] != (shape.n_units, shape.n_bins):
            raise InputError(
                f"a decoder of {shape.n_units} units and {shape.n_bins} bins "
                f"met features of shape {points.shape}"
            )
        named = isinstance(features, xr.DataArray) and "unit" in features.coords
        if named and list(unit_names(features, shape.n_units)) != list(self.units_):
            raise InputError(
                "a decoder met other units, or the same in another order",
                hint="features.sel(unit=decoder.units_)",
            )
        return probabilities(self._weights, self._scaling.apply(points), shape)

    def predict(self, features: npt.ArrayLike | xr.DataArray) -> npt.NDArray[Any]:
        """Return the likeliest label of each trial, shape (n_trials,)."""
        likeliest = self.predict_proba(features).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was learnt to a safetensors file, with all that is needed to use it again.

        The header names the format and its version, parameters, classes, units, bins and the
        scaling; the arrays are the weights.

        Raises
        ------
        InputError
            If it has not learnt.
        """
        if not hasattr(self, "classes_"):
            raise InputError("a deep decoder was saved before it learnt", hint="decoder.fit(…)")
        header = {
            "format": _FORMAT,
            "version": _VERSION,
            "parameters": self.get_params(),
            "classes": self.classes_.tolist(),
            "units": self.units_.tolist(),
            "bins": self.bins_s_.tolist(),
            "preprocessing": "(features - mean) / deviation, of each unit",
        }
        write_weights(path, self._weights | asdict(self._scaling), header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a decoder that :meth:`save` wrote.

        Raises
        ------
        NotFoundError
            If there is no such file.
        LimitError
            If it is far too large.
        FormatError
            If it holds no such decoder, or not what its header says.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> points, labels = np.eye(4).repeat(8, 0), np.arange(32) // 16
        >>> decoder = DeepDecoder(max_epochs=2).fit(points, labels)
        >>> with TemporaryDirectory() as folder:
        ...     decoder.save(f"{folder}/decoder.safetensors")
        ...     again = DeepDecoder.load(f"{folder}/decoder.safetensors")
        >>> bool((again.predict_proba(points) == decoder.predict_proba(points)).all())
        True
        """
        arrays, header = read_weights(path)
        if header.get("format") != _FORMAT or header.get("version") != _VERSION:
            raise FormatError(
                f"{str(path)!r} is {header.get('format')!r}, version {header.get('version')!r}, "
                f"not {_FORMAT!r}, version {_VERSION}"
            )
        try:
            decoder = cls(**header["parameters"])
            _check_parameters(decoder.get_params())
            decoder.classes_ = _line(header["classes"], least=2)
            decoder.units_, decoder.bins_s_ = _line(header["units"]), _line(header["bins"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the header of {str(path)!r} is not a decoder's: {error}") from error
        decoder._take(arrays, str(path))
        return decoder

    def _take(self, arrays: Weights, path: str) -> None:
        """Take weights whose names, shapes and types are those that the header implies."""
        n_units = len(self.units_)
        expected: dict[str, tuple[int, ...]] = {"mean": (n_units,), "deviation": (n_units,)}
        expected |= self._shape(n_units, len(self.bins_s_), len(self.classes_)).sizes()
        found = {name: array.shape for name, array in arrays.items()}
        if found != expected:
            raise FormatError(f"weights in {path!r} have other shapes than its header says")
        for name, array in arrays.items():
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise FormatError(f"weights {name!r} in {path!r} are not finite float32")
        if not (arrays["deviation"] > 0).all():
            raise FormatError(f"deviations in {path!r} are not above zero")
        self._scaling = _Scaling(arrays.pop("mean"), arrays.pop("deviation"))
        self._weights = arrays
        self.losses_ = []

    def _shape(self, n_units: int, n_bins: int, n_classes: int) -> Shape:
        return Shape(n_units, n_bins, n_classes, self.n_hidden, self.n_blocks, self.width)

    def _held_out(self, codes: Integers, groups: npt.ArrayLike | None) -> npt.NDArray[np.bool_]:
        """Choose the trials that say when to stop."""
        wanted, rarest = round(1 / self.validation), int(np.bincount(codes).min())
        named = None if groups is None else np.asarray(groups)
        if named is not None and named.shape != codes.shape:
            raise InputError(f"{len(codes)} trials have groups of shape {named.shape}")
        enough = rarest if named is None else len(np.unique(named))
        if enough < 2:
            raise InputError(
                "a deep decoder holds out some of its training trials, and "
                + ("a label has one trial" if named is None else "all are of one group"),
                hint="leave rare labels out, or use more folds",
            )
        kind = StratifiedKFold if named is None else StratifiedGroupKFold
        splitter = kind(min(wanted, enough), shuffle=True, random_state=self.seed)
        held = np.zeros(len(codes), dtype=bool)
        held[next(splitter.split(codes, codes, named))[1]] = True
        return held


@dataclass(frozen=True)
class _Scaling:
    """Mean and deviation of each unit over training trials and bins."""

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]

    @classmethod
    def of(cls, points: npt.NDArray[Any]) -> _Scaling:
        deviation = points.std(axis=(0, 2))
        deviation = np.where(deviation > 0, deviation, 1)
        return cls(points.mean(axis=(0, 2)).astype(np.float32), deviation.astype(np.float32))

    def apply(self, points: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        scaled = (points - self.mean[:, None]) / self.deviation[:, None]
        return np.asarray(scaled, dtype=np.float32)


def _with_bins(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return points[:, :, None] if points.ndim == 2 else points


def _bin_times(features: Any, n_bins: int) -> npt.NDArray[Any]:
    if isinstance(features, xr.DataArray) and features.ndim == 3:
        axis = features.dims[2]
        if axis in features.coords:
            return np.asarray(features.coords[axis])
    return np.arange(n_bins)


def _line(values: Any, least: int = 1) -> npt.NDArray[Any]:
    """Return names or numbers from a header, all different."""
    if not isinstance(values, list) or len(values) < least:
        raise ValueError(f"{str(values)[:60]} is no list of {least} or more")
    kinds = {str if isinstance(value, str) else type(value) for value in values}
    if not (kinds in ({str}, {bool}) or kinds <= {int, float}):
        raise ValueError("names are neither all texts nor all numbers")
    if len(set(values)) != len(values):
        raise ValueError("names are not all different")
    line = np.array(values)
    if line.dtype.kind not in "biufU" or (line.dtype.kind == "f" and not np.isfinite(line).all()):
        raise ValueError("numbers are not finite, or too large")
    return line


_RANGES: dict[str, tuple[type, float, float]] = {
    "n_hidden": (int, 1, 4096),
    "n_blocks": (int, 1, 64),
    "width": (int, 1, 4096),
    "dropout": (float, 0, 0.99),
    "weight_decay": (float, 0, 1e3),
    "learning_rate": (float, 1e-9, 10),
    "batch_size": (int, 1, 2**20),
    "max_epochs": (int, 1, 10**6),
    "patience": (int, 1, 10**6),
    "validation": (float, 1e-3, 0.5),
    "seed": (int, 0, 2**31 - 2),
}
"""The type of each parameter, and from where to where it may go."""


def _check_parameters(given: dict[str, Any]) -> None:
    for name, (kind, low, high) in _RANGES.items():
        value = given[name]
        number = isinstance(value, int | float | np.integer | np.floating)
        whole = kind is float or isinstance(value, int | np.integer)
        if isinstance(value, bool) or not (number and whole and low <= value <= high):
            raise InputError(
                f"a deep decoder has {name}={value!r}",
                hint=f"from {low} to {high}, a {kind.__name__}",
            )
