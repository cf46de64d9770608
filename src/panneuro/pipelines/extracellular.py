"""Extracellular recordings: channels checked, field extracted, spikes sorted, units judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import PositiveFloat

from panneuro.analysis.channels import GOOD
from panneuro.analysis.channels import check_channels as checked
from panneuro.analysis.filters import decimated
from panneuro.compute.pipelines import Pipeline, stage
from panneuro.compute.step import ASSET, Context, step
from panneuro.core.errors import InputError
from panneuro.lake.asset import Asset
from panneuro.pipelines import sorting
from panneuro.pipelines.columns import areas_of_channels, electrodes_of
from panneuro.pipelines.drawing import sheet
from panneuro.pipelines.judging import judge_units
from panneuro.signals.events import Events
from panneuro.signals.plot_style import COLOURS, finish, readable
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RAW = "*[aA][pP]"
"""How signals are named that hold spikes."""

_MOST_WITHOUT_PLACES = 8
_APART_UM = 10.0
_LEAST_TO_REFERENCE = 16
_TO_MICROVOLTS = 1e6
_PLACES = (("rel_x", "rel_y"), ("x_um", "y_um"), ("x", "y"))


@step(
    takes={"recording": RAW, "asset": ASSET}, gives=("channels", "channels_figure"), tolerance=1e-5
)
def check_channels(
    recording: TimeSeries,
    asset: Asset,
    dead_below: float = 0.3,
    noisy_above: float = 3.0,
    saturated_above: float = 0.01,
) -> tuple[pd.DataFrame, Any]:
    """Judge each channel of a probe, and note where it is.

    Parameters
    ----------
    recording : TimeSeries
        Raw.
    asset : Asset
        Whose electrodes say where channels are.
    dead_below, noisy_above, saturated_above : float
        See :func:`~panneuro.analysis.channels.check_channels`.

    Returns
    -------
    channels : DataFrame
        What that function returns, ``channel`` a column, with ``x_um``, ``y_um`` and ``area``.
    channels_figure : Figure
        Noise and similarity, channel by channel.
    """
    table = checked(
        recording,
        dead_below=dead_below,
        noisy_above=noisy_above,
        saturated_above=saturated_above,
    )
    electrodes = electrodes_of(asset)
    places = _places(recording, electrodes)
    table["x_um"], table["y_um"] = places.T
    table["area"] = areas_of_channels(recording, electrodes)
    named = table.reset_index().astype({"channel": str})
    return named, _draw_channels(named, recording.unit)


def _places(recording: TimeSeries, electrodes: Table | None) -> npt.NDArray[np.float64]:
    """Return where each channel is, in micrometres.

    A tetrode's contacts need no places: they are put as close to each other as they are.
    """
    n = recording.n_channels
    rows = np.asarray(recording.electrodes or range(n), dtype=np.int64)
    if electrodes is not None and len(electrodes) > rows.max(initial=-1):
        for names in _PLACES:
            if set(names) <= set(electrodes.columns):
                places = electrodes.df[list(names)].to_numpy(np.float64)[rows]
                if np.isfinite(places).all() and len(np.unique(places, axis=0)) == n:
                    return places
    if n > _MOST_WITHOUT_PLACES:
        raise InputError(
            f"nothing tells where the {n} channels of {recording.name!r} are",
            hint="add the recording with its probe, or with electrodes that have rel_x and rel_y",
        )
    angle = 2 * np.pi * np.arange(n) / n
    return np.round(_APART_UM * np.stack([np.cos(angle), np.sin(angle)], axis=1), 6)


def _draw_channels(table: pd.DataFrame, unit: str) -> Figure:
    factor, unit = readable(table["noise"].to_numpy(), unit)
    place = np.arange(len(table))
    with sheet(2) as (figure, axes):
        for ax, (label, values) in zip(
            axes,
            ((f"noise ({unit})", factor * table["noise"]), ("similarity", table["similarity"])),
            strict=True,
        ):
            for colour, name in zip(COLOURS, table["label"].unique(), strict=False):
                own = (table["label"] == name).to_numpy()
                ax.plot(place[own], values[own], "o", ms=2.5, color=colour, label=name)
            finish(ax, np.empty(0), "channel", label)
        axes[0].legend()
    return figure


@step(
    takes={"recording": RAW, "channels": "channels", "asset": ASSET},
    gives=("lfp", "electrodes"),
    tolerance=1e-5,
)
def extract_lfp(
    recording: TimeSeries,
    channels: pd.DataFrame,
    asset: Asset,
    rate_hz: PositiveFloat = 1250.0,
) -> tuple[TimeSeries, pd.DataFrame | None]:
    """Take the field potential from a broad-band recording.

    Parameters
    ----------
    recording : TimeSeries
        Raw, with the low frequencies still in it.
    channels : DataFrame
        As `check_channels` gives them: those that are not good are left out.
    asset : Asset
        Whose electrodes say where they are.
    rate_hz : float
        About how many samples a second are wanted: the raw rate over the nearest integer.

    Returns
    -------
    lfp : TimeSeries
        Frequencies up to two fifths of its rate.
    electrodes : DataFrame
        Of its channels, in their order.
    """
    every = max(2, round((recording.rate_hz or 0.0) / rate_hz))
    good = _good(channels)
    low, electrodes = decimated(recording, every), electrodes_of(asset)
    kept = _two_dimensional(low)[:][:, good]
    names = recording.channels or tuple(map(str, range(recording.n_channels)))
    quantum = float(np.abs(kept).max(initial=0.0)) / np.iinfo(np.int16).max or 1.0
    known = electrodes is not None and bool(recording.electrodes)
    lfp = low.with_data(
        np.round(kept / quantum).astype(np.int16),
        gain=quantum,
        name="lfp",
        channels=tuple(names[row] for row in good),
        electrodes=tuple(range(len(good))) if known else (),
        role="processing/ecephys",
        description=f"{recording.name}, below {0.4 * (low.rate_hz or 0.0):.0f} Hz",
    )
    if electrodes is None or not known:
        return lfp, None
    rows = [recording.electrodes[channel] for channel in good]
    return lfp, electrodes.df.iloc[rows].reset_index(drop=True)


def _good(channels: pd.DataFrame) -> list[int]:
    good = np.flatnonzero((channels["label"] == GOOD).to_numpy()).tolist()
    if not good:
        raise InputError(f"none of {len(channels)} channels is good", hint="see check-channels")
    return good


@step(
    takes={"recording": RAW, "channels": "channels"},
    gives=("units", "templates", "amplitudes", "sorting"),
    environment="sorting.lock",
    tolerance=1e-3,
)
def sort_spikes(
    recording: TimeSeries,
    channels: pd.DataFrame,
    seed: int,
    context: Context,
    sorter: str = "spykingcircus2",
    low_hz: PositiveFloat = 300.0,
    high_hz: PositiveFloat = 6000.0,
    reference: Literal["auto", "median", "none"] = "auto",
    parameters: dict[str, Any] = {},  # noqa: B006
) -> tuple[Events, xr.DataArray, xr.DataArray, dict[str, Any]]:
    """Filter, reference and sort a recording by SpikeInterface, in an environment of its own.

    Parameters
    ----------
    recording : TimeSeries
        Raw, at a constant rate.
    channels : DataFrame
        As `check_channels` gives them: those that are not good are left out.
    seed : int
        Of the sorter.
    context : Context
        Of the run.
    sorter : str
        As SpikeInterface calls it. One that is not in the environment runs in its container, where
        docker or singularity is installed.
    low_hz, high_hz : float
        Edges of the filter.
    reference : {"auto", "median", "none"}
        Whether the median of all channels is taken from each: by default from 16 channels on, for
        fewer share the spikes themselves.
    parameters : dict
        Of the sorter, besides its defaults.

    Returns
    -------
    units : Events
        With ``peak_channel``, ``amplitude``, ``noise`` (in the recording's unit), ``snr``,
        ``x_um``, ``y_um`` and ``area`` of each.
    templates : DataArray
        Mean waveforms (unit, time, channel), in the recording's unit.
    amplitudes : DataArray
        Of each spike at its unit's largest channel, in the order of the units' times.
    sorting : dict
        What sorted, how.
    """
    if recording.rate_hz is None:
        raise InputError(f"sorting {recording.name!r} needs a constant rate")
    good = _good(channels)
    band = [low_hz, min(high_hz, 0.45 * recording.rate_hz)]
    is_referenced = reference == "median" or (
        reference == "auto" and len(good) >= _LEAST_TO_REFERENCE
    )
    scale = _TO_MICROVOLTS if recording.unit == "volts" else 1.0
    found = context.call(
        sorting.sort,
        recording={
            "data": _two_dimensional(recording),
            "rate_hz": recording.rate_hz,
            "gain": (np.ones(recording.n_channels) * recording.gain * scale).tolist(),
            "offset": (np.ones(recording.n_channels) * recording.offset * scale).tolist(),
        },
        positions_um=channels[["x_um", "y_um"]].to_numpy(np.float64),
        good=good,
        sorter=sorter,
        band_hz=band,
        reference=is_referenced,
        parameters=parameters,
        seed=seed,
    )
    used = channels.iloc[good]
    said = {
        "sorter": sorter,
        "spikeinterface": found["version"],
        "band_hz": band,
        "reference": "median" if is_referenced else "none",
        "channels": used["channel"].tolist(),
    }
    return (*_sorted(recording, used, found, scale), said)


def _two_dimensional(recording: TimeSeries) -> Any:
    data = recording.data
    return data if len(data.shape) > 1 else np.asarray(data[:])[:, None]


def _sorted(
    recording: TimeSeries, used: pd.DataFrame, found: dict[str, Any], scale: float
) -> tuple[Events, xr.DataArray, xr.DataArray]:
    """Return what the sorter found, in seconds and the recording's unit."""
    rate_hz, ids = recording.rate_hz or 1.0, np.asarray(found["ids"])
    waveforms = np.asarray(found["templates"], dtype=np.float64) / scale
    peaks = np.abs(waveforms).max(axis=1).argmax(axis=1) if len(ids) else np.empty(0, np.int64)
    sizes = np.abs(waveforms[np.arange(len(ids)), :, peaks]).max(axis=1, initial=0.0)
    noise = np.asarray(found["noise"], dtype=np.float64)[peaks] / scale
    places = np.asarray(found["places"])
    names = used["channel"].to_numpy(str)
    table = pd.DataFrame(
        {
            "peak_channel": names[peaks],
            "amplitude": sizes,
            "noise": noise,
            "snr": sizes / noise,
            "x_um": places[:, 0],
            "y_um": places[:, 1],
            "area": used["area"].to_numpy(str)[peaks],
        }
    )
    units = Events(
        "units",
        recording.start_s + np.asarray(found["times"]) / rate_hz,
        np.asarray(found["ends"]),
        ids,
        Table.from_frame("units", table),
        description=f"units sorted from {recording.name}",
    )
    t = (np.arange(waveforms.shape[1]) - found["before"]) / rate_hz
    coords = {"unit": ids, "time": t, "channel": names}
    unit = {"units": recording.unit}
    templates = xr.DataArray(waveforms.astype(np.float32), coords, ("unit", "time", "channel"),
                             name="templates", attrs=unit)  # fmt: skip
    amplitudes = np.abs(np.asarray(found["amplitudes"], dtype=np.float32)) / np.float32(scale)
    return units, templates, xr.DataArray(amplitudes, dims="spike", name="amplitudes", attrs=unit)


def extracellular_of(recording: str = RAW, *, name: str = "extracellular", **how: Any) -> Pipeline:
    """Return the pipeline for recordings whose raw signal has another name, or another sorter.

    Parameters
    ----------
    recording : str
        Name or pattern of the raw signal.
    name : str
        Of the pipeline.
    **how
        Parameters of `sort_spikes`: ``sorter="kilosort4"``, ….

    Examples
    --------
    >>> extracellular_of("locust*", name="locust", sorter="tridesclous2").stages[2].given.parameters
    {'sorter': 'tridesclous2'}
    """
    raw = {"recording": recording}
    steps = [
        stage(check_channels, takes=raw),
        stage(extract_lfp, takes=raw),
        stage(sort_spikes, takes=raw, **how),
        stage(judge_units, takes=raw),
    ]
    return Pipeline(name, on="modality=ecephys -kind=derived", steps=steps)


extracellular = extracellular_of()
