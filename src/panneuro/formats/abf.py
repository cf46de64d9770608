"""Axon Binary Format: sweeps of patch clamp with the commands that were given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import FormatError, LimitError, PanneuroError
from panneuro.core.extras import need
from panneuro.formats.flat import Flat
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.signals.arrays import LazyArray, Sliced
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

MAX_SERIES = 20_000
"""More sweeps times channels than this are refused."""

_MAGIC = (b"ABF2", b"ABF ")
_PREFIXES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
_UNIT = re.compile(r"^([pnuµmkM]?)([VA])$")
_NAMES = {"V": "volts", "A": "amperes"}
_FROM_FILE = 2


def sniff(source: Source) -> Match:
    """Recognise the first four bytes."""
    if not source.files or any(source.head(path, 4) not in _MAGIC for path in source.files):
        return NO
    if len(source.files) > 1:
        return Match(0.6, "a folder of Axon Binary Files")
    return Match(1.0, "begins as an Axon Binary File")


def read(source: Source) -> Recording:
    """Read every sweep of an ABF file, with the command of each.

    Values stay the integers that were recorded; gains are to volts and amperes.

    Raises
    ------
    FormatError
        If the file is damaged or truncated.
    MissingExtraError
        If pyabf is not installed.
    """
    pyabf = need("pyabf", "abf", "Reading ABF")
    if len(source.files) != 1:
        raise FormatError(
            f"reading {str(source.path)!r}: it holds {len(source.files)} ABF files",
            hint="add them one by one: each is a recording of its own",
        )
    (path,) = source.files
    try:
        file = _File(path, pyabf.ABF(str(path), loadData=False))
        signals = (*file.recordings(), *file.commands(), file.sweeps(), *file.tags())
    except PanneuroError:
        raise
    except Exception as error:  # pyabf raises of all kinds on damaged headers
        raise FormatError(
            f"reading {path.name!r}: the ABF file is damaged: {error!r}",
            hint="copy it again from where it was recorded",
        ) from error
    return Recording(
        "abf", signals, (source.file(path, kept=None),), file.documents(), tuple(file.notes)
    )


def si_unit(unit: str) -> tuple[str, float]:
    """Return a unit's SI name, and the factor that brings values to it.

    Examples
    --------
    >>> si_unit("mV"), si_unit("pA"), si_unit("degC")
    (('volts', 0.001), ('amperes', 1e-12), ('degC', 1.0))
    """
    found = _UNIT.match(unit.strip())
    if found is None:
        return unit.strip() or "unknown", 1.0
    return _NAMES[found[2]], _PREFIXES[found[1]]


@dataclass(frozen=True)
class _Sweep:
    number: int
    first: int
    count: int
    start_s: float


class _File:
    def __init__(self, path: Path, abf: Any) -> None:
        self.abf = abf
        self.path = path
        self.notes: list[str] = []
        self.n_channels = int(abf.channelCount)
        self.rate = float(abf.dataRate)
        if self.n_channels < 1 or self.rate <= 0:
            raise FormatError(
                f"reading {path.name!r}: {self.n_channels} channels at {self.rate} Hz"
            )
        if abf.sweepCount * self.n_channels > MAX_SERIES:
            raise LimitError(f"reading {path.name!r}: over {MAX_SERIES:,} sweeps and channels")
        self.samples = self._samples(path)
        self.all = [self._sweep(number) for number in range(abf.sweepCount)]
        for sweep in self.all:
            if not (0 <= sweep.first <= sweep.first + sweep.count <= self.samples.shape[0]):
                raise FormatError(
                    f"reading {path.name!r}: sweep {sweep.number} has {sweep.count:,} samples from "
                    f"{sweep.first:,} on, of {self.samples.shape[0]:,} that there are",
                    hint="copy it again from where it was recorded",
                )
        self.waveform = lru_cache(maxsize=2)(self._waveform)
        self.titles: dict[int, list[str]] = {}
        self.answers: dict[int, list[str]] = {}

    def _samples(self, path: Path) -> Flat:
        dtype = np.dtype("<i2" if self.abf._nDataFormat == 0 else "<f4")
        count = int(self.abf.dataPointCount) // self.n_channels
        whole = self.abf.dataByteStart + count * self.n_channels * dtype.itemsize
        if whole > path.stat().st_size:
            raise FormatError(
                f"reading {path.name!r}: it should have {whole:,} bytes and has "
                f"{path.stat().st_size:,}",
                hint="copy it again from where it was recorded",
            )
        return Flat(path, dtype, int(self.abf.dataByteStart), (count, self.n_channels))

    def _sweep(self, number: int) -> _Sweep:
        """Find a sweep in the samples, and when it began by the table the amplifier wrote."""
        synch = getattr(self.abf, "_synchArraySection", None)
        starts, lengths = (getattr(synch, name, None) or () for name in ("lStart", "lLength"))
        if len(lengths) != self.abf.sweepCount or len(starts) != len(lengths):
            count = int(self.abf.sweepPointCount)
            return _Sweep(number, number * count, count, number * self.abf.sweepIntervalSec)
        unit_us = float(self.abf._protocolSection.fSynchTimeUnit)
        units_in_s = 1e6 / unit_us if unit_us > 0 else self.rate * self.n_channels
        first = sum(lengths[:number]) // self.n_channels
        count = lengths[number] // self.n_channels
        return _Sweep(number, first, count, float(starts[number] / units_in_s))

    def recordings(self) -> list[TimeSeries]:
        """Return what each channel recorded in each sweep."""
        return [
            self._recording(sweep, channel)
            for sweep in self.all
            for channel in range(self.n_channels)
        ]

    def _recording(self, sweep: _Sweep, channel: int) -> TimeSeries:
        unit, factor = si_unit(str(self.abf.adcUnits[channel]))
        command, _ = self._command_unit(channel)
        label = str(self.abf.adcNames[channel])
        name = f"{_slug(label)}_sweep_{sweep.number:03d}"
        self.titles.setdefault(sweep.number, []).append(name)
        stored = self.samples.dtype.kind == "f"
        return TimeSeries(
            name,
            Sliced((sweep.count,), self.samples.dtype, partial(self._trace, sweep, channel)),
            unit,
            rate_hz=self.rate,
            start_s=sweep.start_s,
            gain=factor * (1.0 if stored else float(self.abf._dataGain[channel])),
            offset=factor * (0.0 if stored else float(self.abf._dataOffset[channel])),
            neurodata_type={
                ("volts", "amperes"): "CurrentClampSeries",
                ("amperes", "volts"): "VoltageClampSeries",
            }.get((unit, command), "TimeSeries"),
            description=f"{label}, sweep {sweep.number}",
            attributes=self._attributes(sweep, channel),
            source=label,
        )

    def _trace(self, sweep: _Sweep, channel: int, start: int, stop: int) -> npt.NDArray[Any]:
        return self.samples.part(sweep.first + start, sweep.first + stop, [channel])[:, 0]

    def _attributes(self, sweep: _Sweep, channel: int) -> dict[str, Any]:
        told: dict[str, Any] = {
            "sweep_number": sweep.number,
            "stimulus_description": str(self.abf.protocol),
        }
        if channel < len(self.abf.holdingCommand):
            told["holding"] = float(self.abf.holdingCommand[channel])
        return told

    def _command_unit(self, channel: int) -> tuple[str, float]:
        known = channel < min(len(self.abf.dacUnits), len(self.abf.stimulusByChannel))
        return si_unit(str(self.abf.dacUnits[channel])) if known else ("", 1.0)

    def commands(self) -> list[TimeSeries]:
        """Return the command that was given on each channel in each sweep."""
        channels = [n for n in range(self.n_channels) if self._has_command(n)]
        return [self._command(sweep, channel) for sweep in self.all for channel in channels]

    def _has_command(self, channel: int) -> bool:
        unit, _ = self._command_unit(channel)
        if unit not in _NAMES.values():
            return False
        section = getattr(self.abf, "_dacSection", None) or self.abf._headerV1
        if section.nWaveformEnable[channel] and section.nWaveformSource[channel] == _FROM_FILE:
            self.notes.append(
                f"the command of {self.abf.adcNames[channel]!r} is in another file; left out"
            )
            return False
        if self._longest_epoch() > self.abf.dataPointCount:
            self.notes.append(
                f"the command of {self.abf.dacNames[channel]!r} has an epoch longer than the "
                "recording; left out"
            )
            return False
        return True

    def _longest_epoch(self) -> int:
        """Return the most samples that a part of a command has in a sweep."""
        section = getattr(self.abf, "_epochPerDacSection", None) or self.abf._headerV1
        kinds, lasts, grows = (
            np.ravel(getattr(section, name)).astype(np.int64)
            for name in ("nEpochType", "lEpochInitDuration", "lEpochDurationInc")
        )
        most = np.abs(lasts) + np.abs(grows) * self.abf.sweepCount
        return int(most[kinds != 0].max(initial=0))

    def _command(self, sweep: _Sweep, channel: int) -> TimeSeries:
        unit, factor = self._command_unit(channel)
        label = str(self.abf.dacNames[channel])
        name = f"{_slug(label)}_command_{sweep.number:03d}"
        self.answers.setdefault(sweep.number, []).append(name)
        return TimeSeries(
            name,
            Sliced((sweep.count,), np.float64, partial(self._part, sweep, channel)),
            unit,
            rate_hz=self.rate,
            start_s=sweep.start_s,
            gain=factor,
            neurodata_type={
                "amperes": "CurrentClampStimulusSeries",
                "volts": "VoltageClampStimulusSeries",
            }[unit],
            role="stimulus",
            description=f"{label}, sweep {sweep.number}",
            attributes=self._attributes(sweep, channel),
            source=label,
        )

    def _part(self, sweep: _Sweep, channel: int, start: int, stop: int) -> Any:
        return self.waveform(sweep.number, channel)[start:stop]

    def _waveform(self, sweep: int, channel: int) -> Any:
        try:
            command: LazyArray = self.abf.stimulusByChannel[channel].stimulusWaveform(sweep)
        except Exception as error:  # pyabf raises of all kinds on damaged headers
            raise FormatError(
                f"reading {self.path.name!r}: the command of sweep {sweep} is damaged: {error!r}",
                hint="copy it again from where it was recorded",
            ) from error
        values = np.zeros(self.all[sweep].count)
        values[: len(command[: len(values)])] = command[: len(values)]
        return values

    def sweeps(self) -> Table:
        """Return one row a sweep."""
        frame = pd.DataFrame(
            {
                "start_time": [sweep.start_s for sweep in self.all],
                "stop_time": [sweep.start_s + sweep.count / self.rate for sweep in self.all],
                "sweep_number": [sweep.number for sweep in self.all],
                "stimulus_description": str(self.abf.protocol),
                "recordings": [self.titles.get(sweep.number, []) for sweep in self.all],
                "stimuli": [self.answers.get(sweep.number, []) for sweep in self.all],
            }
        )
        told = {
            "start_time": "seconds on the session's clock",
            "stop_time": "seconds on the session's clock",
            "recordings": "names of the signals that were recorded",
            "stimuli": "names of the commands that were given",
        }
        return Intervals.from_frame("sweeps", frame, descriptions=told)

    def tags(self) -> list[Signal]:
        """Return the remarks made during the recording, if there are any."""
        if not len(self.abf.tagComments):
            return []
        frame = pd.DataFrame(
            {"time": list(self.abf.tagTimesSec), "comment": list(map(str, self.abf.tagComments))}
        )
        return [Table.from_frame("tags", frame, descriptions={"time": "seconds"})]

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return what the header says of the session."""
        creator = str(getattr(self.abf, "creator", "") or "").strip("\x00 ")
        return {
            "description": {"modalities": ["icephys"]},
            "instrument": {"devices": [{"name": creator, "kind": "software"}] if creator else []},
            "acquisition": {
                "session_start": self.abf.abfDateTime.isoformat(),
                "protocol": str(self.abf.protocol),
            },
        }


def _slug(label: str) -> str:
    return re.sub(r"\W+", "_", label).strip("_").lower() or "channel"
