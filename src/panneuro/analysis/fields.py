"""How units are tuned to where the animal is.

Source: spikes over occupancy, Muller, Kubie & Ranck (1987) J. Neurosci. 7:1935.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import gaussian_filter

from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import unit_names
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]

_SMOOTHEST = 1e6
MOST_SPIKES = 1e15
"""Of a bin of time; counts and their sums are whole below it."""

LONGEST_S = 1e9
"""Of a bin of time, or from one to another: a lifetime."""

_NAMED = (("Hz", "rate"), ("s", "occupancy"))


@dataclass(frozen=True)
class Fields:
    """How fast each unit fires in each bin of space.

    Parameters
    ----------
    rates_hz : ndarray of float64, shape (n_units, *n_bins)
        NaN where the animal never was.
    occupancy_s : ndarray of float64, shape (*n_bins)
        Seconds spent in each bin.
    edges : tuple of ndarray
        Edges of the bins along each axis of space, in the unit of the positions.
    position_unit : str
        That unit: ``"cm"``.
    units : tuple
        Names of the units; numbers where they have none.
    items : tuple
        Names of the bins, where they are no places but items.
    """

    rates_hz: Floats
    occupancy_s: Floats
    edges: tuple[Floats, ...]
    position_unit: str = ""
    units: tuple[Any, ...] = ()
    items: tuple[Any, ...] = ()

    @property
    def centres(self) -> Floats:
        """Middles of all bins, shape (n_bins, n_axes), in the order of `rates_hz` when ravelled."""
        middles = [(edges[:-1] + edges[1:]) / 2 for edges in self.edges]
        return np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, len(middles))

    @property
    def dataset(self) -> xr.Dataset:
        """Rates and occupancy with names, dims (unit, x, y): axes have the middles of bins."""
        axes = ["item"] if self.items else ["x", "y", "z"][: len(self.edges)]
        places: list[Any] = [(edges[:-1] + edges[1:]) / 2 for edges in self.edges]
        said = [{"units": self.position_unit, "long_name": axis} for axis in axes]
        if self.items:
            places, said = [np.array(self.items)], [{}]
        elif len(axes) == 1:
            said[0]["long_name"] = "position"
        rate, occupancy = ({"units": unit, "long_name": name} for unit, name in _NAMED)
        values = {
            "rate_hz": (("unit", *axes), self.rates_hz, rate),
            "occupancy_s": (axes, self.occupancy_s, occupancy),
        }
        coordinates = {axis: (axis, *both) for axis, *both in zip(axes, places, said, strict=True)}
        names = np.array(self.units) if self.units else np.arange(len(self.rates_hz))
        return xr.Dataset(values, {"unit": names, **coordinates})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the fields along a line, ordered by where they are highest; or that of one unit.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        rates = self.dataset["rate_hz"]
        if len(self.edges) == 1:
            highest = np.nan_to_num(self.rates_hz).argmax(axis=1)
            rates = rates.isel(unit=np.argsort(highest, kind="stable"))
        drawn: Axes = rates.neuro.plot(ax)
        return drawn


def tuning_fields(
    counts: npt.ArrayLike | xr.DataArray,
    positions: npt.ArrayLike | xr.DataArray,
    edges: npt.ArrayLike | tuple[npt.ArrayLike, ...],
    bin_s: float,
    *,
    smoothing_bins: float = 0.0,
    moving: npt.ArrayLike | None = None,
) -> Fields:
    """Divide the spikes in each bin of space by the time spent there.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each unit in bins of time; a DataArray's coordinate ``unit`` names the units.
    positions : array-like, shape (n_times,) or (n_times, n_axes)
        Where the animal was in each; times with a NaN or outside the edges are left out. A
        DataArray's ``attrs["units"]`` says in what: ``"cm"``.
    edges : array-like, or one for each axis
        Ascending edges of the bins of space, in the unit of the positions.
    bin_s : float
        Seconds of a bin of time.
    smoothing_bins : float
        Standard deviation of the Gaussian by which spikes and occupancy are smoothed, in bins.
    moving : array-like of bool, shape (n_times,), optional
        Which times to use: running, training folds.

    Returns
    -------
    Fields
        Rates are NaN where the animal never was.

    Raises
    ------
    InputError
        If lengths differ, counts are negative or not finite, edges do not ascend, or no time is
        left.

    Examples
    --------
    >>> fields = tuning_fields([[1], [0], [2], [2]], [0.5, 0.5, 1.5, 1.5], [0, 1, 2], bin_s=0.1)
    >>> fields.rates_hz.round(3)
    array([[ 5., 20.]])
    """
    spikes = check_counts(counts, bin_s)
    bounds = check_edges(edges)
    if not is_real(smoothing_bins, least=0, most=_SMOOTHEST):
        raise InputError(f"fields cannot be smoothed by {smoothing_bins!r} bins")
    flat = bins_of(positions, bounds, len(spikes))
    used = flat >= 0
    if moving is not None:
        used &= check_chosen(moving, len(spikes))
    if not used.any():
        raise InputError("no time is left to estimate tuning fields from")
    shape = tuple(len(one) - 1 for one in bounds)
    size = int(np.prod(shape))
    seconds = np.bincount(flat[used], minlength=size).astype(float) * bin_s
    sums = np.zeros((size, spikes.shape[1]))
    _add_at(flat, used, spikes, sums)
    occupancy, totals = seconds.reshape(shape), sums.T.reshape(-1, *shape)
    rates = smoothed(totals, (0, *(smoothing_bins,) * len(shape)))
    time = smoothed(occupancy, (smoothing_bins,) * len(shape))
    fields = rates / np.where(time > 1e-12, time, np.nan)
    names = tuple(unit_names(counts, spikes.shape[1]).tolist())
    return Fields(fields, occupancy, bounds, unit_of(positions), names)


def unit_of(positions: Any) -> str:
    """Return the unit that positions say they are in, or nothing.

    Examples
    --------
    >>> unit_of(xr.DataArray([1.0, 2.0], attrs={"units": "cm"})), unit_of([1.0, 2.0])
    ('cm', '')
    """
    return str(positions.attrs.get("units", "")) if isinstance(positions, xr.DataArray) else ""


def check_counts(counts: npt.ArrayLike, bin_s: float) -> Floats:
    """Return counts of times and units as an array, or say what is wrong with them."""
    spikes = as_array(counts, "counts")
    if spikes.ndim != 2 or not spikes.size or spikes.dtype.kind not in "biuf":
        raise InputError(
            f"counts have the shape {spikes.shape} and the type {spikes.dtype}, not (times, units)"
        )
    if not ((spikes >= 0) & (spikes < MOST_SPIKES)).all():
        raise InputError("counts are not all finite and from 0, or too great")
    if not is_real(bin_s, above=0, most=LONGEST_S):
        raise InputError(f"a bin of time lasts {bin_s!r} s")
    return spikes


def check_edges(edges: npt.ArrayLike | tuple[npt.ArrayLike, ...]) -> tuple[Floats, ...]:
    """Return the edges of the bins along each axis."""
    several = isinstance(edges, tuple) and all(np.ndim(one) == 1 for one in edges)
    given: Any = edges if several else (edges,)
    bounds = tuple(reals(one, "edges of bins") for one in given)
    for one in bounds:
        finite = one.ndim == 1 and len(one) > 1 and np.isfinite(one).all()
        if not finite or not (np.diff(one) > 0).all():
            raise InputError(f"edges of bins do not ascend: {one.ravel()[:5]}")
    return bounds


def check_chosen(chosen: npt.ArrayLike, n_times: int) -> npt.NDArray[np.bool_]:
    """Return which times are chosen."""
    given = as_array(chosen, "chosen times")
    if given.shape != (n_times,) or given.dtype != bool:
        raise InputError(
            f"{n_times} times were chosen from by {given.dtype} of shape {given.shape}"
        )
    return given


def as_columns(positions: npt.ArrayLike, n_times: int) -> Floats:
    """Return positions of shape ``(n_times, n_axes)``."""
    given = reals(positions, "positions")
    columns = given[:, None] if given.ndim == 1 else given
    if columns.ndim != 2 or len(columns) != n_times:
        raise InputError(f"{n_times} bins of time have positions of shape {given.shape}")
    if (beyond(columns) & np.isfinite(columns)).any():
        raise InputError("positions are too great to be told apart", hint="give them in cm")
    return columns


def bins_of(
    positions: npt.ArrayLike, edges: tuple[Floats, ...], n_times: int
) -> npt.NDArray[np.int64]:
    """Return the bin of space of each time when bins are ravelled, or -1."""
    columns = as_columns(positions, n_times)
    if columns.shape[1] != len(edges):
        raise InputError(f"positions have {columns.shape[1]} axes and edges {len(edges)}")
    flat, inside = np.zeros(n_times, dtype=np.int64), np.ones(n_times, dtype=bool)
    for column, bounds in zip(columns.T, edges, strict=True):
        place = np.searchsorted(bounds, column, side="right") - 1
        place[column == bounds[-1]] = len(bounds) - 2
        inside &= (place >= 0) & (place < len(bounds) - 1) & ~np.isnan(column)
        flat = flat * (len(bounds) - 1) + place
    return np.where(inside, flat, -1)


def smoothed(values: Floats, sigmas: tuple[float, ...]) -> Floats:
    """Return values smoothed along each axis by a Gaussian, with nothing beyond the ends."""
    if not any(sigmas):
        return values
    found: Floats = gaussian_filter(values, sigmas, mode="constant")
    return found


@compiled
def _add_at(flat: Any, used: Any, spikes: Any, sums: Any) -> None:
    for time in range(len(flat)):
        if used[time]:
            for cell in range(spikes.shape[1]):
                sums[flat[time], cell] += spikes[time, cell]
