"""Patch clamp: which sweeps can be used, and what the cell is like."""

from __future__ import annotations

from dataclasses import asdict
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panneuro.analysis.action_potentials import COLUMNS, action_potentials
from panneuro.analysis.current_pulses import pulse_answer
from panneuro.analysis.excitability import excitability, firing
from panneuro.analysis.sweep_quality import baseline, seal_test
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.step import ASSET, step
from panneuro.core.errors import InputError
from panneuro.lake.asset import Asset
from panneuro.pipelines.drawing import sheet
from panneuro.pipelines.sweeps import Sweep, sweeps_of
from panneuro.signals.plot_style import COLOURS, GREY, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST_BASELINE_S = 0.01
_BEFORE_S = 0.05
_OF_ANSWER = 0.05
_MOST_TRACES = 4
_TIMES = ("threshold_s", "peak_s", "ahp_s")
_PULSES = (
    *("sweep", "name", "start_s", "stop_s", "amplitude_a"),
    *("n_spikes", "rate_hz", "latency_s", "isi_cv", "adaptation"),
    *("baseline_v", "steady_v", "lowest_v", "resistance_ohm", "series_ohm", "tau_s", "sag"),
)


@step(takes=ASSET, gives=("quality", "quality_figure"), tolerance=1e-6)
def check_sweeps(
    asset: Asset,
    max_noise_v: float = 0.5e-3,
    max_drift_v: float = 10e-3,
    max_change_v: float = 15e-3,
    max_noise_a: float = 20e-12,
    max_holding_a: float = 300e-12,
    max_access_ohm: float = 60e6,
) -> tuple[pd.DataFrame, Any]:
    """Judge each sweep by what is recorded before anything is given, and by its access.

    Parameters
    ----------
    asset : Asset
        With sweeps in current or voltage clamp.
    max_noise_v, max_noise_a : float
        Most noise in current and in voltage clamp.
    max_drift_v, max_change_v : float
        How far the potential may move within a baseline, and from the first sweep's.
    max_holding_a : float
        Most current that holds the cell, or leaks in voltage clamp.
    max_access_ohm : float
        Most series resistance, as far as it was not compensated.

    Returns
    -------
    quality : DataFrame
        One row a sweep: ``level`` (volts, or amperes in voltage clamp), ``noise``, ``slow_noise``,
        ``drift``, ``change`` since the first, ``holding``, ``access_ohm``, ``membrane_ohm``,
        ``capacitance_f``, and whether it ``passes``, else ``why`` not. What cannot be known from a
        sweep is NaN, and does not fail it.
    quality_figure : Figure
        Level, noise and access, sweep by sweep.
    """
    table = pd.DataFrame([_checked(sweep) for sweep in sweeps_of(asset)])
    first = table.groupby("clamp")["level"].transform("first")
    table["change"] = table["level"] - first
    in_volts = table["clamp"] == "current"
    leak = table["holding"].where(in_volts, table["level"])
    limits = {
        "noise": table["noise"] > np.where(in_volts, max_noise_v, max_noise_a),
        "drift": (table["drift"].abs() > max_drift_v) & in_volts,
        "change": (table["change"].abs() > max_change_v) & in_volts,
        "holding": leak.abs() > max_holding_a,
        "access": table["access_ohm"] > max_access_ohm,
    }
    failed = pd.DataFrame(limits)
    table["passes"] = ~failed.any(axis=1)
    table["why"] = [", ".join(failed.columns[row]) for row in failed.to_numpy(bool)]
    return table, _draw_quality(table)


def _checked(sweep: Sweep) -> dict[str, Any]:
    values, given = sweep.values(), sweep.pulses()
    quiet_s = float(given["start_s"].iloc[0]) if len(given) else len(values) / sweep.rate_hz
    if quiet_s < _LEAST_BASELINE_S:
        raise InputError(
            f"{sweep.name!r}: only {quiet_s:.4f} s come before the first pulse",
            hint="the sweep cannot be judged",
        )
    measured = asdict(baseline(values, sweep.rate_hz, 0.0, quiet_s))
    return {
        "sweep": sweep.number,
        "name": sweep.name,
        "clamp": sweep.clamp,
        "start_s": sweep.response.start_s,
        **measured,
        "holding": sweep.holding(),
        **_access(sweep, values, given, measured["slow_noise"]),
    }


