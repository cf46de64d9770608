"""Folders of Kilosort and phy: sorted units, their quality and templates, and the probe."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import FormatError
from panneuro.core.reals import is_real
from panneuro.formats import npy
from panneuro.formats.flat import Flat
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import KEPT_BYTES, Source
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording
from panneuro.signals.table import Table

_TIMES = "spike_times.npy"
_CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
_PARAMETERS_BYTES = 1 << 20
_TABLE_BYTES = 64 << 20

_DESCRIPTIONS = {
    "cluster_id": "number of the unit in phy",
    "group": "label given by a person: good, mua or noise",
    "KSLabel": "label given by Kilosort: good or mua",
    "ContamPct": "contamination estimated by Kilosort, in percent",
    "Amplitude": "amplitude estimated by Kilosort",
    "n_spikes": "number of spikes",
    "amplitude_mean": "mean factor by which the template was scaled to fit the spikes",
    "peak_channel": "row in the electrodes table where the template is largest",
    "template": "unwhitened template on the peak channel, in the sorter's arbitrary unit",
    "x_um": "position in micrometres",
    "y_um": "position in micrometres",
}


def sniff(source: Source) -> Match:
    """Recognise the spike times and cluster numbers that phy reads."""
    names = {path.name for path in source.files}
    if source.path.is_file() or _TIMES not in names or not names & set(_CLUSTERS):
        return NO
    if not (source.path / _TIMES).is_file():
        return Match(0.5, f"{_TIMES} in one of its folders")
    if "params.py" in names:
        return Match(0.95, "spike_times.npy and a params.py, as for phy")
    return Match(0.7, "spike_times.npy, as Kilosort writes it")


def read(source: Source) -> Recording:
    """Read the units of a Kilosort or phy folder.

    ``params.py`` is parsed, never run; the raw data it points to are not looked for.

    Raises
    ------
    FormatError
        If the sampling rate is not told, or the files do not fit together.
    """
    folder = _Folder(source)
    parameters = read_parameters(folder.file("params.py"))
    rate = parameters.get("sample_rate")
    if not is_real(rate, above=0):
        raise FormatError(
            f"reading {source.path.name!r}: params.py tells no usable sample_rate ({rate!r})",
            hint="write a line such as 'sample_rate = 30000.0' into params.py",
        )
    electrodes = _electrodes(folder)
    units = _units(folder, float(rate), electrodes)
    shown = {key: value for key, value in parameters.items() if key != "dat_path"}
    run = {"step": "spike sorting", "parameters": shown}
    return Recording(
        "phy",
        (units,) if electrodes is None else (units, electrodes),
        tuple(folder.files),
        {
            "description": {"kind": "derived", "modalities": ["ecephys"]},
            "processing": {"runs": [run]},
        },
        tuple(folder.notes),
    )


def read_parameters(path: Path) -> dict[str, Any]:
    """Return the plain values that a Python file assigns, without running it.

    Parameters
    ----------
    path : Path
        Such as ``params.py``.
    """
    if path.stat().st_size > _PARAMETERS_BYTES:
        raise FormatError(f"reading {path.name!r}: it is too large for parameters")
    try:
        module = ast.parse(path.read_text("utf-8", errors="replace"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormatError(f"reading {path.name!r}: it is not Python: {error}") from error
    found: dict[str, Any] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
    return found


class _Folder:
    """The files of the one phy folder in a source."""

    def __init__(self, source: Source) -> None:
        self.name = source.path.name
        places = [path.parent for path in source.matching(_TIMES) if ".phy" not in path.parts]
        if len(places) != 1:
            raise FormatError(
                f"reading {self.name!r}: it holds {len(places)} files named {_TIMES}",
                hint="name the folder of one sorting",
            )
        self.place = places[0]
        own = [path for path in source.files if path.parent == self.place]
        beside = [p for p in source.files if p not in own and ".phy" not in p.parts]
        read = [path for path in own if path.name in (_TIMES, *_CLUSTERS)]
        left = {p for p in own if p not in read and p.stat().st_size > KEPT_BYTES}
        self.files = [source.file(p, kept=None) for p in own if p not in left]
        self.files += [source.file(p) for p in beside]
        self.notes: list[str] = []
        if left:
            names = ", ".join(sorted(path.name for path in left))
            self.notes.append(f"large files that are not kept: {names}")

    def file(self, name: str) -> Path:
        path = self.place / name
        if not path.is_file():
            raise FormatError(f"reading {self.name!r}: there is no {name} in it")
        return path

    def load(self, name: str) -> npt.NDArray[Any] | None:
        """Return an array, or nothing where there is none; pickled objects are refused."""
        path = self.place / name
        return npy.whole(path) if path.is_file() else None

    def lazy(self, name: str) -> Flat | None:
        """Return an array that may be large, or nothing where there is none."""
        path = self.place / name
        return npy.load(path) if path.is_file() else None

    def need(self, name: str) -> npt.NDArray[Any]:
        array = self.load(name)
        if array is None:
            raise FormatError(f"reading {self.name!r}: there is no {name} in it")
        return array


def _flat(folder: _Folder, name: str, count: int) -> npt.NDArray[Any]:
    values = np.asarray(folder.need(name)).reshape(-1)
    if len(values) != count:
        raise FormatError(
            f"reading {folder.name!r}: {name} has {len(values)} values for {count} spikes",
            hint="sort again, or copy the folder again: its files do not fit together",
        )
    return values


def _units(folder: _Folder, rate: float, electrodes: Table | None) -> Events:
    samples = np.asarray(folder.need(_TIMES)).reshape(-1)
    if samples.dtype.kind not in "iu":
        raise FormatError(f"reading {folder.name!r}: {_TIMES} is of {samples.dtype}, not integers")
    which = _CLUSTERS[0] if (folder.place / _CLUSTERS[0]).is_file() else _CLUSTERS[1]
    clusters = _flat(folder, which, len(samples)).astype(np.int64)
    order = np.lexsort((samples, clusters))
    ids, counts = np.unique(clusters, return_counts=True)
    table = pd.DataFrame({"cluster_id": ids, "n_spikes": counts})
    table = _with_labels(folder, table)
    spikes = np.split(order, np.cumsum(counts)[:-1]) if len(ids) else []
    for name, values in _templates(folder, spikes, len(samples), electrodes).items():
        table[name] = values
    return Events(
        "units",
        samples[order] / rate,
        np.cumsum(counts, dtype=np.int64),
        ids,
        Table.from_frame("units", table, descriptions=_told(table)),
        "units sorted by Kilosort and curated in phy",
    )


def _told(table: pd.DataFrame) -> dict[str, str]:
    return {name: _DESCRIPTIONS[name] for name in table.columns if name in _DESCRIPTIONS}


def _with_labels(folder: _Folder, table: pd.DataFrame) -> pd.DataFrame:
    """Join every ``cluster_*`` table to the units."""
    for path in sorted(folder.place.glob("cluster_*.[tc]sv")):
        rows = _labels(path)
        key = next((name for name in ("cluster_id", "id") if name in rows.columns), None)
        if key is None or rows[key].duplicated().any():
            folder.notes.append(f"{path.name} does not tell one row a cluster; left out")
            continue
        rows = rows.set_index(key).reindex(table["cluster_id"])
        for name in rows.columns:
            values = rows[name].to_numpy()
            if name in table.columns and pd.Series(values).equals(table[name]):
                continue
            table[name if name not in table.columns else f"{path.stem}_{name}"] = values
    return table


def _labels(path: Path) -> pd.DataFrame:
    if path.stat().st_size > _TABLE_BYTES:
        raise FormatError(f"reading {path.name!r}: it is too large for labels of clusters")
    try:
        return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FormatError(f"reading {path.name!r}: it is not a table: {error}") from error


def _templates(
    folder: _Folder, spikes: list[npt.NDArray[np.int64]], count: int, electrodes: Table | None
) -> dict[str, Any]:
    """Tell each unit's mean amplitude, and the peak of the template most of its spikes fit."""
    columns: dict[str, Any] = {}
    if (folder.place / "amplitudes.npy").is_file():
        amplitudes = _flat(folder, "amplitudes.npy", count)
        columns["amplitude_mean"] = [float(np.mean(amplitudes[rows])) for rows in spikes]
    templates = folder.lazy("templates.npy")
    if templates is None or not (folder.place / _CLUSTERS[1]).is_file():
        return columns
    fitted = _flat(folder, _CLUSTERS[1], count).astype(np.int64)
    if count and fitted.min() < 0:
        raise FormatError(f"reading {folder.name!r}: {_CLUSTERS[1]} has negative numbers")
    unwhiten = _Unwhitening(folder, templates)
    peaks = [unwhiten.peak(int(np.bincount(fitted[rows]).argmax())) for rows in spikes]
    columns["peak_channel"] = [channel for channel, _ in peaks]
    columns["template"] = [waveform for _, waveform in peaks]
    if electrodes is not None:
        for name in ("x_um", "y_um"):
            columns[name] = electrodes.df[name].to_numpy()[columns["peak_channel"]]
    return columns


