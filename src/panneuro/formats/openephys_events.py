"""Digital lines and messages of Open Ephys, as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.formats import npy
from panneuro.formats.online import Shift
from panneuro.formats.openephys_layout import named, recordings, structure
from panneuro.formats.rawio import Raw
from panneuro.signals.events import Events


def events(raw: Raw, shifts: list[Shift]) -> Iterator[Events]:
    """Yield the edges of every digital line and the messages, all of them, as they were written."""
    taken: set[str] = set()
    for part, (shift, suffix) in zip(raw.parts, shifts, strict=True):
        for folder in recordings(raw, part):
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


def _event_name(told: dict[str, Any]) -> str:
    if "essage" in str(told.get("channel_name", "")) + str(told.get("folder_name", "")):
        return "messages"
    stream = str(told.get("folder_name", "")).split("/")[0]
    processor, device, _ = named(stream, "")
    return "nidq_ttl" if processor.startswith("NI-DAQ") else f"{device}_ttl"


def _trains(where: Path, told: dict[str, Any], shift: float) -> dict[Any, npt.ArrayLike]:
    def column(*names: str) -> npt.NDArray[Any] | None:
        for name in names:
            if (where / f"{name}.npy").is_file():
                return npy.whole(where / f"{name}.npy")
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
