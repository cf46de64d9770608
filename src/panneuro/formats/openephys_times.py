"""When Open Ephys took its samples: synchronised stamps, sample numbers, the computer's clock."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats import npy
from panneuro.formats.flat import Flat
from panneuro.formats.online import Shift
from panneuro.formats.openephys_layout import data_file, recording
from panneuro.formats.openephys_settings import settings_of
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Time, slug
from panneuro.signals.arrays import Sliced

_SOFTWARE_TIME = re.compile(r"Software Time \(milliseconds since[^)]*\):\s*(\d{1,15})")
_STAMPS_LOOKED_AT = 4096


def clock(raw: Raw, block: int, segment: int, stream: int, time: Time) -> Time:
    """Take the synchronised timestamps, where Open Ephys wrote them; else the sample numbers."""
    folder = data_file(raw, block, segment, stream).parent
    n_rows = int(raw.io.get_signal_size(block, segment, stream))
    numbers = folder / "sample_numbers.npy"
    if numbers.is_file() and (folder / "timestamps.npy").is_file():
        seconds = _column(folder / "timestamps.npy", n_rows)
        if _ascending(seconds):
            return _regular(seconds, time.rate_hz)
        warnings.warn(
            f"{folder.name}: its timestamps were not synchronised; times are counted in samples",
            stacklevel=2,
        )
    else:
        numbers = folder / "timestamps.npy"
    counted = _column(numbers, n_rows)
    if not n_rows or int(counted[-1]) - int(counted[0]) + 1 == n_rows:
        return time
    rate = time.rate_hz
    stamps = Sliced((n_rows,), np.float64, lambda a, b: np.asarray(counted[a:b]) / rate)
    warnings.warn(
        f"{folder.name}: samples were lost while recording; times are those of the samples kept",
        stacklevel=2,
    )
    return Time(rate, float(counted[0]) / rate, stamps)


def _column(path: Path, n_rows: int) -> Flat:
    values = npy.load(path)
    if len(values.shape) != 1 or values.shape[0] < n_rows:
        raise FormatError(
            f"reading {str(path)!r}: it holds {values.shape} times for {n_rows:,} samples",
            hint="copy it again from the rig",
        )
    (length,) = values.shape
    if length > n_rows:
        warnings.warn(
            f"{path.parent.name}: continuous.dat holds {n_rows:,} of the {length:,} samples "
            "that have times: the recording was cut short or not copied whole",
            stacklevel=2,
        )
    return replace(values, shape=(n_rows,))


def _looked_at(seconds: Flat) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return some times from all of a recording, and which samples they are of."""
    rows = np.unique(np.linspace(0, seconds.shape[0] - 1, _STAMPS_LOOKED_AT).astype(np.int64))
    return rows, seconds.runs([(row, row + 1) for row in rows.tolist()])


def _ascending(seconds: Flat) -> bool:
    if not seconds.shape[0] or seconds.dtype.kind != "f":
        return False
    _, looked_at = _looked_at(seconds)
    return bool(
        np.isfinite(looked_at).all() and looked_at[0] >= 0 and (np.diff(looked_at) > 0).all()
    )


def _regular(seconds: Flat, rate_hz: float) -> Time:
    """Return a rate if no timestamp is half a sample from it, else the timestamps."""
    rows, looked_at = _looked_at(seconds)
    start = float(looked_at[0])
    late = np.abs(looked_at - (start + rows / rate_hz)).max() * rate_hz
    return Time(rate_hz, start, None if late < 0.5 else seconds)


def shifts(raw: Raw, source: Source) -> list[Shift]:
    """Put experiments, each of which counts from its own start, on one clock and name them.

    Raises
    ------
    FormatError
        If the files do not tell when each experiment began.
    """
    folders = [recording(raw, part) for part in raw.parts]
    experiments = list(dict.fromkeys(folder.parent for folder in folders))
    if len(experiments) == 1:
        return [(0.0, "" if part == 0 else f"_{part + 1}") for part in range(len(folders))]
    found: list[Shift] = []
    offsets = _offsets(raw, folders, source)
    for folder in folders:
        number = [r for r in folders if r.parent == folder.parent].index(folder)
        tail = "" if number == 0 else f"_{number + 1}"
        found.append((offsets[folder.parent], f"_{slug(folder.parent.name)}{tail}"))
    warnings.warn(
        f"it holds {len(experiments)} experiments, each counting from its own start; they are put "
        "on one clock by the computer's time, which is good to some milliseconds",
        stacklevel=2,
    )
    return found


def _offsets(raw: Raw, folders: list[Path], source: Source) -> dict[Path, float]:
    begun: dict[Path, float] = {}
    for part, folder in zip(raw.parts, folders, strict=True):
        if folder.parent not in begun:
            at = started(folder)
            if at is None:
                raise FormatError(
                    f"reading {str(source.path)!r}: it holds several experiments, and nothing "
                    f"tells when {folder.parent.name} began",
                    hint=f"name the folder of one: {str(folder.parent)!r}",
                )
            begun[folder.parent] = at.timestamp() - _first_s(raw, part)
    zero = next(iter(begun.values()))
    return {experiment: at - zero for experiment, at in begun.items()}


def _first_s(raw: Raw, part: tuple[int, int]) -> float:
    count = len(raw.io.header["signal_streams"])
    return min(
        clock(raw, *part, i, Time(_rate(raw, i), raw.io.get_signal_t_start(*part, i))).start_s
        for i in range(count)
    )


def _rate(raw: Raw, stream: int) -> float:
    return float(raw.channels(stream)["sampling_rate"][0])


def started(recording: Path) -> datetime | None:
    """Return when a recording began by the computer's clock, from its own files."""
    messages = recording / "sync_messages.txt"
    if messages.is_file():
        with messages.open(encoding="utf-8", errors="replace") as stream:
            match = _SOFTWARE_TIME.search(stream.read(1 << 16))
        if match and 0 < int(match[1]) < 10**14:
            return datetime.fromtimestamp(int(match[1]) / 1000, tz=UTC)
    settings = settings_of(recording.parent)
    return settings.date if settings else None
