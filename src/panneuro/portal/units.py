"""A unit: its spikes around each other and around what was shown."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from panneuro.core.errors import NotFoundError
from panneuro.lake.asset import Asset
from panneuro.portal import windows
from panneuro.portal.charts import Line, bars, curves
from panneuro.portal.doors import Door, Visit
from panneuro.portal.lines import lines_of_asset
from panneuro.portal.pages import Pages
from panneuro.portal.shelves import Shelf
from panneuro.portal.signals import json_of, tag_of
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals

_MOST_CONDITIONS = 12
_MOST_SPIKES = 2_000_000
_LAG_S, _LAG_BIN_S = 0.05, 0.001
_BEFORE_S, _AFTER_S, _BIN_S = 0.25, 0.75, 0.02

Floats = npt.NDArray[np.float64]


class UnitAsked(BaseModel):
    """Around which intervals a unit's spikes are counted, and what tells these apart."""

    model_config = ConfigDict(extra="ignore")

    around: str = Field("", max_length=200, description="name of intervals: trials")
    by: str = Field("", max_length=200, description="their column that tells conditions apart")


class CurveGiven(BaseModel):
    """One condition of a histogram around events."""

    condition: str
    rate_hz: list[float | None]
    sem_hz: list[float | None]


class UnitGiven(BaseModel):
    """What is computed of a unit."""

    name: str
    version: str
    signal: str
    unit: str
    spikes: int
    rate_hz: float | None
    properties: dict[str, Any]
    lag_s: list[float]
    autocorrelogram: list[int]
    around: str
    by: str
    time_s: list[float]
    psth: list[CurveGiven]


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


class Units:
    """Answers for units.

    Parameters
    ----------
    pages : Pages
        Where people look.
    shelf : Shelf
        Of what is costly to read.
    """

    def __init__(self, pages: Pages, shelf: Shelf) -> None:
        self._pages = pages
        self._shelf = shelf

    def doors(self) -> list[Door]:
        """Return the one door."""
        path = "/assets/{name}/signals/{signal}/units/{unit}"
        return [Door(path, self.unit, UnitAsked, {"json": UnitGiven, "html": None})]

    def unit(self, visit: Visit, asked: UnitAsked) -> Response:
        """Show a unit: its autocorrelogram, and its rate around what was shown, by condition."""
        asset = visit.data()
        signal = windows.events(asset, visit.part("signal"))
        unit = _unit(signal, visit.part("unit"))
        form = visit.form("json", "html")
        around, by = _chosen(asset, asked)

        def make() -> Response:
            times = signal.read(unit)
            lags, counts = _autocorrelogram(times)
            found = _around(asset, times, around, by) if around else None
            if form == "json":
                return json_of(_given(asset, signal, unit, (lags, counts), found, (around, by)))
            return self._page(visit, asset, signal, unit, (lags, counts), found, (around, by))

        return visit.unless_known(tag_of(asset, visit, form), make)

    def _page(
        self,
        visit: Visit,
        asset: Asset,
        signal: Events,
        unit: Any,
        lags: tuple[Floats, npt.NDArray[np.int64]],
        found: Around | None,
        chosen: tuple[str, str],
    ) -> Response:
        ids = signal.ids.tolist()
        at = ids.index(unit)
        reference = f"{asset.name}@{asset.version}"
        return self._pages.page(
            visit.request,
            "unit",
            asset=asset,
            reference=reference,
            signal=signal,
            unit=unit,
            before=ids[at - 1] if at else None,
            after=ids[at + 1] if at + 1 < len(ids) else None,
            spikes=int(signal.counts[at]),
            rate=_rate(signal, at),
            properties=_properties(signal, at),
            waveform=_waveform(signal, at),
            autocorrelogram=_drawn_lags(*lags),
            psth=_drawn_around(found, chosen),
            tuning=_drawn_tuning(found, chosen),
            around=chosen[0],
            by=chosen[1],
            choices=_choices(asset),
            lines=lines_of_asset(visit.origin, reference, signal.name),
        )


def _unit(signal: Events, text: str) -> Any:
    for unit in signal:
        if str(unit) == text:
            return unit
    raise NotFoundError(f"{signal.name!r} has no unit {text!r}")


def _choices(asset: Asset) -> dict[str, list[str]]:
    """Return the columns that may tell conditions apart, by intervals."""
    own = ("id", "start_time", "stop_time", "tags", "timeseries")
    return {
        said["name"]: [column for column in said["columns"] if column not in own]
        for said in asset.manifest.signals
        if said["kind"] == "intervals" and said["rows"]
    }


def _chosen(asset: Asset, asked: UnitAsked) -> tuple[str, str]:
    """Return intervals and column: those asked for, else the first that tell a few apart."""
    choices = _choices(asset)
    if asked.around:
        if asked.around not in choices:
            raise NotFoundError(f"{asset.name!r} has no intervals {asked.around!r}")
        if asked.by and asked.by not in choices[asked.around]:
            raise NotFoundError(f"{asked.around!r} has no column {asked.by!r}")
        return asked.around, asked.by
    for name, columns in choices.items():
        for column in columns:
            if 2 <= len(_values(asset, name, column)) <= _MOST_CONDITIONS:
                return name, column
    return next(iter(choices), ""), ""


