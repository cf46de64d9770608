"""Open Ephys, binary: folders of ``continuous.dat`` described by ``structure.oebin``."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Probes
from panneuro.formats.neo_format import Documents, NeoFormat
from panneuro.formats.online import Shift
from panneuro.formats.openephys_settings import settings_of
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Label, Time, slug
from panneuro.signals.arrays import Sliced
from panneuro.signals.events import Events

_MAX_STRUCTURE_BYTES = 64 << 20
_ITEM_BYTES = 2
_STREAM = re.compile(r"^(?:.*#)?(?P<processor>.+?)-(?P<node>\d+)\.(?P<stream>.+?)(?:_?SYNC|_ADC)?$")
_PROBE = re.compile(r"^(?P<probe>.+?)[-_ ]?(?P<band>AP|LFP)?$")
_SOFTWARE_TIME = re.compile(r"Software Time \(milliseconds since[^)]*\):\s*(\d{1,15})")
_NUMBERED = re.compile(r"^(experiment|recording)\d{1,6}$")
_STAMPS_LOOKED_AT = 4096


def structure(path: Path) -> dict[str, Any]:
    """Return what a ``structure.oebin`` says.

    Raises
    ------
    FormatError
        If it is too long, or is not the JSON that Open Ephys writes.
    """
    size = path.stat().st_size
    if size > _MAX_STRUCTURE_BYTES:
        raise FormatError(
            f"reading {str(path)!r}: {size:,} bytes, where Open Ephys writes less than "
            f"{_MAX_STRUCTURE_BYTES:,}",
            hint="copy it again from the rig",
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        streams = [(s["folder_name"], s["channels"], s["sample_rate"]) for s in found["continuous"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"reading {str(path)!r}: it is not what Open Ephys writes "
            f"({type(error).__name__}: {error})",
            hint="copy it again from the rig",
        ) from error
    for folder, channels, _ in streams:
        if not channels:
            raise FormatError(
                f"reading {str(path)!r}: the stream {folder!r} has no channels",
                hint="copy it again from the rig",
            )
    return found  # type: ignore[no-any-return]


def label(stream: str, channel: str, unit: str) -> Label:
    """Say what a channel of a stream such as ``Record Node 101#Neuropix-PXI-100.ProbeA-AP`` is."""
    processor, device, band = _named(stream, channel)
    if "SYNC" in channel:
        name = f"{band or 'raw'}_sync"
        return Label(name, device, "digital", description="digital word of the sync line")
    card = processor.startswith("NI-DAQ") or channel.startswith("AI")
    if card or "ADC" in channel or "AUX" in channel:
        name = "nidq" if card else "aux" if "AUX" in channel else "adc"
        # Where the file names no unit, neo supposes microvolts; these inputs are in volts.
        volts = "V" if unit == "uV" else ""
        return Label(name, "" if card else device, "analog", volts, "analogue inputs")
    attributes = (("band", band),) if band else ()
    said = {"ap": "Neuropixels action-potential or wide band", "lf": "Neuropixels LFP band"}
    described = said.get(band, "wide-band traces of the amplifier")
    return Label(band or "raw", device, "electrodes", "", described, attributes)


def _named(stream: str, channel: str) -> tuple[str, str, str]:
    """Return the processor, the device and, for Neuropixels, the band of a stream."""
    match = _STREAM.match(stream)
    processor, name = (match["processor"], match["stream"]) if match else (stream, stream)
    if not processor.startswith(("Neuropix", "OneBox")):
        return processor, slug(name if not name.isdigit() else processor), ""
    parts = _PROBE.match(name)
    probe, band = (parts["probe"], parts["band"]) if parts else (name, None)
    if probe.isdigit():
        # Before version 0.6 streams were numbered, the two bands of a probe one after the other.
        probe = f"Probe{chr(ord('A') + int(probe) // 2 % 26)}"
    lfp = band == "LFP" or channel.startswith("LFP")
    return processor, slug(probe), "lf" if lfp else "ap"


