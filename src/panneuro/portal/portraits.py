"""What is told and drawn of one unit: its spikes around each other and around what was shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from panneuro.core.errors import NotFoundError
from panneuro.lake.asset import Asset
from panneuro.portal import windows
from panneuro.portal.charts import Line, Reach, bars, curves, reach_of
from panneuro.portal.shelves import Shelf
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals

_MOST_CONDITIONS = 12
_MOST_SPIKES = 2_000_000
_MOST_CHANNELS = 8
_SPANS = 1_000
LAG_S, LAG_BIN_S = 0.05, 0.001
"""How far the autocorrelogram goes, and its bins."""

AROUND_S, BIN_S = (-0.25, 0.75), 0.02
"""From when to when around an event rates are drawn, and the bins."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Around:
    """Spikes around what was shown, by condition.

    Parameters
    ----------
    time_s : ndarray
        Middles of the bins.
    conditions : tuple
        Their values.
    rate, sem : ndarray, shape (n_conditions, n_bins)
        In Hz.
    """

    time_s: Floats
    conditions: tuple[Any, ...]
    rate: Floats
    sem: Floats


@dataclass(frozen=True)
class Portrait:
    """One unit of an asset.

    Parameters
    ----------
    asset : Asset
        That it is in.
    signal : Events
        Among which.
    unit : object
        Its id.
    around, by : str
        The intervals around which its spikes are counted, and the column that tells conditions
        apart; empty for none.
    span_s : float
        The time in which any unit fires.
    """

    asset: Asset
    signal: Events
    unit: Any
    around: str
    by: str
    span_s: float

    @property
    def reference(self) -> str:
        """Of the asset, with its version."""
        return f"{self.asset.name}@{self.asset.version}"

    @cached_property
    def at(self) -> int:
        """Its row among the units."""
        return int(self.signal.ids.tolist().index(self.unit))

    @property
    def spikes(self) -> int:
        """How many there are."""
        return int(self.signal.counts[self.at])

    @property
    def rate_hz(self) -> float | None:
        """The mean rate over the time in which any unit fires."""
        return self.spikes / self.span_s if self.span_s > 0 else None

    @cached_property
    def properties(self) -> dict[str, Any]:
        """What is said of it in one value each."""
        if self.signal.table is None:
            return {}
        row = self.signal.table.df.iloc[self.at]
        return {str(name): _plain(value) for name, value in row.items() if np.ndim(value) == 0}

    @cached_property
    def times(self) -> Floats:
        """Its spikes, in seconds."""
        return self.signal.read(self.unit)

    @cached_property
    def lags(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The autocorrelogram: lags in seconds, and pairs of spikes."""
        from panneuro.analysis.correlograms import correlograms

        found = correlograms({"unit": self.times[:_MOST_SPIKES]}, max_lag_s=LAG_S, bin_s=LAG_BIN_S)
        return found.lag.to_numpy(), found.sel(unit="unit", other="unit").to_numpy()

    @cached_property
    def response(self) -> Around | None:
        """Its rate around what was shown; None where nothing was, or nothing is asked."""
        if not self.around:
            return None
        return _around(self.asset, self.times, self.around, self.by)

    @property
    def labels(self) -> list[str]:
        """Names of the conditions."""
        if self.response is None:
            return []
        return _labels(self.response.conditions, self.by)

    @cached_property
    def waves(self) -> list[Line]:
        """The stored waveform, on at most eight channels: those where it is largest."""
        table = self.signal.table
        if table is None or "waveform_mean" not in table.columns:
            return []
        stored = table.df["waveform_mean"].iloc[self.at]
        with suppress(ValueError, TypeError):
            values = np.array([np.asarray(row, dtype=float) for row in np.atleast_1d(stored)])
            values = values.reshape(len(values), -1)
            if values.size and np.isfinite(values).all():
                wide = values.shape[1] > 1
                largest = np.argsort(-np.ptp(values, axis=0))[:_MOST_CHANNELS] if wide else [0]
                return [Line(f"channel {channel}", values[:, channel]) for channel in largest]
        return []

    @property
    def rates(self) -> list[Line]:
        """The curves of its response, one a condition."""
        found = self.response
        if found is None:
            return []
        return [
            Line(label, rate, sem)
            for label, rate, sem in zip(self.labels, found.rate, found.sem, strict=True)
        ]

    def waveform(self, reach: Reach | None = None) -> Markup | None:
        """Draw the waveform."""
        if not self.waves:
            return None
        samples = np.arange(len(self.waves[0].y), dtype=float)
        title = f"mean waveform of unit {self.unit}"
        return curves(samples, self.waves, "sample", "waveform", title, reach)

    def autocorrelogram(self, top: float | None = None) -> Markup:
        """Draw the autocorrelogram."""
        lags, counts = self.lags
        title = f"autocorrelogram of unit {self.unit}"
        return bars(lags * 1e3, counts.astype(float), "lag (ms)", "pairs of spikes", title, top)

    def psth(self, reach: Reach | None = None) -> Markup | None:
        """Draw its rate around what was shown."""
        if self.response is None:
            return None
        title = f"rate of unit {self.unit} around the start of {self.around}"
        x_label = f"time from the start of {self.around} (s)"
        return curves(self.response.time_s, self.rates, x_label, "rate (Hz)", title, reach)

    def tuning(self) -> Markup | None:
        """Draw the mean rate after the start by condition, where conditions are numbers."""
        found = self.response
        if found is None or len(found.conditions) < 3:
            return None
        if not all(isinstance(value, int | float) for value in found.conditions):
            return None
        after = found.time_s >= 0
        mean = found.rate[:, after].mean(axis=1)
        variance = np.nan_to_num(found.sem[:, after] ** 2).mean(axis=1)
        error = np.sqrt(variance / max(1, int(after.sum())))
        x = np.array(found.conditions, dtype=float)
        title = f"mean rate of unit {self.unit} by {self.by}"
        return curves(x, [Line("rate", mean, error)], self.by, "rate (Hz)", title)


class Portraits:
    """Makes portraits, and keeps what all those of one asset have in common."""

    def __init__(self) -> None:
        self._spans = Shelf(_SPANS)

    def of(self, asset: Asset, name: str, unit: str, around: str = "", by: str = "") -> Portrait:
        """Return a unit, with the intervals that are asked for, or that tell conditions apart.

        Parameters
        ----------
        asset : Asset
            Whose data may be read.
        name, unit : str
            The signal, and the unit's id.
        around, by : str
            As of `Portrait`; empty to choose.

        Raises
        ------
        NotFoundError
            If there is no such unit, or there are no such intervals.
        """
        signal = windows.events(asset, name)
        for one in signal:
            if str(one) == unit:
                chosen = _chosen(asset, around, by)
                key = (asset.name, asset.version, name)
                return Portrait(
                    asset, signal, one, *chosen, self._spans.take(key, lambda: _span(signal))
                )
        raise NotFoundError(f"{name!r} has no unit {unit!r}")


def _span(signal: Events) -> float:
    times = np.asarray(signal.times[:], dtype=float)
    return float(np.ptp(times)) if len(times) else 0.0


def choices_of(asset: Asset) -> dict[str, list[str]]:
    """Return the columns that may tell conditions apart, by intervals."""
    own = ("id", "start_time", "stop_time", "tags", "timeseries")
    return {
        said["name"]: [column for column in said["columns"] if column not in own]
        for said in asset.manifest.signals
        if said["kind"] == "intervals" and said["rows"]
    }


def _chosen(asset: Asset, around: str, by: str) -> tuple[str, str]:
    """Return intervals and column: those asked for, else the first that tell a few apart."""
    choices = choices_of(asset)
    if around:
        if around not in choices:
            raise NotFoundError(f"{asset.name!r} has no intervals {around!r}")
        if by and by not in choices[around]:
            raise NotFoundError(f"{around!r} has no column {by!r}")
        return around, by
    for name, columns in choices.items():
        for column in columns:
            if 2 <= len(_values(asset, name, column)) <= _MOST_CONDITIONS:
                return name, column
    return next(iter(choices), ""), ""


def _values(asset: Asset, name: str, column: str) -> set[str]:
    return {str(value) for value in asset.rows(name)[column].to_pylist() if value is not None}


def _around(asset: Asset, times: Floats, name: str, column: str) -> Around | None:
    from panneuro.analysis.psth import psth_by_condition

    intervals = asset[name]
    if not isinstance(intervals, Intervals):
        return None
    frame = intervals.df
    labels = frame[column] if column else frame["start_time"] * 0
    known = labels.notna() & frame["start_time"].notna()
    texts = labels[known].astype(str) if labels.dtype == object else labels[known]
    common = texts.value_counts().index[:_MOST_CONDITIONS]
    kept = texts.isin(common)
    if not kept.any():
        return None
    found = psth_by_condition(
        {"unit": times},
        frame["start_time"][known][kept].to_numpy(float),
        texts[kept].to_numpy(),
        AROUND_S,
        BIN_S,
    ).sel(unit="unit")
    return Around(
        found.time.to_numpy(),
        tuple(found.condition.to_numpy().tolist()),
        found.rate.to_numpy(),
        found.sem.to_numpy(),
    )


def _labels(conditions: Iterable[Any], column: str) -> list[str]:
    if not column:
        return ["all"]
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in conditions]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


@dataclass(frozen=True)
class Axes:
    """Where the axes of charts end that are to be compared.

    Parameters
    ----------
    waveform, rate : (float, float)
        From the least to the largest value of any.
    pairs : float
        The largest count of any autocorrelogram.
    """

    waveform: Reach
    rate: Reach
    pairs: float

    @classmethod
    def of(cls, portraits: Sequence[Portrait]) -> Axes:
        """Return the axes that hold all of some units."""
        return cls(
            reach_of([line for one in portraits for line in one.waves]),
            reach_of([line for one in portraits for line in one.rates]),
            max((float(one.lags[1].max(initial=0)) for one in portraits), default=0.0),
        )