def _values(asset: Asset, name: str, column: str) -> set[str]:
    return {str(value) for value in asset.rows(name)[column].to_pylist() if value is not None}


def _autocorrelogram(times: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    from panneuro.analysis.correlograms import correlograms

    found = correlograms({"unit": times[:_MOST_SPIKES]}, max_lag_s=_LAG_S, bin_s=_LAG_BIN_S)
    return found.lag.to_numpy(), found.sel(unit="unit", other="unit").to_numpy()


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
        (-_BEFORE_S, _AFTER_S),
        _BIN_S,
    ).sel(unit="unit")
    return Around(
        found.time.to_numpy(),
        tuple(found.condition.to_numpy().tolist()),
        found.rate.to_numpy(),
        found.sem.to_numpy(),
    )


def _rate(signal: Events, at: int) -> float | None:
    """Return the mean rate over the time in which any unit fires."""
    times = np.asarray(signal.times[:], dtype=float)
    span = float(np.ptp(times)) if len(times) else 0.0
    return float(signal.counts[at]) / span if span > 0 else None


def _properties(signal: Events, at: int) -> dict[str, Any]:
    if signal.table is None:
        return {}
    row = signal.table.df.iloc[at]
    return {str(name): _plain(value) for name, value in row.items() if np.ndim(value) == 0}


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _waveform(signal: Events, at: int) -> Markup | None:
    """Draw the stored waveform: at most eight channels, those where it is largest."""
    if signal.table is None or "waveform_mean" not in signal.table.columns:
        return None
    stored = signal.table.df["waveform_mean"].iloc[at]
    with suppress(ValueError, TypeError):
        values = np.array([np.asarray(row, dtype=float) for row in np.atleast_1d(stored)])
        values = values.reshape(len(values), -1)
        if values.size and np.isfinite(values).all():
            largest = np.argsort(-np.ptp(values, axis=0))[:8] if values.shape[1] > 1 else [0]
            lines = [Line(f"channel {channel}", values[:, channel]) for channel in largest]
            samples = np.arange(len(values), dtype=float)
            return curves(samples, lines, "sample", "waveform", f"mean waveform of unit {at}")
    return None


def _drawn_lags(lags: Floats, counts: npt.NDArray[np.int64]) -> Markup:
    title = "autocorrelogram"
    return bars(lags * 1e3, counts.astype(float), "lag (ms)", "pairs of spikes", title)


def _drawn_around(found: Around | None, chosen: tuple[str, str]) -> Markup | None:
    if found is None:
        return None
    labels = _labels(found.conditions, chosen[1])
    lines = [
        Line(label, rate, sem)
        for label, rate, sem in zip(labels, found.rate, found.sem, strict=True)
    ]
    title = f"rate around the start of {chosen[0]}"
    return curves(
        found.time_s, lines, f"time from the start of {chosen[0]} (s)", "rate (Hz)", title
    )


def _labels(conditions: Iterable[Any], column: str) -> list[str]:
    if not column:
        return ["all"]
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in conditions]


def _drawn_tuning(found: Around | None, chosen: tuple[str, str]) -> Markup | None:
    """Draw the mean rate after the start by condition, where conditions are numbers."""
    if found is None or len(found.conditions) < 3:
        return None
    if not all(isinstance(value, int | float) for value in found.conditions):
        return None
    after = found.time_s >= 0
    mean = found.rate[:, after].mean(axis=1)
    variance = np.nan_to_num(found.sem[:, after] ** 2).mean(axis=1)
    error = np.sqrt(variance / max(1, int(after.sum())))
    x = np.array(found.conditions, dtype=float)
    title = f"mean rate by {chosen[1]}"
    return curves(x, [Line("rate", mean, error)], chosen[1], "rate (Hz)", title)


def _given(
    asset: Asset,
    signal: Events,
    unit: Any,
    lags: tuple[Floats, npt.NDArray[np.int64]],
    found: Around | None,
    chosen: tuple[str, str],
) -> UnitGiven:
    at = signal.ids.tolist().index(unit)
    labels = _labels(found.conditions, chosen[1]) if found else []
    psth = [
        CurveGiven(
            condition=label, rate_hz=_finite(found.rate[row]), sem_hz=_finite(found.sem[row])
        )
        for row, label in enumerate(labels)
        if found
    ]
    return UnitGiven(
        name=asset.name,
        version=asset.version,
        signal=signal.name,
        unit=str(unit),
        spikes=int(signal.counts[at]),
        rate_hz=_rate(signal, at),
        properties=_properties(signal, at),
        lag_s=lags[0].tolist(),
        autocorrelogram=lags[1].tolist(),
        around=chosen[0],
        by=chosen[1],
        time_s=found.time_s.tolist() if found else [],
        psth=psth,
    )


def _finite(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
