"""Neo's signal streams as signals: names in the field's words, SI units, one clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import chain, count
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Electrodes
from panneuro.formats.rawio import Columnar, Raw, chunks
from panneuro.signals.arrays import LazyArray, Sliced
from panneuro.signals.timeseries import TimeSeries

Kind = Literal["electrodes", "analog", "digital"]

_SI = {
    "v": ("volts", 0),
    "volt": ("volts", 0),
    "volts": ("volts", 0),
    "mv": ("volts", -3),
    "uv": ("volts", -6),
    "µv": ("volts", -6),
    "μv": ("volts", -6),
    "microvolts": ("volts", -6),
    "nv": ("volts", -9),
    "a": ("amperes", 0),
    "ma": ("amperes", -3),
    "ua": ("amperes", -6),
    "na": ("amperes", -9),
    "pa": ("amperes", -12),
}
"""By unit in lower case: the SI unit, and the power of ten that leads to it."""


@dataclass(frozen=True)
class Label:
    """What a channel is.

    Parameters
    ----------
    name : str
        Of the signal it belongs to: ``"ap"``.
    device : str
        What recorded it; set before the name where several devices have a signal of that name.
    kind : str
        ``"electrodes"``, ``"analog"`` or ``"digital"``.
    unit : str
        What its values are in, where neo does not know or errs.
    description : str
        One sentence for people.
    attributes : tuple of pairs
        Further facts: ``(("band", "lf"),)``.
    """

    name: str
    device: str = ""
    kind: Kind = "analog"
    unit: str = ""
    description: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


Labeller = Callable[[str, str, str], Label]
"""From a stream's name, a channel's name and its unit, as neo gives them, to what it is."""


@dataclass(frozen=True)
class Time:
    """When the samples of a stream were taken: at a rate from a start, or stamped."""

    rate_hz: float
    start_s: float
    stamps: LazyArray | None = None

    def later(self, seconds: float) -> Time:
        """Return the same times, some seconds later."""
        stamps = self.stamps
        if stamps is not None:
            stamps = Sliced(stamps.shape, np.float64, partial(_added, stamps, seconds))
        return Time(self.rate_hz, self.start_s + seconds, stamps)


def _added(stamps: LazyArray, seconds: float, first: int, last: int) -> npt.NDArray[np.float64]:
    return np.asarray(stamps[first:last], dtype=np.float64) + seconds


Clock = Callable[[Raw, int, int, int, Time], Time]
"""From a reader, a block, a segment, a stream and what neo says, to when the samples were taken."""


@dataclass(frozen=True)
class Group:
    """Channels of a stream that make one signal."""

    label: Label
    unit: str
    columns: npt.NDArray[np.int64]
    names: tuple[str, ...]
    gain: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    dtype: str


@dataclass(frozen=True)
class Stream:
    """One of neo's streams, its channels grouped into signals."""

    index: int
    name: str
    groups: tuple[Group, ...]
    rate_hz: float


