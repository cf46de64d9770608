"""The views that come with panneuro."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from panneuro.access.prices import PriceBook
from panneuro.core.entry import Entry
from panneuro.core.extras import need
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, area_column
from panneuro.views.view import view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SESSION = ("subject", "species", "project", "lab", "modality", "date", "duration_s")
_CONTENT = ("channels", "units", "trials", "size_bytes", "quality")
_LABELS = ("quality", "group", "KSLabel", "label", "default_qc")
_CORRECT = ("correct", "is_correct", "hit", "success")
_REWARDED = ("rewarded", "reward", "earned_reward", "feedbackType")
_PER_TB_MONTH = float(PriceBook().tier("standard").per_tb_month)

_UNITS = ((1e12, "terabytes"), (1e9, "gigabytes"), (1e6, "megabytes"))

Preset = Literal["allen", "aind", "ibl", "llobet"]

_UNDERSTOOD = ("correct", "hit", "true", "1", "1.0", "yes", "pass")


@view(over="kind=raw")
def session_overview(entry: Entry) -> dict[str, Any]:
    """One row a session: who, when, how, and how much of what."""
    fields = entry.fields
    values = {name: fields.get(name) for name in (*_SESSION, *_CONTENT)}
    return {
        name: ", ".join(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


@session_overview.figure
def _sessions_by_month(table: pd.DataFrame) -> Figure:
    when = pd.to_datetime(table["date"], utc=True, format="ISO8601").dt.strftime("%Y-%m")
    counts = (
        table.groupby([when, _named(table["modality"], "unknown")]).size().unstack(fill_value=0)
    )
    figure, axes = _axes("sessions", "month")
    counts.plot.bar(ax=axes, stacked=True, width=0.85, color=_colours(), xlabel="month")
    _legend(axes)
    _aslant(axes)
    return figure


@view(over="has:units", takes="units")
def unit_yield(units: Events) -> pd.DataFrame | None:
    """Units of each area and label: how many, how many spikes, and the median rate in hertz."""
    if not len(units):
        return None
    said = units.table.df.reset_index(drop=True) if units.table else pd.DataFrame()
    area, label = area_column(said.columns), next((c for c in _LABELS if c in said.columns), None)
    blank = pd.Series("", index=range(len(units)))
    span = _span_s(units)
    each = pd.DataFrame(
        {
            "area": said[area].astype(str) if area else blank,
            "label": said[label].astype(str) if label else blank,
            "spikes": units.counts,
            "rate_hz": units.counts / span if span else np.nan,
        }
    )
    grouped = each.groupby(["area", "label"], as_index=False)
    return grouped.agg(
        units=("spikes", "size"), spikes=("spikes", "sum"), median_rate_hz=("rate_hz", "median")
    )


@unit_yield.figure
def _units_by_area(table: pd.DataFrame) -> Figure:
    counts = table.groupby(_named(table["area"], "unknown"))["units"].sum()
    figure, axes = _axes("units", "")
    counts.sort_values().tail(30).plot.barh(ax=axes, width=0.8, color=_colours()[0])
    axes.set(xlabel="units", ylabel="")
    return figure


@view(over="has:units", takes="units")
def data_quality(units: Events, preset: Preset = "aind") -> dict[str, Any] | None:
    """Quality of a session's sorting: medians over units, and the share that passes a preset."""
    from panneuro.analysis.quality import quality_table
    from panneuro.analysis.quality_presets import PRESETS, passes

    if not len(units) or not _span_s(units):
        return None
    first, last = _reach_s(units)
    metrics = quality_table(units, first, last)
    # Spike trains tell nothing of amplitudes.
    judged = tuple(name for name in PRESETS[preset].limits if name in metrics)
    names = ("firing_rate", "presence_ratio", "isi_violations_ratio")
    passing = passes(metrics, preset, need=judged)
    return {
        "units": len(units),
        "passing": int(passing.sum()),
        **{f"median_{name}": float(metrics[name].median()) for name in names},
    }


@data_quality.figure
def _passing_by_session(table: pd.DataFrame) -> Figure:
    share = (table["passing"] / table["units"]).to_numpy()
    figure, axes = _axes("units that pass", "session")
    axes.bar(range(1, len(share) + 1), share, width=0.85)
    axes.set_ylim(0, 1)
    axes.locator_params(axis="x", integer=True)
    return figure


@view(over="has:trials", takes={"trials": "trials", "entry": "entry"})
def training_progress(trials: Intervals, entry: Entry) -> dict[str, Any] | None:
    """Trials of a session, and the shares that were correct and rewarded, where it is said."""
    rows = trials.df
    if rows.empty:
        return None
    return {
        "subject": entry.fields.get("subject"),
        "date": entry.fields.get("date"),
        "trials": len(rows),
        "correct": _correct(rows),
        "rewarded": _rewarded(rows),
        "minutes": float(rows["stop_time"].max() - rows["start_time"].min()) / 60,
    }


