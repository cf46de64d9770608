"""Psychometric curves: the probability of a choice over the strength of a stimulus."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.optimize import minimize
from scipy.special import expit, ndtr, ndtri, xlogy

from panneuro.analysis.blocks import check_number
from panneuro.analysis.kinds import check_choice, check_kind
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.traces import numbers
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

type Floats = npt.NDArray[np.float64]
type Slopes = tuple[Floats, Floats, Floats]
type Shape = Literal["logistic", "gauss", "weibull"]

_PARAMETERS = ("threshold", "width", "guess", "lapse")
_LARGEST = 700.0
"""Beyond it, exponentials are infinite."""


def _logistic(x: Floats, threshold: float, width: float) -> Slopes:
    u = (x - threshold) / width
    f = expit(u)
    slope = f * (1 - f) / width
    return f, -slope, -slope * u


def _gauss(x: Floats, threshold: float, width: float) -> Slopes:
    u = (x - threshold) / width
    slope = np.exp(-0.5 * u**2) / (np.sqrt(2 * np.pi) * width)
    return ndtr(u), -slope, -slope * u


def _weibull(x: Floats, threshold: float, width: float) -> Slopes:
    ratio = np.maximum(x, 0.0) / threshold
    with np.errstate(over="ignore"):
        z = np.minimum(ratio ** (1.0 / width), _LARGEST)
    rest = np.exp(-z) / width
    return -np.expm1(-z), -rest * z / threshold, -rest * xlogy(z, ratio) / width


_SHAPES: dict[str, Callable[[Floats, float, float], Slopes]] = {
    "logistic": _logistic,
    "gauss": _gauss,
    "weibull": _weibull,
}
"""Each returns F, and its slopes along the threshold and the width."""


def psychometric_curve(
    stimulus: npt.ArrayLike, chose: npt.ArrayLike, *, level: float = 0.95
) -> xr.Dataset:
    """Return how often a choice was made at each stimulus, with Wilson's interval [1]_.

    Parameters
    ----------
    stimulus : array-like of float, shape (n_trials,)
        Strength: signed contrast, coherence, frequency. Trials where it is NaN are left out.
    chose : array-like of bool, shape (n_trials,)
        Whether the choice was made: right, yes.
    level : float
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Dataset, dims (stimulus,)
        ``probability``, ``low`` and ``high``, and ``n_trials``.

    Raises
    ------
    InputError
        If there is not one choice for each stimulus, or no trial.

    References
    ----------
    .. [1] Wilson, Journal of the American Statistical Association 22, 209 (1927).

    Examples
    --------
    >>> curve = psychometric_curve([-1, -1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0])
    >>> curve.probability.values, curve.n_trials.values
    (array([0.5 , 0.75]), array([2, 4]))
    """
    strength, choice = _trials(stimulus, chose)
    if not is_real(level, above=0, below=1):
        raise InputError(f"a level of {level!r} does not lie between 0 and 1")
    values, codes = np.unique(strength, return_inverse=True)
    n = np.bincount(codes, minlength=len(values))
    p = np.bincount(codes, weights=choice, minlength=len(values)) / n
    z2 = float(ndtri((1 + level) / 2)) ** 2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    found = {
        "probability": ("stimulus", p, {"units": "1", "long_name": "probability of the choice"}),
        "low": ("stimulus", middle - reach),
        "high": ("stimulus", middle + reach),
        "n_trials": ("stimulus", n),
    }
    return xr.Dataset(found, {"stimulus": values})


def fit_psychometric(
    stimulus: npt.ArrayLike,
    chose: npt.ArrayLike,
    shape: Shape = "logistic",
    *,
    guess: float | None = None,
    lapse: float | None = None,
    most_lapses: float = 0.3,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Fit a psychometric function by maximum likelihood, with bootstrap intervals [1]_.

    ``P(x) = guess + (1 - guess - lapse) F(x)``. With ``u = (x - threshold) / width``, ``F`` is
    ``1 / (1 + exp(-u))`` (logistic) or the normal distribution of ``u`` (gauss); or Weibull's
    ``1 - exp(-(x / threshold)^(1 / width))``, for strengths from 0 up.

    Parameters
    ----------
    stimulus : array-like of float, shape (n_trials,)
        Strength; trials where it is NaN are left out.
    chose : array-like of bool, shape (n_trials,)
        Whether the choice was made.
    shape : {"logistic", "gauss", "weibull"}
        Of ``F``.
    guess, lapse : float, optional
        Rates of choices that do not depend on the stimulus: 0.5 guesses where one of two is
        forced. Left out, they are fitted.
    most_lapses : float
        The largest rate that is fitted.
    level : float
        Coverage of the intervals.
    n_resamples : int
        Data sets drawn from the fitted function, and fitted; 0 for no intervals.
    seed : int, SeedSequence or Generator
        Each data set has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where data sets are spread; the result does not depend on it.

    Returns
    -------
    DataFrame
        Rows ``threshold``, ``width``, ``guess`` and ``lapse``; columns ``value``, ``low`` and
        ``high``, these two NaN without resamples. In ``attrs``, the ``log_likelihood`` and the
        ``deviance`` from the saturated model.

    Raises
    ------
    InputError
        If there are fewer than two stimuli, or a strength is negative for Weibull's.

    References
    ----------
    .. [1] Wichmann & Hill, Perception & Psychophysics 63, 1293 and 1314 (2001).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.choice([-1, -0.5, -0.25, 0.25, 0.5, 1], 2000)
    >>> fit = fit_psychometric(x, rng.random(2000) < 1 / (1 + np.exp(-x / 0.2)), n_resamples=0)
    >>> fit.value.abs().round(1).tolist()
    [0.0, 0.2, 0.0, 0.0]
    """
    strength, choice = _trials(stimulus, chose)
    check_number("resamples", n_resamples, 0)
    if not is_real(level, above=0, below=1):
        raise InputError(f"intervals of {level!r} were asked for", hint="level=0.95")
    values, codes = np.unique(strength, return_inverse=True)
    check_choice("shape", shape, _SHAPES)
    if len(values) < 2:
        raise InputError("fitting a psychometric function needs two stimuli, not one")
    if shape == "weibull" and values[0] < 0:
        raise InputError(
            f"Weibull's function is of strengths from 0 up, not {values[0]!r}", hint="logistic"
        )
    n = np.bincount(codes).astype(np.float64)
    model = _Model(values, n, shape, guess, lapse, most_lapses)
    k = np.bincount(codes, weights=choice, minlength=len(values))
    best, cost = model.fit(k)
    table = pd.DataFrame({"value": model.full(best)}, index=pd.Index(_PARAMETERS, name="parameter"))
    table["low"], table["high"] = _interval(model, best, level, n_resamples, seed, executor)
    saturated = float(np.sum(xlogy(k, k / n) + xlogy(n - k, 1 - k / n)))
    table.attrs = {"shape": shape, "log_likelihood": -cost, "deviance": 2 * (saturated + cost)}
    return table


