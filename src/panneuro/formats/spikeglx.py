"""SpikeGLX: Neuropixels and NI-DAQ, as pairs of ``.bin`` and ``.meta``."""

from __future__ import annotations

import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Probes
from panneuro.formats.neo_format import Documents, NeoFormat
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Label

_MAX_META_BYTES = 16 << 20
_ITEM_BYTES = 2
_BANDS = {"ap": "Neuropixels action-potential band", "lf": "Neuropixels LFP band"}
_GAIN_FIELD = {"ap": 3, "lf": 4}
_UNSCALED = re.compile(r"^\(1110,")
_RUN = re.compile(r"(.+)_g\d+_t\w+\.(.+)$")
_FIELD = re.compile(rb"(?m)^(acq\w+|fileCreateTime|fileSHA1|typeThis|nSavedChans|sns\w+)=")


def meta(path: Path) -> dict[str, str]:
    """Return the fields of a ``.meta`` file, as text.

    Raises
    ------
    FormatError
        If it is far too long to be one.
    """
    size = path.stat().st_size
    if size > _MAX_META_BYTES:
        raise FormatError(
            f"reading {str(path)!r}: a .meta file of {size:,} bytes",
            hint=f"SpikeGLX writes less than {_MAX_META_BYTES:,}: copy it again from the rig",
        )
    lines = path.read_text(errors="replace").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.lstrip("~").strip(): value.strip() for key, value in pairs}


def label(stream: str, channel: str, _unit: str) -> Label:
    """Say what a channel of a stream such as ``imec0.ap`` or ``nidq`` is."""
    base = stream.removesuffix("-SYNC")
    device, _, band = base.partition(".")
    if channel.startswith(("SY", "XD")):
        name = f"{band or device}_{'sync' if channel.startswith('SY') else 'digital'}"
        return Label(name, device, "digital", description="digital word: bit k is line k")
    if device.startswith("imec"):
        said = _BANDS.get(band, "Neuropixels")
        return Label(band, device, "electrodes", "", said, (("band", band),))
    return Label(device, device, "analog", description="analogue inputs of the acquisition card")


def check(source: Source) -> list[str]:
    """Compare every ``.meta`` with its ``.bin``: missing, cut short, or with a broken end."""
    notes: list[str] = []
    metas, bins = source.matching("*.meta"), set(source.matching("*.bin"))
    _check_runs(source, bins)
    for path in metas:
        data = path.with_suffix(".bin")
        fields = meta(path)
        if _UNSCALED.match(fields.get("imroTbl", "")):
            raise FormatError(
                f"reading {str(path)!r}: the gains of a Neuropixels Ultra with switches (NP1110) "
                "are written in a form that neo does not read yet",
                hint="convert it with CatGT, or read the .bin with --format arrays and a "
                "description of its dtype, n_channels, rate_hz and gain",
            )
        if data in bins:
            notes.extend(_compared(source, path, data, fields))
        elif "nSavedChans" in fields:
            size = fields.get("fileSizeBytes", "an unknown number of")
            notes.append(
                f"{source.name(path)} announces {size} bytes of samples, but "
                f"{data.name} is missing: copy it from the rig if it should be there"
            )
    for data in sorted(bins - {path.with_suffix(".bin") for path in metas}):
        raise FormatError(
            f"reading {str(data)!r}: there is no {data.with_suffix('.meta').name} beside it, so "
            "neither its channels nor its rate are known",
            hint="copy the .meta file from the rig, next to the .bin",
        )
    return notes


def _check_runs(source: Source, bins: set[Path]) -> None:
    """Refuse several runs of the same probe: each is a recording of its own."""
    found = sorted((match[2], match[1], path) for path in bins if (match := _RUN.match(path.stem)))
    for (stream, run, path), (following, other, beside) in pairwise(found):
        if stream == following and run != other:
            apart = [one.relative_to(source.root).parts[0] for one in (path, beside)]
            raise FormatError(
                f"reading {str(source.path)!r}: it holds several runs ({run!r}, {other!r})",
                hint="give each run a folder of its own"
                if apart[0] == apart[1] or path.parent == source.path
                else f"add each: panneuro add {shlex.quote(str(source.path))}/*",
            )


def _compared(source: Source, path: Path, data: Path, fields: dict[str, str]) -> list[str]:
    found, name = data.stat().st_size, source.name(data)
    row = _ITEM_BYTES * _number(path, fields, "nSavedChans")
    if row <= 0:
        raise FormatError(
            f"reading {str(path)!r}: it announces {fields['nSavedChans']} saved channels",
            hint="copy the .meta file again from the rig",
        )
    if found % row:
        raise FormatError(
            f"reading {str(data)!r}: its {found:,} bytes are not a whole number of samples of "
            f"{row} bytes ({found % row} are left over)",
            hint="copy it again; if SpikeGLX itself was interrupted, cut a copy with: "
            f"truncate -s {found - found % row} {data.name}",
        )
    told = _number(path, fields, "fileSizeBytes", found)
    if told > found:
        short = f"{name} holds {found // row:,} of the {told // row:,} samples that its .meta "
        return [short + "announces: the recording was cut short or not copied whole"]
    if told < found:
        return [f"{name} holds {(found - told) // row:,} samples more than its .meta announces"]
    return []