def check(source: Source) -> list[str]:
    """Compare every ``structure.oebin`` with the files around it."""
    notes: list[str] = []
    missing: list[str] = []
    for path in source.matching("structure.oebin"):
        told = structure(path)
        _check_place(path)
        for stream in told["continuous"]:
            folder = path.parent / "continuous" / str(stream["folder_name"]).strip("/")
            data = folder / "continuous.dat"
            if folder.is_dir() and not data.is_file():
                missing.append(source.name(data))
            elif data.is_file():
                _check_length(data, len(stream["channels"]))
        if told.get("spikes"):
            notes.append(
                f"{source.name(path.parent)}: spikes that were detected online are not read; "
                "their files are kept as they are"
            )
    if missing:
        raise FormatError(
            f"reading {str(source.path)!r}: {len(missing)} of its data files are missing: "
            f"{', '.join(missing[:4])}",
            hint="copy them again from the rig; to add the rest without them, remove the streams' "
            "folders",
        )
    return notes


def _check_place(path: Path) -> None:
    recording, experiment = path.resolve().parts[-2:-4:-1]
    if not (_NUMBERED.match(recording) and _NUMBERED.match(experiment)):
        raise FormatError(
            f"reading {str(path)!r}: Open Ephys writes it into experimentN/recordingN, not into "
            f"{experiment}/{recording}, so which data it describes is unknown",
            hint="copy the recording with its folders; to read a single .dat of it, use "
            "--format arrays with a description of its dtype, n_channels and rate_hz",
        )


def _check_length(data: Path, n_channels: int) -> None:
    size, row = data.stat().st_size, _ITEM_BYTES * n_channels
    if size % row:
        raise FormatError(
            f"reading {str(data)!r}: its {size:,} bytes are not a whole number of samples of "
            f"{n_channels} channels ({size % row} bytes are left over)",
            hint="copy it again; if the recording itself was interrupted, cut a copy with: "
            f"truncate -s {size - size % row} {data.name}",
        )


def _data_file(raw: Raw, block: int, segment: int, stream: int) -> Path:
    buffer = raw.io.header["signal_streams"][stream]["buffer_id"]
    described = raw.io.get_analogsignal_buffer_description(block, segment, buffer)
    return Path(described["file_path"])


def clock(raw: Raw, block: int, segment: int, stream: int, time: Time) -> Time:
    """Take the synchronised timestamps, where Open Ephys wrote them; else the sample numbers."""
    folder = _data_file(raw, block, segment, stream).parent
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


def _column(path: Path, n_rows: int) -> npt.NDArray[Any]:
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if values.ndim != 1 or len(values) < n_rows:
        raise FormatError(
            f"reading {str(path)!r}: it holds {values.shape} times for {n_rows:,} samples",
            hint="copy it again from the rig",
        )
    if len(values) > n_rows:
        warnings.warn(
            f"{path.parent.name}: continuous.dat holds {n_rows:,} of the {len(values):,} samples "
            "that have times: the recording was cut short or not copied whole",
            stacklevel=2,
        )
    return values[:n_rows]  # type: ignore[no-any-return]


def _looked_at(seconds: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, len(seconds) - 1, _STAMPS_LOOKED_AT).astype(np.int64))


def _ascending(seconds: npt.NDArray[Any]) -> bool:
    if not len(seconds) or seconds.dtype.kind != "f":
        return False
    looked_at = seconds[_looked_at(seconds)]
    return bool(
        np.isfinite(looked_at).all() and looked_at[0] >= 0 and (np.diff(looked_at) > 0).all()
    )


def _regular(seconds: npt.NDArray[Any], rate_hz: float) -> Time:
    """Return a rate if no timestamp is half a sample from it, else the timestamps."""
    rows = _looked_at(seconds)
    start = float(seconds[0])
    late = np.abs(seconds[rows] - (start + rows / rate_hz)).max() * rate_hz
    return Time(rate_hz, start, None if late < 0.5 else seconds)


def shifts(raw: Raw, source: Source) -> list[Shift]:
    """Put experiments, each of which counts from its own start, on one clock and name them.

    Raises
    ------
    FormatError
        If the files do not tell when each experiment began.
    """
    recordings = [_recording(raw, part) for part in raw.parts]
    experiments = list(dict.fromkeys(folder.parent for folder in recordings))
    if len(experiments) == 1:
        return [(0.0, "" if part == 0 else f"_{part + 1}") for part in range(len(recordings))]
    found: list[Shift] = []
    offsets = _offsets(raw, recordings, source)
    for folder in recordings:
        number = [r for r in recordings if r.parent == folder.parent].index(folder)
        tail = "" if number == 0 else f"_{number + 1}"
        found.append((offsets[folder.parent], f"_{slug(folder.parent.name)}{tail}"))
    warnings.warn(
        f"it holds {len(experiments)} experiments, each counting from its own start; they are put "
        "on one clock by the computer's time, which is good to some milliseconds",
        stacklevel=2,
    )
    return found


