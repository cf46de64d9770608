"""Current source density: where along a probe currents enter and leave cells.

Each estimate is linear in the potentials of one moment, so each is a matrix, applied to a recording
as it is read. Sinks are negative.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from panneuro.analysis.kinds import check_choice
from panneuro.analysis.traces import numbers, physical, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

interpolate = need("scipy.interpolate", "analysis", "Estimating current source density")

Matrix = npt.NDArray[np.float64]
Method = Literal["standard", "delta", "spline", "kernel"]

CONDUCTIVITY = 0.3
"""Siemens per metre, as is usual for cortex."""

_GREATEST = 1e9
"""Of a constant in SI units."""

_POINTS = 8
_SOURCES_PER_SITE = 8


def current_source_density(
    signal: TimeSeries,
    depths_m: npt.ArrayLike,
    *,
    method: Method = "standard",
    conductivity: float = CONDUCTIVITY,
    diameter_m: float = 500e-6,
    regularisation: float = 1e-4,
) -> TimeSeries:
    """Estimate the current source density along a probe at each moment.

    Parameters
    ----------
    signal : TimeSeries
        Potentials in volts, shape (n_times, n_channels).
    depths_m : array-like, shape (n_channels,)
        Where each channel lies along the probe, in metres; different, in any order. At equal
        distances for the standard method.
    method : {"standard", "delta", "spline", "kernel"}
        See :func:`standard_matrix` and :func:`inverse_matrix`.
    conductivity : float
        Of the tissue, in siemens per metre.
    diameter_m : float
        Of the discs in which sources are the same, in metres; not for the standard method.
    regularisation : float
        For the kernel method: the noise of the potentials, as a part of their variance.

    Returns
    -------
    TimeSeries
        Lazy, float32, shape (n_times, n_channels), in amperes per cubic metre, channels in the
        order of the signal. The standard method gives zero at the first and last depth.

    Raises
    ------
    InputError
        If there are not as many depths as channels, fewer than three, equal ones, or uneven ones
        for the standard method.

    Examples
    --------
    >>> depths_m = np.arange(8) * 100e-6
    >>> potential = np.tile(-3e-3 * (depths_m / 700e-6) ** 2, (5, 1))
    >>> lfp = TimeSeries("lfp", potential, "volts", rate_hz=1000.0)
    >>> current_source_density(lfp, depths_m).data[0].round(0)
    array([   0., 3673., 3673., 3673., 3673., 3673., 3673.,    0.],
          dtype=float32)
    """
    rate_of(signal, "estimating sources of")
    depths = _checked(depths_m, signal.n_channels)
    if method == "standard":
        matrix = standard_matrix(depths, conductivity)
    else:
        matrix = inverse_matrix(depths, method, conductivity, diameter_m, regularisation)
    turned = np.ascontiguousarray(matrix.T, dtype=np.float32)

    def read(start: int, stop: int) -> npt.NDArray[Any]:
        return physical(signal, start, stop) @ turned

    lazy = Sliced(signal.data.shape, np.float32, read)
    return signal.with_data(lazy, name="csd", unit="A/m³", gain=1.0, offset=0.0, path="", source="")


def standard_matrix(depths_m: npt.ArrayLike, conductivity: float = CONDUCTIVITY) -> Matrix:
    """Return the negative second spatial difference times the conductivity.

    ``-σ (φ[i-1] - 2 φ[i] + φ[i+1]) / h²`` (Nicholson and Freeman, J. Neurophysiol. 38:356, 1975).

    Parameters
    ----------
    depths_m : array-like, shape (n,)
        At equal distances, in any order.
    conductivity : float
        Siemens per metre.

    Returns
    -------
    ndarray, shape (n, n)
        From volts to amperes per cubic metre; zero in the rows of both ends.

    Raises
    ------
    InputError
        If there are fewer than three depths, equal ones, or uneven ones.

    Examples
    --------
    >>> standard_matrix([0.0, 1.0, 2.0], conductivity=1.0)[1]
    array([-1.,  2., -1.])
    """
    depths = _checked(depths_m)
    order = np.argsort(depths)
    steps = np.diff(depths[order])
    if np.ptp(steps) > 1e-3 * steps.mean():
        raise InputError(
            f"depths are {steps.min() * 1e6:.4g} to {steps.max() * 1e6:.4g} µm apart; the second "
            "difference needs equal distances",
            hint="method='spline' or method='kernel' take any",
        )
    _check_positive("conductivity", conductivity)
    n = len(depths)
    inner = np.arange(1, n - 1)
    sorted_matrix = np.zeros((n, n))
    for offset, weight in ((-1, 1.0), (0, -2.0), (1, 1.0)):
        sorted_matrix[inner, inner + offset] = -conductivity * weight / steps.mean() ** 2
    return _unsorted(sorted_matrix, order)


def inverse_matrix(
    depths_m: npt.ArrayLike,
    method: Method = "spline",
    conductivity: float = CONDUCTIVITY,
    diameter_m: float = 500e-6,
    regularisation: float = 1e-4,
) -> Matrix:
    """Return the inverse of how sources in discs around the probe make potentials on it.

    A disc of radius *R* at depth *z'* makes ``(√((z-z')² + R²) - |z-z'|) / 2σ`` at depth *z*.
    ``"delta"`` has a thin disc at each channel, ``"spline"`` a natural cubic spline through the
    channels (Pettersen et al., J. Neurosci. Methods 154:116, 2006); ``"kernel"`` many Gaussians,
    with ridge regression (Potworowski et al., Neural Comput. 24:541, 2012).

    Parameters
    ----------
    depths_m : array-like, shape (n,)
        In any order.
    method : {"delta", "spline", "kernel"}
        What sources are made of.
    conductivity : float
        Of the tissue, in siemens per metre.
    diameter_m : float
        Of the discs in which sources are the same, in metres.
    regularisation : float
        For the kernel method: the noise of the potentials, as a part of their variance.

    Returns
    -------
    ndarray, shape (n, n)
        From volts to amperes per cubic metre.

    Raises
    ------
    InputError
        If there are fewer than three depths or equal ones, a constant is not positive, or there is
        no such method.

    Examples
    --------
    >>> sources = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    >>> inverse = inverse_matrix(np.arange(5) * 1e-4, "delta")
    >>> potentials = np.linalg.inv(inverse) @ sources
    >>> (inverse @ potentials).round(6)
    array([1., 2., 3., 2., 1.])
    """
    _check_positive("conductivity", conductivity)
    _check_positive("diameter", diameter_m)
    check_choice("inverse", method, ("delta", "spline", "kernel"))
    depths = _checked(depths_m)
    order = np.argsort(depths)
    if method == "kernel":
        found = _kernel(depths[order], diameter_m / 2, conductivity, regularisation)
    else:
        made = _delta if method == "delta" else _spline
        found = np.linalg.inv(made(depths[order], diameter_m / 2, conductivity))
    return _unsorted(found, order)


def _check_positive(what: str, value: float) -> None:
    if not is_real(value, above=0, below=_GREATEST):
        raise InputError(f"the {what} must be positive, not {value!r}")


def _potential(at: Matrix, source: Matrix, radius: float, conductivity: float) -> Matrix:
    apart = at[:, None] - source[None, :]
    made: Matrix = (np.sqrt(apart**2 + radius**2) - np.abs(apart)) / (2 * conductivity)
    return made


def _delta(depths: Matrix, radius: float, conductivity: float) -> Matrix:
    widths = np.gradient(depths)
    return _potential(depths, depths, radius, conductivity) * widths


def _spline(depths: Matrix, radius: float, conductivity: float) -> Matrix:
    """Integrate each channel's spline between channels, where the integrand is smooth."""
    basis = interpolate.CubicSpline(depths, np.eye(len(depths)), bc_type="natural")
    points, weights = _quadrature(depths)
    forward = _potential(depths, points, radius, conductivity)
    integrated: Matrix = (forward * weights) @ basis(points)
    return integrated