class _Unwhitening:
    """Templates as they are on the probe, one at a time."""

    def __init__(self, folder: _Folder, templates: Flat) -> None:
        n_axes = len(templates.shape)
        if n_axes != 3:
            raise FormatError(f"reading {folder.name!r}: templates.npy has {n_axes} axes")
        self.name = folder.name
        self.templates = templates
        self.channels = folder.lazy("templates_ind.npy")
        self.inverse = folder.load("whitening_mat_inv.npy")
        positions = folder.load("channel_positions.npy")
        self.n_channels = templates.shape[2] if positions is None else len(positions)

    def peak(self, number: int) -> tuple[int, list[float]]:
        """Return the channel where a template is largest, and its waveform there."""
        if number >= self.templates.shape[0]:
            raise FormatError(f"reading {self.name!r}: spikes of a template {number} not there")
        sparse = np.asarray(self.templates[number], dtype=np.float64)
        full = np.zeros((len(sparse), self.n_channels))
        where = np.arange(sparse.shape[1])
        rows = (self.templates.shape[0], sparse.shape[1])
        if self.channels is not None and self.channels.shape == rows:
            where = self.channels[number].astype(np.int64)
        there = (where >= 0) & (where < self.n_channels)
        full[:, where[there]] = sparse[:, there]
        if self.inverse is not None and self.inverse.shape == (self.n_channels,) * 2:
            full = full @ self.inverse
        channel = int(np.ptp(full, axis=0).argmax())
        return channel, full[:, channel].tolist()


def _electrodes(folder: _Folder) -> Table | None:
    positions = folder.load("channel_positions.npy")
    if positions is None or positions.ndim != 2 or positions.shape[1] < 2:
        return None
    frame = pd.DataFrame({"x_um": positions[:, 0], "y_um": positions[:, 1]})
    for name, file in (("channel", "channel_map.npy"), ("shank", "channel_shanks.npy")):
        values = folder.load(file)
        if values is not None and values.size == len(frame):
            frame[name] = np.asarray(values).reshape(-1)
    told = {
        "x_um": "position across the probe in micrometres",
        "y_um": "position along the probe in micrometres",
        "channel": "column of the raw data",
        "shank": "number of the shank",
    }
    told = {name: told[name] for name in frame.columns}
    return Table.from_frame("electrodes", frame, descriptions=told)
