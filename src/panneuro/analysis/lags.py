"""Bins of lags between spikes, in ticks of a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.trains import TICKS_PER_S
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

_TOO_LONG = 2**60


@dataclass(frozen=True)
class Lags:
    """Bins of lags, in ticks of a clock; symmetric about zero.

    Parameters
    ----------
    bin_ticks : int
        Width of a bin.
    n_bins : int
        Bins on each side, besides the central one if there is one.
    centred : bool
        Whether a bin lies around zero, or an edge on it.
    ticks_per_s : float
        Of the clock.
    """

    bin_ticks: int
    n_bins: int
    centred: bool
    ticks_per_s: float

    @classmethod
    def of(cls, max_lag_s: float, bin_s: float, rate_hz: float | None, centred: bool) -> Lags:
        """Turn seconds into whole ticks, or say why that cannot be.

        Raises
        ------
        InputError
            If the bin is no whole number of ticks, or the longest lag of bins.
        """
        if rate_hz is not None and not is_real(rate_hz, above=0):
            raise InputError(f"spikes are not sampled at {rate_hz!r} Hz", hint="rate_hz=30_000")
        ticks_per_s = float(rate_hz or TICKS_PER_S)
        asked = is_real(max_lag_s, below=_TOO_LONG / ticks_per_s)
        if not asked or not is_real(bin_s, above=0, most=max_lag_s):
            raise InputError(
                f"correlograms were asked for lags of up to {max_lag_s!r} s in bins of {bin_s!r} s",
                hint="max_lag_s=0.05, bin_s=0.001",
            )
        bin_ticks, n_bins = round(bin_s * ticks_per_s), round(max_lag_s / bin_s)
        off = abs(bin_ticks - bin_s * ticks_per_s) > 1e-6 * bin_ticks
        if off or abs(n_bins * bin_s - max_lag_s) > 1e-6 * bin_s:
            raise InputError(
                f"lags of up to {max_lag_s!r} s in bins of {bin_s!r} s is not whole: bins are "
                f"{bin_s * ticks_per_s:g} ticks, and the longest lag {max_lag_s / bin_s:g} bins",
                hint="choose a bin that is a multiple of the time between samples",
            )
        return cls(bin_ticks, n_bins, bool(centred), ticks_per_s)

    @property
    def before(self) -> int:
        """How many ticks before zero the first one-sided bin begins."""
        return self.bin_ticks // 2 if self.centred else 0

    @property
    def n_sided(self) -> int:
        """Number of bins from zero up, with the one around zero."""
        return self.n_bins + self.centred

    @property
    def stop(self) -> int:
        """The first lag in ticks that is in no bin."""
        return self.n_sided * self.bin_ticks - self.before

    @property
    def centres_s(self) -> npt.NDArray[np.float64]:
        """The middle of every bin in seconds, from the most negative lag."""
        first = -self.n_bins + (0 if self.centred else 0.5)
        steps = first + np.arange(self.n_all, dtype=np.float64)
        centres: npt.NDArray[np.float64] = steps * self.bin_ticks / self.ticks_per_s
        return centres

    @property
    def n_all(self) -> int:
        """Number of bins of both sides."""
        return 2 * self.n_bins + self.centred

    def unfold(self, counts: npt.NDArray[Any], first: int, out: npt.NDArray[Any]) -> None:
        """Add pairs whose second spike is not earlier to correlograms of all lags.

        Lags below zero of a pair of units are those above zero of the units exchanged.

        Parameters
        ----------
        counts : ndarray, shape (n, n_units, n_sided + 1)
            Pairs of units in the rows from `first` with all, in bins from zero up; last those at
            the same tick.
        first : int
            Row of the first of these units.
        out : ndarray, shape (n_units, n_units, n_all)
            To be added to.
        """
        _unfold(counts, first, self.n_bins, int(not self.centred), out)


@compiled
def _unfold(counts: Any, first: int, n_bins: int, gap: int, out: Any) -> None:
    rows, n_units, width = counts.shape
    for row in range(rows):
        unit = first + row
        for other in range(n_units):
            own = counts[row, other]
            there, back = out[unit, other], out[other, unit]
            there[n_bins] += own[width - 1]
            for lag in range(width - 1):
                there[n_bins + lag] += own[lag]
                back[n_bins - gap - lag] += own[lag]