def _kernel(depths: Matrix, radius: float, conductivity: float, regularisation: float) -> Matrix:
    _check_positive("regularisation", regularisation)
    spacing = float(np.diff(depths).mean())
    edges = np.linspace(depths[0] - spacing, depths[-1] + spacing, _SOURCES_PER_SITE * len(depths))
    points, weights = _quadrature(np.union1d(edges, depths))
    bumps = np.exp(-0.5 * ((points[:, None] - edges[None, :]) / spacing) ** 2)
    at_sites = np.exp(-0.5 * ((depths[:, None] - edges[None, :]) / spacing) ** 2)
    potentials = (_potential(depths, points, radius, conductivity) * weights) @ bumps
    kernel = potentials @ potentials.T
    noise = regularisation * np.trace(kernel) / len(depths) * np.eye(len(depths))
    found: Matrix = np.linalg.solve(kernel + noise, potentials @ at_sites.T).T
    return found


def _quadrature(edges: Matrix) -> tuple[Matrix, Matrix]:
    """Return points and weights that integrate what is smooth between edges (Gauss-Legendre)."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * points).ravel(), (half * weights).ravel()


def _unsorted(matrix: Matrix, order: npt.NDArray[np.intp]) -> Matrix:
    found = np.empty_like(matrix)
    found[np.ix_(order, order)] = matrix
    return found


def _checked(depths_m: npt.ArrayLike, n_channels: int | None = None) -> Matrix:
    depths = numbers(depths_m, "depths")
    if n_channels is not None and len(depths) != n_channels:
        raise InputError(f"{n_channels} channels have depths of shape {depths.shape}")
    if len(depths) < 3 or not (np.abs(depths) < _GREATEST).all():
        raise InputError(
            f"current sources need three depths or more, all finite and in metres: {depths!r}"
        )
    if len(np.unique(depths)) < len(depths):
        raise InputError(
            "two channels lie at the same depth",
            hint="take one column of the probe, or the mean of each depth",
        )
    return depths