def _access(sweep: Sweep, values: Any, given: pd.DataFrame, unrest_v: float) -> dict[str, float]:
    """Measure what stands between amplifier and cell, by the strongest pulse that tells it.

    In current clamp that takes a membrane that is at rest before, and falls by far more than it
    wavers.
    """
    found = dict.fromkeys(("access_ohm", "membrane_ohm", "capacitance_f"), float("nan"))
    at_rest = given[given["before_s"] > 0]
    for pulse in at_rest.sort_values("amplitude").to_dict("records"):
        start, stop, size = pulse["start_s"], pulse["stop_s"], pulse["amplitude"]
        try:
            if sweep.clamp == "voltage":
                seal = asdict(seal_test(values, sweep.rate_hz, start, stop, size))
                return {name: seal[name] for name in found}
            if size < 0 and _is_silent(sweep, values, start - _BEFORE_S, stop):
                answer = pulse_answer(values, sweep.rate_hz, start, stop, size)
                is_clear = unrest_v < _OF_ANSWER * abs(answer.steady_v - answer.baseline_v)
                if is_clear and answer.series_ohm > 0:
                    membrane = answer.resistance_ohm - answer.series_ohm
                    return found | {"access_ohm": answer.series_ohm, "membrane_ohm": membrane}
        except InputError:
            continue
    return found


def _is_silent(sweep: Sweep, values: Any, start_s: float, stop_s: float) -> bool:
    peaks = action_potentials(values, sweep.rate_hz)["peak_s"]
    return not peaks.between(start_s, stop_s).any()


def _draw_quality(table: pd.DataFrame) -> Figure:
    unit = " or ".join(
        {"current": "mV", "voltage": "pA"}[clamp] for clamp in table["clamp"].unique()
    )
    factor = np.where(table["clamp"] == "current", 1e3, 1e12)
    shown = (
        (f"level ({unit})", table["level"] * factor),
        (f"noise ({unit})", table["noise"] * factor),
        ("access (MΩ)", table["access_ohm"] * 1e-6),
    )
    with sheet(3) as (figure, axes):
        for ax, (label, values) in zip(axes, shown, strict=True):
            for passes, colour in ((True, COLOURS[0]), (False, COLOURS[1])):
                own = table["passes"] == passes
                ax.plot(table["sweep"][own], values[own], "o", ms=3, color=colour)
            ax.locator_params(axis="x", integer=True)
            finish(ax, np.empty(0), "sweep", label)
            ax.set_visible(bool(values.notna().any()))
        axes[0].set_title(f"{int(table['passes'].sum())} of {len(table)} sweeps pass")
    return figure


@step(
    takes=(ASSET, "quality"),
    gives=("cell", "pulses", "spikes", "figure"),
    tolerance=1e-4,
)
def cell_features(
    asset: Asset, quality: pd.DataFrame, min_pulse_s: float = 0.1
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Any]:
    """Measure spikes and membrane in the sweeps in current clamp that pass.

    Parameters
    ----------
    asset : Asset
        With the sweeps.
    quality : DataFrame
        As `check_sweeps` gives it.
    min_pulse_s : float
        Shorter pulses do not tell of excitability.

    Returns
    -------
    cell : DataFrame
        One row: see :func:`~panneuro.analysis.excitability.excitability`, and of the first spike
        at rheobase (of the first of all where nothing was given) what
        :func:`~panneuro.analysis.action_potentials.action_potentials` measures.
    pulses : DataFrame
        One row a pulse from rest: what was given, the firing, and the membrane's answer where it
        did not fire.
    spikes : DataFrame
        One row an action potential, by sweep.
    figure : Figure
        Sweeps, firing over current, and steady potential over current.
    """
    passing = set(quality.loc[quality["passes"].astype(bool), "name"])
    used = [
        sweep for sweep in sweeps_of(asset) if sweep.clamp == "current" and sweep.name in passing
    ]
    if not used:
        raise InputError(
            f"of {len(quality)} sweeps of {asset.name!r} none in current clamp passes",
            hint="wider limits for check-sweeps",
        )
    spikes, pulses = [], []
    for sweep in used:
        values = sweep.values()
        found = action_potentials(values, sweep.rate_hz)
        spikes.append(found.assign(sweep=sweep.number, name=sweep.name))
        pulses += _answers(sweep, values, found["threshold_s"].to_numpy(), min_pulse_s)
    all_spikes = pd.concat(spikes, ignore_index=True)[["sweep", "name", *COLUMNS]]
    table = pd.DataFrame(pulses, columns=list(_PULSES))
    cell = _cell(table, all_spikes).assign(n_sweeps=len(used), n_spikes=len(all_spikes))
    return cell, table, all_spikes, _draw_cell(used, table)