def _number(path: Path, fields: dict[str, str], key: str, default: int | None = None) -> int:
    try:
        return int(fields[key]) if default is None else int(fields.get(key, default))
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"reading {str(path)!r}: its field {key!r} is {fields.get(key)!r}",
            hint="copy the .meta file again from the rig",
        ) from error


def mend(raw: Raw) -> list[str]:
    """Give every saved channel the gain of its own row in the table of electrodes.

    Neo takes the first rows, which are others where only some channels were saved.
    """
    _split_sync(raw)
    rows = raw.io.header["signal_channels"]
    for (segment, stream), info in raw.io.signals_info_dict.items():
        table, band = info["meta"].get("imroTbl", []), info["stream_kind"]
        if segment or band not in _GAIN_FIELD or not table:
            continue
        gains = [_gain(entry, _GAIN_FIELD[band]) for entry in table]
        here = np.flatnonzero(rows["stream_id"] == stream)
        range_uv = float(info["meta"]["imAiRangeMax"]) / 512 * 1e6
        for column, row in enumerate(here):
            digits = re.search(r"\d+$", str(rows["name"][row]))
            number = int(digits[0]) if digits else column
            if column >= len(gains) or number >= len(gains) or not gains[column]:
                continue
            # Where no sync channel was saved, neo leaves the last channel without its gain.
            neo_said = (range_uv * (1.0 / gains[column]), range_uv)
            if rows["gain"][row] in neo_said and gains[number]:
                rows["gain"][row] = range_uv / gains[number]
    return []


def _split_sync(raw: Raw) -> None:
    """Part the sync channels of probes that have several of them, as neo does for one."""
    slices = raw.io._stream_buffer_slice
    for name in raw.io.header["signal_streams"]["name"]:
        if name.endswith("-SYNC") and name not in slices:
            count = int((raw.io.header["signal_channels"]["stream_id"] == name).sum())
            slices[str(name)] = slice(-count, None)
            slices[str(name.removesuffix("-SYNC"))] = slice(0, -count)


def _gain(entry: str, field: int) -> float:
    parts = entry.split(" ")
    return float(parts[field]) if len(parts) > field else 0.0


def probes(source: Source) -> Probes:
    """Return the geometry that probeinterface finds in each probe's ``.meta``."""

    @cache
    def probe(device: str) -> Any:
        import probeinterface

        found = _meta_of(source, device)
        if found is None or "imroTbl" not in meta(found):
            return None
        return probeinterface.read_spikeglx(found)

    return probe


def _meta_of(source: Source, device: str) -> Path | None:
    """Return a probe's ``.meta`` that has its data beside it, the AP band's first."""
    for pattern in ("*.ap.meta", "*.meta"):
        for path in source.matching(pattern):
            if path.with_suffix(".bin").exists() and _device(meta(path)) == device:
                return path
    return None


def _device(fields: dict[str, str]) -> str:
    match = re.search(r"\.(imec\d*|nidq|obx\d*)\.", fields.get("fileName", "") + ".")
    return match[1] if match else ""


def documents(_raw: Raw, source: Source) -> Documents:
    """Return what the ``.meta`` files say of the session and the rig."""
    fields = [meta(p) for p in source.matching("*.meta") if p.with_suffix(".bin").exists()]
    starts = sorted(f["fileCreateTime"] for f in fields if f.get("fileCreateTime"))
    notes = sorted({f["userNotes"] for f in fields if f.get("userNotes")})
    acquisition = {"session_start": starts[0].replace(" ", "T")} if starts else {}
    if notes:
        acquisition["protocol"] = "; ".join(notes)
    return {
        "acquisition": acquisition,
        "instrument": {
            "devices": _devices(fields),
            "probes": list({p["name"]: p for p in map(_probe, fields) if p}.values()),
        },
    }


def _devices(fields: list[dict[str, str]]) -> list[dict[str, Any]]:
    version = next((f["appVersion"] for f in fields if f.get("appVersion")), "")
    found: list[dict[str, Any]] = [
        {"name": "SpikeGLX", "kind": "software", **({"model": version} if version else {})}
    ]
    for card in fields:
        if card.get("typeThis") == "nidq":
            made = {"manufacturer": "National Instruments"}
            model = card.get("niDev1ProductName")
            found.append({"name": "nidq", "kind": "acquisition card", **made, "model": model})
    return found


def _probe(fields: dict[str, str]) -> dict[str, Any] | None:
    device = _device(fields)
    if not device.startswith("imec"):
        return None
    serial = fields.get("imDatPrb_sn") or fields.get("imProbeSN")
    found = {
        "name": device,
        "kind": "probe",
        "manufacturer": "imec",
        "model": fields.get("imDatPrb_pn"),
        "serial": serial,
    }
    return {key: value for key, value in found.items() if value}


def recognised(name: str, head: bytes) -> bool:
    """Say whether a file is a header of SpikeGLX, or named as it names its data."""
    return not name.endswith(".meta") or bool(_FIELD.search(head))


reader = NeoFormat(
    "spikeglx",
    "SpikeGLXRawIO",
    ("*.meta", "*.ap.bin", "*.lf.bin", "*.nidq.bin", "*.obx.bin"),
    takes="dirname",
    magic=recognised,
    score=0.95,
    label=label,
    check=check,
    mend=mend,
    events=lambda _raw, _shifts: (),
    counts_from_start=True,
    probes=probes,
    documents=documents,
    bulk=("*.ap.bin", "*.lf.bin", "*.nidq.bin", "*.obx.bin"),
)
"""The entry point of the format."""
