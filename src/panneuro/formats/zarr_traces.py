"""Traces that SpikeInterface saved as Zarr, version 2 or 3: Blosc, WavPack, FLAC, what you have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError, PanneuroError
from panneuro.formats.electrodes import Electrodes, Probes
from panneuro.formats.online import distinct
from panneuro.formats.rawio import failure, guarded
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import scaled, slug
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.timeseries import TimeSeries

_TRACES = "traces_seg0"
_MARKS = (".zarray", "zarr.json")
_MAX_CHANNELS = 1_000_000
_MAX_STORES = 1000
_OUTSIDE = {
    "wavpack": "wavpack-numcodecs, which needs the library libwavpack",
    "flac": "flac-numcodecs",
}


class Traces:
    """An array in a store, whose damage is told as an error of ours.

    Parameters
    ----------
    array : zarr.Array
        The samples, shape (n_times, n_channels).
    what : str
        The store, for messages.
    """

    def __init__(self, array: Any, what: str) -> None:
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        self._array = array
        self._what = what

    def __getitem__(self, key: Any, /) -> Any:
        try:
            return np.asarray(self._array[key])
        except Exception as error:
            # A codec may raise anything on a damaged chunk.
            raise failure(self._what, error) from error


def sniff(source: Source) -> Match:
    """Say how well the source fits: a store with traces, or a folder of such stores."""
    found = _stores(source)
    return Match(0.9, f"{found[0].name} holds {_TRACES}") if found else NO


def _stores(source: Source) -> list[Path]:
    if not source.path.is_dir():
        return []
    below = (source.path, *source.path.glob("*.zarr"), *source.path.glob("*/*.zarr"))
    found = [path for path in below if any((path / _TRACES / m).is_file() for m in _MARKS)]
    return sorted(found)[:_MAX_STORES]


def read(source: Source) -> Recording:
    """Return the traces of every store, with gains, times and the positions of electrodes.

    Raises
    ------
    FormatError
        If a store is damaged, or its codec is not installed.
    """
    notes: list[str] = []
    made: list[Signal] = []
    stores = _stores(source)
    named = _named(stores)
    electrodes = Electrodes(_probes(named))
    for name, store in named.items():
        with guarded(str(store), notes):
            made.extend(_signals(store, name, electrodes, notes))
    if not made:
        raise FormatError(
            f"reading {str(source.path)!r}: there is no {_TRACES} in it",
            hint="name the folder that SpikeInterface saved",
        )
    made.append(electrodes.table())
    files = tuple(source.file(p, kept=not _is_trace(p)) for p in source.files)
    documents = {"description": {"modalities": ["ecephys"]}}
    return Recording("zarr-traces", tuple(made), files, documents, tuple(dict.fromkeys(notes)))


def _named(stores: list[Path]) -> dict[str, Path]:
    """Return the stores by the name of their signal: the stream's, else all of the store's."""
    if len(stores) == 1:
        return {"raw": stores[0]}
    whole = [store.name.removesuffix(".zarr") for store in stores]
    streams = [slug(name.rpartition("#")[2].rpartition(".")[2]) for name in whole]
    alike = len(set(streams)) < len(streams)
    names = distinct([slug(name) for name in whole]) if alike else streams
    return dict(zip(names, stores, strict=True))


def _is_trace(path: Path) -> bool:
    return any(part.startswith("traces_seg") for part in path.parts)


def _open(store: Path) -> Any:
    import zarr

    try:
        return zarr.open_group(store, mode="r")
    except ValueError as error:
        raise _unknown_codec(store, error) or error from error


def _unknown_codec(store: Path, error: Exception) -> FormatError | None:
    """Return the error for a codec that is not installed, if that is what failed."""
    for name, package in _OUTSIDE.items():
        if name in str(error).lower():
            return FormatError(
                f"reading {str(store)!r}: its traces are compressed with {name}, which is not "
                "installed",
                hint=f"pip install {package.partition(',')[0]}  (brings {package})",
            )
    return None


def _array(store: Path, group: Any, name: str) -> Any | None:
    """Return an array of a group, unless it is absent; one that would be unpickled is refused."""
    try:
        if name not in group:
            return None
        array = group[name]
    except PanneuroError:
        raise
    except Exception as error:
        raise _unknown_codec(store, error) or error from error
    used = str(array.metadata.to_dict()).lower()
    if "pickle" in used:
        raise FormatError(
            f"reading {str(store)!r}: {name!r} is pickled, and to read it would run what it holds",
            hint="save the recording again with a newer SpikeInterface",
        )
    return array


def _signals(
    store: Path, name: str, electrodes: Electrodes, notes: list[str]
) -> Iterator[TimeSeries]:
    group = _open(store)
    rate = float(group.attrs.get("sampling_frequency", 0) or 0)
    if not (np.isfinite(rate) and rate > 0):
        raise FormatError(
            f"reading {str(store)!r}: its sampling_frequency is {rate!r}",
            hint="write the attribute into the store's .zattrs or zarr.json",
        )
    count = int(group.attrs.get("num_segments", 1) or 1)
    starts = _column(store, group, "t_starts", count, np.nan)
    for segment in range(min(count, _MAX_STORES)):
        array = _array(store, group, f"traces_seg{segment}")
        if array is None:
            raise FormatError(
                f"reading {str(store)!r}: it announces {count} segments, and traces_seg{segment} "
                "is missing",
                hint="copy the folder again",
            )
        _check(store, array, notes)
        called = f"{name}_{segment + 1}" if segment else name
        stamps = _array(store, group, f"times_seg{segment}")
        start = float(starts[segment]) if np.isfinite(starts[segment]) else 0.0
        made = _signal(store, group, array, called, rate, start, stamps)
        rows = electrodes.rows(name, made.channels, np.arange(made.n_channels))
        yield replace(made, electrodes=rows)


def _check(store: Path, array: Any, notes: list[str]) -> None:
    if len(array.shape) != 2 or not 0 < array.shape[1] <= _MAX_CHANNELS:
        raise FormatError(
            f"reading {str(store)!r}: {array.path!r} has the shape {array.shape}, not times × "
            "channels",
            hint="name the folder that SpikeInterface saved",
        )
    there, wanted = array.nchunks_initialized, array.nchunks
    if wanted and not there:
        raise FormatError(
            f"reading {str(store)!r}: none of the {wanted:,} chunks of {array.path!r} is there",
            hint="copy the folder again, with the files that have no ending",
        )
    if there < wanted:
        notes.append(
            f"{store.name}: {wanted - there:,} of the {wanted:,} chunks of {array.path!r} are "
            f"absent and read as {array.fill_value}: they were all of that value, or not copied"
        )


def _column(store: Path, group: Any, name: str, count: int, default: float) -> Any:
    array = _array(store, group, name)
    if array is None or array.shape != (count,) or array.dtype.kind not in "iuf":
        return np.full(count, default)
    return np.asarray(array[:], dtype=np.float64)


def _signal(
    store: Path,
    group: Any,
    array: Any,
    name: str,
    rate: float,
    start: float,
    stamps: Any | None,
) -> TimeSeries:
    count = int(array.shape[1])
    names = _names(store, group, count)
    gain = _volts(store, group, "properties/gain_to_uV", count)
    offset = _volts(store, group, "properties/offset_to_uV", count)
    known = gain is not None and offset is not None
    return TimeSeries(
        name,
        Traces(array, str(store)),
        "volts" if known else "unknown",
        rate_hz=rate if stamps is None else None,
        start_s=start if stamps is None else 0.0,
        timestamps=None if stamps is None else Traces(stamps, str(store)),
        gain=gain if gain is not None and known else 1.0,
        offset=offset if offset is not None and known else 0.0,
        channels=names,
        neurodata_type="ElectricalSeries",
        description=f"traces saved by SpikeInterface in {store.name}",
    )


def _names(store: Path, group: Any, count: int) -> tuple[str, ...]:
    ids = _array(store, group, "channel_ids")
    if ids is None or ids.shape != (count,):
        return tuple(f"CH{channel}" for channel in range(count))
    return tuple(str(name) for name in np.asarray(ids[:]).tolist())


def _volts(store: Path, group: Any, name: str, count: int) -> Any:
    values = _column(store, group, name, count, np.nan)
    if not np.isfinite(values).all():
        return None
    found = np.array([scaled(float(value), -6) for value in values])
    return float(found[0]) if (found == found[0]).all() else found


def _probes(named: dict[str, Path]) -> Probes:
    """Return the geometry that was saved with the traces, as probeinterface writes it."""

    def probe(device: str) -> Any:
        from probeinterface import ProbeGroup

        told = _open(named[device]).attrs.get("probe")
        return ProbeGroup.from_dict(told).probes[0] if told else None

    return probe
