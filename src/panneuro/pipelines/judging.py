"""Sorted units judged: metrics of quality, labels for curation, and a figure to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from panneuro.analysis.quality import quality_table
from panneuro.analysis.quality_presets import PRESETS, passes
from panneuro.compute.step import step
from panneuro.pipelines.drawing import sheet
from panneuro.signals.events import Events
from panneuro.signals.plot_style import COLOURS, GREY, finish
from panneuro.signals.timeseries import TimeSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PresetName = Literal["allen", "aind", "ibl", "llobet"]
GOOD, MULTI, NOISE = "good", "multi-unit", "noise"
_COLOURS = {GOOD: COLOURS[0], MULTI: COLOURS[1], NOISE: GREY}
_MOST_TEMPLATES = 24
_RASTER_S = 10.0


@step(
    takes={"recording": "*[aA][pP]", "units": "units", "templates": "templates",
           "amplitudes": "amplitudes"},
    gives=("metrics", "units_figure"),
    tolerance=1e-6,
)  # fmt: skip
def judge_units(
    recording: TimeSeries,
    units: Events,
    templates: xr.DataArray,
    amplitudes: xr.DataArray,
    preset: PresetName = "aind",
    min_snr: float = 2.0,
    min_spikes: int = 30,
) -> tuple[pd.DataFrame, Any]:
    """Measure how well each unit is isolated, and label it for curation.

    Parameters
    ----------
    recording : TimeSeries
        That was sorted.
    units : Events
        As :func:`~panneuro.pipelines.extracellular.sort_spikes` gives them.
    templates, amplitudes : DataArray
        Likewise.
    preset : str
        Thresholds, one of :data:`~panneuro.analysis.quality_presets.PRESETS`.
    min_snr : float
        A unit whose largest waveform is smaller, in standard deviations of noise, is noise.
    min_spikes : int
        A unit with fewer spikes is noise.

    Returns
    -------
    metrics : DataFrame
        One row a unit: the units' own table, what
        :func:`~panneuro.analysis.quality.quality_table` measures, the ``label`` (good, multi-unit
        or noise), and ``unknown``, those metrics of the preset that so few spikes or so short a
        recording cannot tell: they do not count against a unit.
    units_figure : Figure
        Templates, sizes and refractoriness, and some seconds of spikes.
    """
    values = np.split(np.asarray(amplitudes.values, dtype=np.float64), units.ends)[:-1]
    sizes = dict(zip(units.ids.tolist(), values, strict=True))
    table = quality_table(units, recording.first_s, recording.stop_s, amplitudes=sizes)
    if table.empty:
        table = table.reindex(columns=["n_spikes", "firing_rate", *PRESETS[preset].limits])
    if units.table is not None:
        own = units.table.df.set_axis(table.index)
        table = table.join(own[[name for name in own.columns if name not in table.columns]])
    wanted = [name for name in PRESETS[preset].limits if name in table]
    table["label"] = _labels(table, preset, wanted, min_snr, min_spikes)
    missing = table[wanted].isna().to_numpy()
    table["unknown"] = [", ".join(np.array(wanted)[row]) for row in missing]
    return table, _drawn(table, units, templates)


def _labels(
    table: pd.DataFrame, preset: PresetName, wanted: list[str], min_snr: float, min_spikes: int
) -> pd.Series[str]:
    is_single = pd.Series(True, table.index)
    for name in wanted:
        known = table[name].notna()
        is_single[known] &= passes(table[known], preset, need=(name,))
    is_noise = table["n_spikes"] < min_spikes
    if "snr" in table:
        is_noise |= table["snr"] < min_snr
    labels = np.select([is_noise, is_single], [NOISE, GOOD], MULTI)
    return pd.Series(labels, table.index)


def _drawn(table: pd.DataFrame, units: Events, templates: xr.DataArray) -> Figure:
    with sheet(3, panel_in=(2.8, 2.6)) as (figure, (left, middle, right)):
        _draw_templates(left, table, templates)
        for label, colour in _COLOURS.items():
            own = table[table["label"] == label]
            if len(own) and "snr" in own:
                middle.plot(own["firing_rate"], own["snr"], "o", ms=4, color=colour, label=label)
        if len(table) and "snr" in table:
            middle.legend()
        finish(middle, np.empty(0), "firing rate (Hz)", "signal to noise")
        _draw_raster(right, table, units)
    return figure


def _draw_templates(ax: Axes, table: pd.DataFrame, templates: xr.DataArray) -> None:
    """Draw the largest waveform of each unit, one above the other."""
    shown = templates.isel(unit=slice(0, _MOST_TEMPLATES))
    size = float(np.abs(shown).max()) if shown.size else 1.0
    for row, one in enumerate(shown):
        values = one.to_numpy()
        peak = values[:, np.abs(values).max(axis=0).argmax()]
        colour = _COLOURS[str(table["label"].iloc[row])]
        ax.plot(1e3 * one.time, row + 0.9 * peak / size, color=colour, lw=1)
    ax.set_ylim(-1.2, max(1, shown.sizes["unit"]) + 0.4)
    finish(ax, np.empty(0), "time (ms)", "unit")


def _draw_raster(ax: Axes, table: pd.DataFrame, units: Events) -> None:
    trains = units.trains()
    begin = min((float(train[0]) for train in trains.values() if len(train)), default=0.0)
    for row, (unit, train) in enumerate(trains.items()):
        own = train[(train >= begin) & (train < begin + _RASTER_S)]
        colour = _COLOURS[str(table.loc[unit, "label"])]
        ax.plot(own, np.full(len(own), row), "|", color=colour, ms=4, mew=0.6, rasterized=True)
    finish(ax, np.empty(0), "time (s)", "unit")
