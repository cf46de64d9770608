"""What an NWB file says of its subject, session and rig, by document and field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from panneuro.formats.nwb_tree import Array, Group, Tree

_WEIGHT = re.compile(r"^\s*([0-9]*\.?[0-9]+)\s*(kg|g|grams?|kilograms?)?\s*$", re.IGNORECASE)
_REGION = re.compile(r"brain_regions?['\"]?\s*:\s*['\"]?([^;,'\"}]+)")

_GENERAL = {
    ("description", "institution"): "institution",
    ("description", "lab"): "lab",
    ("description", "summary"): "experiment_description",
    ("acquisition", "session_id"): "session_id",
    ("acquisition", "protocol"): "protocol",
    ("acquisition", "stimulus_notes"): "stimulus",
    ("processing", "notes"): "notes",
}

_SUBJECT = {
    "id": "subject_id",
    "species": "species",
    "sex": "sex",
    "age": "age",
    "strain": "strain",
    "genotype": "genotype",
    "description": "description",
}

_ELECTRODE_GROUPS = ("ElectrodeGroup",)


def read_documents(tree: Tree) -> dict[str, dict[str, Any]]:
    """Return what a tree says, as plain values by document and field.

    Fields that the file leaves empty are left out.
    """
    documents: dict[str, dict[str, Any]] = {
        "description": _description(tree),
        "subject": _subject(tree),
        "procedures": _procedures(tree),
        "instrument": _instrument(tree),
        "acquisition": _acquisition(tree),
        "processing": {},
    }
    for (slot, field), name in _GENERAL.items():
        documents[slot].setdefault(field, tree.text(f"/general/{name}"))
    return {
        slot: filled
        for slot, fields in documents.items()
        if (filled := {k: v for k, v in fields.items() if v not in ("", [], None)})
    }


def _words(tree: Tree, path: str) -> list[str]:
    return [word.strip() for word in tree.text(path).split("\n") if word.strip()]


def _description(tree: Tree) -> dict[str, Any]:
    return {
        "title": tree.text("/session_description"),
        "experimenters": _words(tree, "/general/experimenter"),
        "keywords": _words(tree, "/general/keywords"),
        "publications": _words(tree, "/general/related_publications"),
        "modalities": _modalities(tree),
    }


def _modalities(tree: Tree) -> list[str]:
    kinds = {group.neurodata_type for group in tree.root.walk()}
    told = {
        "ecephys": {"ElectricalSeries", "SpikeEventSeries", "Units", "LFP"},
        "icephys": {"CurrentClampSeries", "VoltageClampSeries", "IZeroClampSeries"},
        "ophys": {"TwoPhotonSeries", "OnePhotonSeries", "RoiResponseSeries", "PlaneSegmentation"},
        "behavior": {"SpatialSeries", "BehavioralEvents", "BehavioralTimeSeries", "Position"},
    }
    found = [modality for modality, types in told.items() if kinds & types]
    if "behavior" not in found and tree.find("/intervals/trials") is not None:
        found.append("behavior")
    return found


def _subject(tree: Tree) -> dict[str, Any]:
    subject = {field: tree.text(f"/general/subject/{name}") for field, name in _SUBJECT.items()}
    subject["date_of_birth"] = tree.text("/general/subject/date_of_birth")[:10]
    weight = tree.find("/general/subject/weight")
    value = str(weight.scalar()) if isinstance(weight, Array) else ""
    found = _WEIGHT.match(value)
    if found is None:
        return subject
    return subject | {"weight_g": _grams(float(found[1]), (found[2] or "").lower())}


def _grams(value: float, unit: str) -> float:
    """Return a weight in grams; a bare number is kilograms in NWB, but grams if over two."""
    kilograms = unit.startswith("k") or (not unit and value < 2)
    return round(value * 1000, 6) if kilograms else value


def _procedures(tree: Tree) -> dict[str, Any]:
    surgery = tree.text("/general/surgery")
    injections = [
        {"kind": kind, "description": tree.text(f"/general/{kind}")}
        for kind in ("virus", "pharmacology")
        if tree.text(f"/general/{kind}")
    ]
    return {
        "surgeries": [{"kind": "surgery", "description": surgery}] if surgery else [],
        "injections": injections,
    }


def _named(tree: Tree, path: str, *kinds: str) -> Iterator[Group]:
    top = tree.find(path)
    if isinstance(top, Group):
        yield from (group for group in top.groups.values() if group.neurodata_type in kinds)


def _devices(tree: Tree) -> list[Mapping[str, Any]]:
    top = tree.find("/general/devices")
    devices = list(top.groups.values()) if isinstance(top, Group) else []
    return [
        _filled(
            name=device.name,
            kind=device.neurodata_type if device.neurodata_type != "Device" else "",
            manufacturer=str(device.attributes.get("manufacturer", "")),
            serial=str(device.attributes.get("serial_number", "")),
            description=str(device.attributes.get("description", "")),
        )
        for device in devices
        if device.neurodata_type != "DeviceModel"
    ]


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", [], None)}


def _instrument(tree: Tree) -> dict[str, Any]:
    groups = _named(tree, "/general/extracellular_ephys", *_ELECTRODE_GROUPS)
    probes = [
        _filled(
            name=group.name,
            kind="electrode group",
            areas=_areas(str(group.attributes.get("location", ""))),
            description=str(group.attributes.get("description", "")),
        )
        for group in groups
    ]
    return {"devices": _devices(tree), "probes": probes}


def _areas(*texts: str) -> list[str]:
    """Return what may be names of brain areas, each once, in order.

    Examples
    --------
    >>> _areas("CA1", "brain_region: Thalamus; brain_subregion: N/A", "unknown", "CA1")
    ['CA1', 'Thalamus']
    """
    vague = {"", "unknown", "none", "n/a", "na", "nan", "brain"}
    areas = (found[1] if (found := _REGION.search(text)) else text for text in texts)
    return list(dict.fromkeys(a for area in areas if (a := area.strip()).lower() not in vague))


def _locations(tree: Tree) -> list[str]:
    table = tree.find("/general/extracellular_ephys/electrodes/location")
    texts = table.strings() if isinstance(table, Array) and table.is_text else []
    for group in _named(tree, "/general/intracellular_ephys", "IntracellularElectrode"):
        texts.append(tree.text(group.child("location")))
    for group in _named(tree, "/general/optophysiology", "ImagingPlane"):
        texts.append(tree.text(group.child("location")))
    return _areas(*texts)


def _acquisition(tree: Tree) -> dict[str, Any]:
    return {
        "session_start": tree.text("/session_start_time"),
        "areas": _locations(tree),
    }