def _answers(sweep: Sweep, values: Any, spikes_s: Any, min_s: float) -> list[dict[str, Any]]:
    rows = []
    given = sweep.pulses()
    lasting = given["stop_s"] - given["start_s"] >= min_s
    for pulse in given[lasting & (given["before_s"] > 0)].to_dict("records"):
        start, stop, size = pulse["start_s"], pulse["stop_s"], pulse["amplitude"]
        row: dict[str, Any] = {
            "sweep": sweep.number,
            "name": sweep.name,
            "start_s": start,
            "stop_s": stop,
            "amplitude_a": size,
            **firing(spikes_s, start, stop),
        }
        near = (spikes_s >= start - _BEFORE_S) & (spikes_s < stop)
        if not near.any():
            row |= asdict(pulse_answer(values, sweep.rate_hz, start, stop, size))
        rows.append(row)
    return rows


def _cell(pulses: pd.DataFrame, spikes: pd.DataFrame) -> pd.DataFrame:
    found = excitability(pulses) if len(pulses) else {}
    first = spikes.head(1)
    if len(pulses) and np.isfinite(found["rheobase_a"]):
        at = pulses[(pulses["amplitude_a"] == found["rheobase_a"]) & (pulses["n_spikes"] > 0)].iloc[
            0
        ]
        own = spikes[(spikes["name"] == at["name"]) & (spikes["threshold_s"] >= at["start_s"])]
        first = own.head(1)
    measured = first[[name for name in COLUMNS if name not in _TIMES]]
    return pd.DataFrame([found | (measured.iloc[0].to_dict() if len(measured) else {})])


def _draw_cell(sweeps: list[Sweep], pulses: pd.DataFrame) -> Figure:
    with sheet(3) as (figure, (left, middle, right)):
        for sweep, colour in zip(_some(sweeps), cycle(COLOURS)):
            values = sweep.values()
            t = np.arange(len(values)) / sweep.rate_hz
            left.plot(
                t, 1e3 * values, color=colour, lw=0.6, label=f"{sweep.number}", rasterized=True
            )
        left.legend(title="sweep", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
        finish(left, np.empty(0), "time (s)", "potential (mV)")
        _scatter(middle, pulses[pulses["amplitude_a"] > 0], "rate_hz", 1.0, "rate (Hz)")
        _scatter(right, pulses, "steady_v", 1e3, "steady potential (mV)")
    return figure


def _some(sweeps: list[Sweep]) -> list[Sweep]:
    places = np.unique(np.linspace(0, len(sweeps) - 1, _MOST_TRACES).round().astype(int))
    return [sweeps[place] for place in places]


def _scatter(ax: Axes, pulses: pd.DataFrame, column: str, factor: float, label: str) -> None:
    known = pulses.dropna(subset=[column]).sort_values("amplitude_a")
    picoamperes, values = 1e12 * known["amplitude_a"], factor * known[column]
    means = values.groupby(picoamperes.round()).mean()
    ax.plot(means.index, means, "-", color=GREY, lw=0.8)
    ax.plot(picoamperes, values, "o", ms=3, color=COLOURS[0])
    finish(ax, np.empty(0), "current (pA)", label)
    ax.set_visible(len(known) > 0)


patch_clamp = Pipeline(
    "patch-clamp", on="modality=icephys -kind=derived", steps=[check_sweeps, cell_features]
)