def psychometric_function(stimulus: npt.ArrayLike, fit: pd.DataFrame) -> xr.DataArray:
    """Return a fitted function at some strengths, to be drawn over :func:`psychometric_curve`.

    Parameters
    ----------
    stimulus : array-like of float, shape (n,)
        Strengths.
    fit : DataFrame
        As :func:`fit_psychometric` returns.

    Returns
    -------
    DataArray, dims (stimulus,)

    Raises
    ------
    InputError
        If strengths are not finite numbers, or the table is no fit.

    Examples
    --------
    >>> fit = pd.DataFrame({"value": [0.0, 1.0, 0.0, 0.0]})
    >>> fit.attrs["shape"] = "logistic"
    >>> psychometric_function([0.0], fit).values
    array([0.5])
    """
    check_kind(fit, pd.DataFrame, "drawing a psychometric function", "fit_psychometric(…)")
    x, shape = numbers(stimulus, "strengths of stimuli"), fit.attrs.get("shape")
    if beyond(x).any():
        raise InputError(
            "strengths of stimuli are not all finite, or too great", hint="leave such out"
        )
    if shape not in _SHAPES or "value" not in fit or len(fit) != len(_PARAMETERS):
        raise InputError(
            f"a table of {len(fit)} rows and the shape {shape!r} is no psychometric fit",
            hint="psychometric_function(stimulus, fit_psychometric(…))",
        )
    parameters = numbers(fit["value"], "parameters of a fit")
    if not np.isfinite(parameters).all():
        raise InputError(f"parameters of a fit are {parameters.tolist()}")
    threshold, width, guess, lapse = parameters
    p = guess + (1 - guess - lapse) * _SHAPES[shape](x, threshold, width)[0]
    named = {"units": "1", "long_name": "probability of the choice"}
    return xr.DataArray(p, {"stimulus": x}, "stimulus", name="probability", attrs=named)