def slug(text: str) -> str:
    """Return a name for a signal: lower case, words joined by "_".

    Examples
    --------
    >>> slug("USB board ADC input channel")
    'usb_board_adc_input_channel'
    >>> slug("ProbeA-AP")
    'probe_a_ap'
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or "signal"


def to_si(unit: str) -> tuple[str, int]:
    """Return the SI unit, and the power of ten by which the given unit is one of it.

    Examples
    --------
    >>> to_si("uV")
    ('volts', -6)
    >>> to_si("degC")
    ('degC', 0)
    """
    return _SI.get(unit.strip().lower(), (unit.strip() or "unknown", 0))


def scaled(value: float, power: int) -> float:
    """Return a number times a power of ten, exact in decimal.

    Examples
    --------
    >>> 0.05 / 1e6
    5.0000000000000004e-08
    >>> scaled(0.05, -6)
    5e-08
    """
    return float(Decimal(repr(value)).scaleb(power)) if power else value


def streams(raw: Raw, labeller: Labeller) -> list[Stream]:
    """Return every stream of a reader with its channels labelled and grouped."""
    header = raw.io.header
    found = []
    for index in range(len(header["signal_streams"])):
        name = str(header["signal_streams"][index]["name"])
        channels = raw.channels(index)
        rate = float(channels["sampling_rate"][0])
        found.append(Stream(index, name, tuple(_groups(raw, name, channels, labeller)), rate))
    return found


def _groups(raw: Raw, stream: str, channels: Any, labeller: Labeller) -> Iterator[Group]:
    told = [(str(row["name"]), str(row["units"])) for row in channels]
    labels = [labeller(stream, name, unit) for name, unit in told]
    units = [
        ("n.a.", 0) if label.kind == "digital" else to_si(label.unit or unit)
        for label, (_, unit) in zip(labels, told, strict=True)
    ]
    keys = [(label, unit) for label, (unit, _) in zip(labels, units, strict=True)]
    for label, unit in dict.fromkeys(keys):
        columns = np.array([i for i, key in enumerate(keys) if key == (label, unit)])
        powers = [units[i][1] for i in columns]
        yield Group(
            label,
            unit,
            columns,
            tuple(str(name) for name in channels["name"][columns]),
            *_scaling(raw, label, channels[columns], powers),
            str(channels["dtype"][columns[0]]),
        )


def _scaling(raw: Raw, label: Label, channels: Any, powers: list[int]) -> tuple[Any, Any]:
    if label.kind == "digital":
        return np.ones(len(channels)), np.zeros(len(channels))
    gain, offset = (
        np.array([scaled(float(v), p) for v, p in zip(channels[key], powers, strict=True)])
        for key in ("gain", "offset")
    )
    for what, values in (("gain", gain), ("offset", offset)):
        if not np.all(np.isfinite(values)):
            name = str(channels["name"][np.flatnonzero(~np.isfinite(values))[0]])
            raise FormatError(
                f"reading {raw.what!r}: channel {name!r} has a {what} that is not a finite number",
                hint="correct it in the header or settings file beside the data",
            )
    return gain, offset


def names(found: Iterable[Stream]) -> dict[tuple[int, int], str]:
    """Return, by stream and group, what signals are called.

    That is their label; with the device before it where several devices have such a signal; and
    with the stream, the unit or a number behind it where that does not tell them apart.
    """
    groups = [
        (stream, place, group) for stream in found for place, group in enumerate(stream.groups)
    ]
    devices: dict[str, set[str]] = {}
    for _, _, group in groups:
        devices.setdefault(group.label.name, set()).add(group.label.device)
    named: dict[tuple[int, int], str] = {}
    for stream, place, group in groups:
        label = group.label
        several = len(devices[label.name]) > 1 and label.device
        name = f"{label.device}_{label.name}" if several else label.name
        choices = (name, f"{name}_{slug(stream.name)}", f"{name}_{slug(group.unit)}")
        numbered = (f"{name}_{number}" for number in count(2))
        taken = set(named.values())
        named[stream.index, place] = next(
            choice for choice in chain(choices, numbered) if choice not in taken
        )
    return named


def signals(
    raw: Raw,
    found: list[Stream],
    part: tuple[int, int],
    suffix: str,
    clock: Clock,
    electrodes: Electrodes,
) -> Iterator[tuple[Kind, TimeSeries]]:
    """Yield the signals of one segment, each with its kind.

    Parameters
    ----------
    raw : Raw
        The parsed reader.
    found : list of Stream
        What `streams` returned.
    part : tuple of int
        Block and segment.
    suffix : str
        Set behind every name, to tell segments apart.
    clock : callable
        Says when the samples were taken.
    electrodes : Electrodes
        Collects the rows of the electrodes table.
    """
    named = names(found)
    for stream in found:
        n_rows = int(raw.io.get_signal_size(*part, stream.index))
        time = time_of(raw, part, stream, clock)
        for place, group in enumerate(stream.groups):
            data = chunks(raw, (*part, stream.index), group.columns, n_rows, group.dtype)
            name = named[stream.index, place] + suffix
            yield group.label.kind, _signal(name, data, stream, group, time, electrodes)


def time_of(raw: Raw, part: tuple[int, int], stream: Stream, clock: Clock | None) -> Time:
    """Return when the samples of a stream were taken in one segment."""
    told = Time(stream.rate_hz, float(raw.io.get_signal_t_start(*part, stream.index)))
    time = clock(raw, *part, stream.index, told) if clock else told
    _check_rate(raw, stream, time)
    return time


def _check_rate(raw: Raw, stream: Stream, time: Time) -> None:
    if not (np.isfinite(time.rate_hz) and time.rate_hz > 0 and np.isfinite(time.start_s)):
        raise FormatError(
            f"reading {raw.what!r}: the stream {stream.name!r} has an impossible rate of "
            f"{time.rate_hz!r} Hz or start of {time.start_s!r} s",
            hint="correct it in the header or settings file beside the data",
        )


def _signal(
    name: str, data: Columnar, stream: Stream, group: Group, time: Time, electrodes: Electrodes
) -> TimeSeries:
    label = group.label
    on_tissue = label.kind == "electrodes"
    return TimeSeries(
        name,
        data,
        group.unit,
        rate_hz=None if time.stamps is not None else time.rate_hz,
        start_s=0.0 if time.stamps is not None else time.start_s,
        timestamps=time.stamps,
        gain=_shared(group.gain),
        offset=_shared(group.offset),
        channels=group.names,
        electrodes=electrodes.rows(label.device, group.names, group.columns) if on_tissue else (),
        neurodata_type="ElectricalSeries" if on_tissue else "TimeSeries",
        description=label.description,
        attributes=dict(label.attributes),
        source=stream.name,
    )


def _shared(values: npt.NDArray[np.float64]) -> float | npt.NDArray[np.float64]:
    """Return one number where all channels share it, else one for each."""
    return float(values[0]) if np.all(values == values[0]) else values