@training_progress.figure
def _progress_by_subject(table: pd.DataFrame) -> Figure:
    measured = max(("correct", "rewarded"), key=lambda name: table[name].notna().sum())
    measured = measured if table[measured].notna().any() else "trials"
    figure, axes = _axes(measured if measured == "trials" else f"share {measured}", "session")
    for subject, own in table.sort_values("date").groupby("subject"):
        axes.plot(range(1, len(own) + 1), own[measured], marker="o", label=str(subject))
    if measured != "trials":
        axes.set_ylim(0, 1)
    axes.locator_params(axis="x", integer=True)
    _legend(axes, "subject")
    return figure


@view(takes="asset")
def storage_and_cost(asset: Asset, per_tb_month: float = _PER_TB_MONTH) -> dict[str, Any]:
    """What an asset takes, what it was made from, and what keeping it costs a month."""
    manifest = asset.manifest
    description = manifest.documents.get("description", {})
    project = description.get("project")
    return {
        "project": project.get("label") if isinstance(project, dict) else project,
        "kind": description.get("kind", "raw"),
        "source_bytes": manifest.source_bytes,
        "stored_bytes": manifest.stored_bytes,
        "files": len(manifest.files),
        "per_month": round(manifest.stored_bytes / 1e12 * per_tb_month, 6),
    }


@storage_and_cost.figure
def _bytes_by_project(table: pd.DataFrame) -> Figure:
    shown = {"source_bytes": "as recorded", "stored_bytes": "as stored"}
    sizes = table.groupby(_named(table["project"], "no project"))[[*shown]].sum()
    most = sizes.to_numpy().max(initial=0)
    size, unit = next(((n, u) for n, u in _UNITS if most >= n), _UNITS[-1])
    figure, axes = _axes(unit, "")
    (sizes / size).rename(columns=shown).plot.bar(ax=axes, width=0.8, color=_colours(), xlabel="")
    _legend(axes)
    _aslant(axes)
    return figure


@view(takes="run")
def pipeline_health(run: Run) -> dict[str, Any]:
    """One row a run: how it ended, what it took and what it cost."""
    return {
        "step": run.step,
        "status": run.status,
        "ended": run.ended,
        "user": run.user,
        "host": run.host,
        "core_seconds": run.core_seconds,
        "peak_memory_bytes": run.peak_memory_bytes,
        "bytes_read": run.bytes_read,
        "bytes_written": run.bytes_written,
        "cost": float(run.cost) if run.cost else None,
        "error": run.error.get("message"),
    }


@pipeline_health.figure
def _runs_by_step(table: pd.DataFrame) -> Figure:
    counts = table.groupby(["step", "status"]).size().unstack(fill_value=0)
    figure, axes = _axes("runs", "")
    done, failed, *_ = _colours()
    counts.plot.barh(ax=axes, stacked=True, color={"done": done, "failed": failed})
    axes.set(xlabel="runs", ylabel="")
    _legend(axes)
    return figure


def _axes(y: str, x: str) -> tuple[Figure, Axes]:
    """Return empty axes in a figure that belongs to nobody's window."""
    figure = need("matplotlib.figure", "plot", "Drawing a view").Figure((6, 3.5), layout="tight")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_prop_cycle(color=_colours())
    return figure, axes


def _colours() -> list[Any]:
    from panneuro.signals.plot_style import COLOURS

    return [*COLOURS]


def _aslant(axes: Axes) -> None:
    """Turn names below an axis so that each ends at its own place."""
    for text in axes.get_xticklabels():
        text.set(rotation=45, ha="right", rotation_mode="anchor")


def _named(values: pd.Series[Any], otherwise: str) -> pd.Series[Any]:
    """Return texts, with another for those that are not there."""
    texts = values.astype(object)
    return texts.where(texts.notna() & (texts != ""), otherwise)


def _legend(axes: Axes, title: str | None = None) -> None:
    axes.legend(title=title, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _reach_s(units: Events) -> tuple[float, float]:
    """Return the first and just after the last of all times; only the ends of trains are read."""
    filled = np.flatnonzero(units.counts)
    if not len(filled):
        return 0.0, 0.0
    firsts = [float(units.times[int(units.ends[at] - units.counts[at])]) for at in filled]
    lasts = [float(units.times[int(units.ends[at]) - 1]) for at in filled]
    return min(firsts), float(np.nextafter(max(lasts), np.inf))


def _span_s(units: Events) -> float:
    first, last = _reach_s(units)
    return last - first


def _share(rows: pd.DataFrame, names: tuple[str, ...]) -> float | None:
    """Return the share of rows in which the first of some columns that there is says yes."""
    for name in names:
        if name in rows.columns:
            return _said_yes(rows[name])
    return None


def _said_yes(values: pd.Series[Any]) -> float:
    return float(values.astype(str).str.lower().isin(_UNDERSTOOD).mean())


def _correct(rows: pd.DataFrame) -> float | None:
    """Return the share of correct trials; a response may be told by its outcome."""
    share = _share(rows, _CORRECT)
    told = rows["response"].astype(str) if share is None and "response" in rows.columns else None
    return _said_yes(told) if told is not None and told.isin(_UNDERSTOOD[:2]).any() else share


def _rewarded(rows: pd.DataFrame) -> float | None:
    sides = [name for name in ("rewarded_historyL", "rewarded_historyR") if name in rows.columns]
    if sides:
        return float(rows[sides].astype(bool).any(axis="columns").mean())
    return _share(rows, _REWARDED)