def _recording(raw: Raw, part: tuple[int, int]) -> Path:
    return _data_file(raw, *part, 0).parents[2]


def _offsets(raw: Raw, recordings: list[Path], source: Source) -> dict[Path, float]:
    begun: dict[Path, float] = {}
    for part, folder in zip(raw.parts, recordings, strict=True):
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


def events(raw: Raw, shifts: list[Shift]) -> Iterator[Events]:
    """Yield the edges of every digital line and the messages, all of them, as they were written."""
    taken: set[str] = set()
    for part, (shift, suffix) in zip(raw.parts, shifts, strict=True):
        for folder in _recordings(raw, part):
            for told in structure(folder / "structure.oebin").get("events", []):
                where = folder / "events" / str(told.get("folder_name", "")).strip("/")
                trains = _trains(where, told, shift) if where.is_dir() else {}
                if not any(np.size(train) for train in trains.values()):
                    continue
                name = _event_name(told) + suffix
                while name in taken:
                    name += "_2"
                taken.add(name)
                said = str(told.get("description") or told.get("channel_name") or "")
                yield Events.from_trains(name, trains, description=said)


def _recordings(raw: Raw, part: tuple[int, int]) -> list[Path]:
    """Return the folder that each record node wrote."""
    count = len(raw.io.header["signal_streams"])
    return list(dict.fromkeys(_data_file(raw, *part, i).parents[2] for i in range(count)))


def _event_name(told: dict[str, Any]) -> str:
    if "essage" in str(told.get("channel_name", "")) + str(told.get("folder_name", "")):
        return "messages"
    stream = str(told.get("folder_name", "")).split("/")[0]
    processor, device, _ = _named(stream, "")
    return "nidq_ttl" if processor.startswith("NI-DAQ") else f"{device}_ttl"


def _trains(where: Path, told: dict[str, Any], shift: float) -> dict[Any, npt.ArrayLike]:
    def column(*names: str) -> npt.NDArray[Any] | None:
        for name in names:
            if (where / f"{name}.npy").is_file():
                return np.load(where / f"{name}.npy", mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        return None

    times = column("timestamps")
    if times is None:
        return {}
    seconds = np.asarray(times, dtype=np.float64)
    if times.dtype.kind != "f":
        seconds = seconds / float(told["sample_rate"])
    states, texts = column("states", "channel_states"), column("text")
    if states is not None:
        edges = np.asarray(states).astype(np.int64)
        lines = sorted({abs(int(line)) for line in np.unique(edges)})
        return {
            f"line {line} {word}": seconds[edges == sign * line] + shift
            for line in lines
            for sign, word in ((1, "on"), (-1, "off"))
        }
    if texts is None:
        return {"event": seconds + shift}
    said = np.array([_text(text) for text in np.asarray(texts)])
    return {text: seconds[said == text] + shift for text in dict.fromkeys(said.tolist())}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def probes(source: Source) -> Probes:
    """Return the geometry of the Neuropixels that the settings describe."""

    @cache
    def probe(device: str) -> Any:
        import probeinterface

        for path in source.matching("structure.oebin"):
            settings = settings_of(path.parents[1])
            for stream in structure(path)["continuous"] if settings else ():
                name = str(stream["folder_name"]).strip("/")
                if _named(name, "")[1] == device and settings and settings.has_probe(name):
                    return probeinterface.read_openephys_neuropixels(
                        settings.path, stream_name=name
                    )
        return None

    return probe


def documents(raw: Raw, _source: Source) -> Documents:
    """Return what the settings and messages say of the session and the rig."""
    first = _recording(raw, raw.parts[0])
    at = started(first)
    settings = settings_of(first.parent)
    found: Documents = {"acquisition": {"session_start": at.isoformat()} if at else {}}
    if settings:
        found["instrument"] = settings.instrument()
    return found


reader = NeoFormat(
    "openephys",
    "OpenEphysBinaryRawIO",
    ("structure.oebin",),
    takes="dirname",
    score=0.95,
    label=label,
    clock=clock,
    shifts=shifts,
    check=check,
    events=events,
    counts_from_start=True,
    probes=probes,
    documents=documents,
    bulk=("continuous.dat",),
)
"""The entry point of the format."""