class _Model:
    """The likelihood of counts at some strengths, over the parameters that are free."""

    def __init__(
        self,
        values: Floats,
        n: Floats,
        shape: Shape,
        guess: float | None,
        lapse: float | None,
        most: float,
    ) -> None:
        self.values, self.n = values, n
        self._shape = shape
        self._held = {at: rate for at, rate in ((2, guess), (3, lapse)) if rate is not None}
        rates = list(self._held.values())
        known = all(is_real(one, least=0) for one in rates) and is_real(most, above=0, most=0.5)
        if not known or sum(rates) >= 1:
            raise InputError(f"rates of {guess!r}, {lapse!r} and up to {most!r} are none")
        span = float(values[-1] - values[0])
        positive = shape == "weibull"
        low = span * 1e-3 if positive else float(values[0]) - span
        bounds = [(low, float(values[-1]) + span), (span * 1e-3, 10 * span)]
        bounds[1] = (0.02, 10.0) if positive else bounds[1]
        self._bounds = [*bounds, *((0.0, most) for at in (2, 3) if at not in self._held)]
        self._starts = [
            (float(np.quantile(values, q)), 0.5 if positive else span * w)
            for q, w in zip((0.5, 0.3, 0.7), (0.1, 0.3, 0.03), strict=True)
        ]

    def full(self, free: Floats) -> Floats:
        """Return all four parameters."""
        rest = list(free[2:])
        rates = [self._held[at] if at in self._held else rest.pop(0) for at in (2, 3)]
        return np.array([*free[:2], *rates])

    def probability(self, free: Floats) -> Floats:
        return self._sloped(free)[0]

    def fit(self, k: Floats, begin: Floats | None = None) -> tuple[Floats, float]:
        """Return the parameters of the greatest likelihood, and its negative logarithm.

        Sought from several places, or from `begin` and one of them.
        """

        def cost(free: Floats) -> tuple[float, Floats]:
            p, slopes = self._sloped(free)
            p = np.clip(p, 1e-12, 1 - 1e-12)
            value = -float(np.sum(k * np.log(p) + (self.n - k) * np.log1p(-p)))
            return value, slopes @ ((self.n - k) / (1 - p) - k / p)

        rates = [0.02] * (len(self._bounds) - 2)
        starts = [np.array([*start, *rates]) for start in self._starts]
        found = [
            minimize(cost, start, jac=True, method="L-BFGS-B", bounds=self._bounds)
            for start in (starts if begin is None else [begin, starts[0]])
        ]
        best = min(found, key=lambda one: float(one.fun))
        return np.asarray(best.x, np.float64), float(best.fun)

    def _sloped(self, free: Floats) -> tuple[Floats, Floats]:
        """Return probabilities, and their slopes along each parameter that is free."""
        threshold, width, guess, lapse = self.full(free)
        f, along_threshold, along_width = _SHAPES[self._shape](self.values, threshold, width)
        span = 1 - guess - lapse
        slopes = [span * along_threshold, span * along_width]
        rates = {2: 1 - f, 3: -f}
        slopes += [slope for at, slope in rates.items() if at not in self._held]
        return guess + span * f, np.stack(slopes)


def _interval(
    model: _Model,
    best: Floats,
    level: float,
    n_resamples: int,
    seed: Seed,
    executor: Executor | None,
) -> tuple[Any, Any]:
    if not n_resamples:
        return np.nan, np.nan
    task = partial(_refitted, model, best, root(seed))
    drawn = list(spread(task, range(n_resamples), executor))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _refitted(model: _Model, best: Floats, seed: np.random.SeedSequence, index: int) -> Floats:
    """Return the parameters of choices that are drawn from fitted probabilities."""
    p = np.clip(model.probability(best), 0.0, 1.0)
    drawn = stream(seed, index).binomial(model.n.astype(int), p)
    return model.full(model.fit(drawn, best)[0])


def _trials(stimulus: npt.ArrayLike, chose: npt.ArrayLike) -> tuple[Floats, Floats]:
    strength, choice = reals(stimulus, "strengths of stimuli"), reals(chose, "choices")
    if strength.ndim != 1 or strength.shape != choice.shape:
        raise InputError(f"stimuli of shape {strength.shape} have choices of shape {choice.shape}")
    if not np.isin(choice, (0, 1)).all():
        raise InputError("a choice was made or not: it must be true or false for each trial")
    there = ~np.isnan(strength)
    if not there.any() or np.isinf(strength).any():
        raise InputError("there is no trial whose stimulus has a finite strength")
    return strength[there], choice[there].astype(np.float64)
