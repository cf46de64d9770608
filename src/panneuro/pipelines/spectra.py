"""Spectra of the field by stimulus: for each area, power over frequency with confidence limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import PositiveFloat

from panneuro.analysis.bands import BANDS
from panneuro.analysis.condition_spectra import power_by_condition
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.step import ASSET, step
from panneuro.core.errors import InputError
from panneuro.lake.asset import Asset
from panneuro.pipelines.columns import areas_of_channels, electrodes_of, shown
from panneuro.pipelines.drawing import sheet
from panneuro.signals.plot_style import COLOURS, finish, readable
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_PANELS = 6


@step(
    takes={"lfp": "*lf*", "trials": "trials", "asset": ASSET},
    gives=("spectra", "bands", "figure"),
    tolerance=1e-4,
)
def lfp_spectra(
    lfp: TimeSeries,
    trials: Intervals,
    asset: Asset,
    condition: str = "",
    area: str = "",
    start_s: float = 0.0,
    stop_s: float = 0.5,
    max_hz: PositiveFloat = 100.0,
    half_bandwidth_hz: PositiveFloat | None = None,
) -> tuple[xr.Dataset, pd.DataFrame, Any]:
    """Compute the power spectrum of each channel while each stimulus was shown.

    Parameters
    ----------
    lfp : TimeSeries
        The field potential, at a constant rate.
    trials : Intervals
        When each stimulus was shown.
    asset : Asset
        Whose electrodes say the areas.
    condition : str
        Column of the trials that says what was shown.
    area : str
        Column of the electrodes that says where they are.
    start_s, stop_s : float
        The window of each trial, in seconds from its start; windows that are not wholly in the
        recording are left out.
    max_hz : float
        The highest frequency.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency.

    Returns
    -------
    spectra : Dataset
        As :func:`~panneuro.analysis.condition_spectra.power_by_condition` returns it, with the
        ``area`` of each channel.
    bands : DataFrame
        Power in each band by ``area`` and ``condition``: the integral of the density, mean of
        channels, in the signal's unit squared.
    figure : Figure
        Mean of the channels of each area, and the mean of their confidence limits.
    """
    rows = _inside(shown(trials, condition), lfp, start_s, stop_s)
    spectra = power_by_condition(
        lfp,
        rows["start_time"],
        rows["condition"].to_numpy(),
        (start_s, stop_s),
        half_bandwidth_hz=half_bandwidth_hz,
        max_hz=max_hz,
    )
    areas = areas_of_channels(lfp, electrodes_of(asset), area)
    named = spectra.assign_coords(area=("channel", areas))
    return named, band_powers(named), _drawn(named)


def _inside(rows: pd.DataFrame, lfp: TimeSeries, start_s: float, stop_s: float) -> pd.DataFrame:
    begins, ends = rows["start_time"] + start_s, rows["start_time"] + stop_s
    kept = rows[(begins >= lfp.first_s) & (ends <= lfp.stop_s)]
    if kept.empty:
        raise InputError(
            f"of {len(rows)} trials none lies wholly in {lfp.name!r}, from {lfp.first_s:.3f} to "
            f"{lfp.stop_s:.3f} s",
            hint="another start_s or stop_s",
        )
    return kept


def band_powers(spectra: xr.Dataset) -> pd.DataFrame:
    """Integrate power over the bands that lie within the frequencies there are.

    Parameters
    ----------
    spectra : Dataset
        With ``power`` (condition, channel, frequency) and the ``area`` of each channel.

    Returns
    -------
    DataFrame
        ``area``, ``condition``, ``band``, ``low_hz``, ``high_hz``, ``power`` and ``peak_hz``, the
        frequency at which the density is largest; ``n_channels`` and ``n_presentations``.
    """
    rows = []
    highest = float(spectra.frequency[-1])
    bands = {name: edges for name, edges in BANDS.items() if edges[1] <= highest}
    for area, own in spectra.groupby("area"):
        power = own.power.mean("channel")
        for name, (low, high) in bands.items():
            within = power.sel(frequency=slice(low, high))
            if within.sizes["frequency"] < 2:
                continue
            rows.append(
                pd.DataFrame(
                    {
                        "area": area,
                        "condition": power.condition,
                        "band": name,
                        "low_hz": low,
                        "high_hz": high,
                        "power": within.integrate("frequency"),
                        "peak_hz": within.idxmax("frequency"),
                        "n_channels": own.sizes["channel"],
                        "n_presentations": spectra.n_presentations,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _drawn(spectra: xr.Dataset) -> Figure:
    areas = list(dict.fromkeys(spectra.area.values.tolist()))[:_MOST_PANELS]
    factor, unit = readable(spectra.power.values, str(spectra.power.attrs.get("units", "")))
    with sheet(min(3, len(areas)), -(-len(areas) // 3)) as (figure, axes):
        for ax, area in zip(axes, areas, strict=False):
            own = spectra.sel(channel=spectra.area == area).mean("channel") * factor
            for number, label in enumerate(own.condition.values):
                one, colour = own.sel(condition=label), COLOURS[number % len(COLOURS)]
                ax.plot(one.frequency, one.power, color=colour, label=str(label))
                ax.fill_between(one.frequency, one.low, one.high, color=colour, alpha=0.2, lw=0)
            ax.set_yscale("log")
            ax.margins(x=0)
            finish(ax, np.empty(0), "frequency (Hz)", f"power ({unit})")
            ax.set_title(area)
        axes[0].legend()
        for ax in axes[len(areas) :]:
            ax.set_visible(False)
    return figure


spectra_by_stimulus = Pipeline("lfp-spectra", on="has:trials", steps=[lfp_spectra])
