"""Metadata records of the Allen Institute for Neural Dynamics, read as they are.

Both generations are read from plain JSON, without their package and without a network: version 1
(``session``, ``rig``) and version 2 (``acquisition``, ``instrument``). What our documents have no
field for stays in the record; its name and address are kept under ``description.extensions.aind``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from panneuro.core.errors import DocumentError
from panneuro.documents.envelope import Documents, read
from panneuro.documents.names import parse_name

_DEVICE_LISTS = (
    "daqs",
    "cameras",
    "light_sources",
    "lenses",
    "detectors",
    "filters",
    "stimulus_devices",
    "additional_devices",
    "fiber_assemblies",
    "patch_cords",
    "digital_micromirror_devices",
    "objectives",
    "scanning_stages",
    "motorized_stages",
    "components",
)
_V1_STREAM_DEVICES = ("daq_names", "camera_names")
_STATUS = {"pass": "pass", "fail": "fail", "pending": "pending"}


def from_aind(record: Mapping[str, Any]) -> Documents:
    """Return the documents of an AIND metadata record.

    Parameters
    ----------
    record : Mapping
        A ``metadata.nd.json`` of version 1 or 2, whole or with only some of its parts.

    Returns
    -------
    Documents
        Times as the record states them: where it states none of a zone, neither do they.

    Raises
    ------
    DocumentError
        If the record is not an object, or a value in it cannot be what its place says.

    Examples
    --------
    >>> documents = from_aind({"subject": {"subject_id": "625463", "sex": "Male"}})
    >>> documents.subject.id, documents.subject.sex.label
    ('625463', 'male')
    """
    if not isinstance(record, Mapping):
        raise DocumentError(f"reading an AIND record: found {type(record).__name__}, not an object")
    session = _part(record, "acquisition") or _part(record, "session")
    rig = _part(record, "instrument") or _part(record, "rig")
    try:
        return read(
            {
                "description": _description(record, session),
                "subject": _subject(record, session),
                "procedures": _procedures(_part(record, "procedures")),
                "instrument": _instrument(rig),
                "acquisition": _acquisition(session),
                "processing": {"runs": list(_runs(_part(record, "processing")))},
                "quality": {"evaluations": list(_evaluations(_part(record, "quality_control")))},
            }
        )
    except DocumentError as error:
        raise DocumentError(f"reading an AIND record: {error.message}", hint=error.hint) from error


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or of an object that stands where a list may."""
    if isinstance(value, Mapping):
        return [value]
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value))) or None
    usable = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return str(value).strip() or None if usable else None


def _term(value: Any) -> dict[str, str] | None:
    """Return a term from a name or from an object with a name and a registry."""
    if not isinstance(value, Mapping):
        text = _text(value)
        return {"label": text} if text else None
    label = _text(value.get("name")) or _text(value.get("abbreviation"))
    if label is None:
        return None
    id_ = _identifier(value)
    return {"label": label, "id": id_} if id_ else {"label": label}


def _identifier(value: Mapping[str, Any]) -> str | None:
    id_, registry = _text(value.get("registry_identifier")), value.get("registry")
    named = registry.values() if isinstance(registry, Mapping) else [registry]
    names = " ".join(str(name) for name in named)
    if id_ is None:
        return None
    if id_.startswith("NCBI:txid"):
        return id_.replace("NCBI:txid", "NCBITaxon:", 1)
    for short, written in (("ROR", "ROR"), ("ORCID", "ORCID"), ("NCBITaxon", "NCBI")):
        if written in names:
            return id_ if ":" in id_ else f"{short}:{id_}"
    return id_ if ":" in id_ else None


def _terms(values: Any) -> list[dict[str, str]]:
    listed = values if isinstance(values, list) else [values]
    return [term for value in listed if (term := _term(value)) is not None]


def _modality(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return _text(value.get("abbreviation")) or _text(value.get("name"))
    return _text(value)


def _modalities(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(name for one in listed if (name := _modality(one))))


def _description(record: Mapping[str, Any], session: Mapping[str, Any]) -> dict[str, Any]:
    given = _part(record, "data_description")
    name = _text(record.get("name")) or _text(given.get("name"))
    derived = given.get("data_level") in ("derived", "simulated")
    people = given.get("investigators") or session.get("experimenters")
    return {
        "name": name,
        "kind": "derived" if derived else "raw",
        "title": _text(session.get("session_description")) or _title(session, given),
        "summary": _text(given.get("data_summary")),
        "modalities": _modalities(given.get("modalities") or given.get("modality")),
        "lab": _term(given.get("group")),
        "institution": _term(given.get("institution")),
        "project": _term(given.get("project_name")),
        "experimenters": _terms(people or session.get("experimenter_full_name")),
        "keywords": [text for tag in given.get("tags") or [] if (text := _text(tag))],
        "funding": [
            {"funder": funder, "grant": _text(item.get("grant_number"))}
            for item in _items(given.get("funding_source"))
            if (funder := _term(item.get("funder"))) is not None
        ],
        "licence": _text(given.get("license")),
        "parents": _parents(given, name if derived else None),
        "ethics": _text(session.get("ethics_review_id")) or _text(session.get("iacuc_protocol")),
        "extensions": _origin(record),
    }


def _title(session: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    kind = session.get("acquisition_type") or session.get("session_type")
    return _text(kind) or _text(given.get("project_name"))


def _parents(given: Mapping[str, Any], name: str | None) -> list[str]:
    stated = given.get("source_data") or given.get("input_data_name")
    listed = stated if isinstance(stated, list) else [stated]
    parents = [text for one in listed if (text := _text(one))]
    process = parse_name(name).process if name else None
    if not parents and name and process:
        return [name.partition(f"_{process}")[0]]
    return parents


def _origin(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: _text(record.get(key)) for key in ("_id", "location", "schema_version")}
    return {"aind": {key.strip("_"): value for key, value in kept.items() if value}}


def _subject(record: Mapping[str, Any], session: Mapping[str, Any]) -> dict[str, Any]:
    outer = _part(record, "subject")
    given = {**outer, **_part(outer, "subject_details")}
    about = _part(session, "subject_details")
    weight = about.get("animal_weight_prior", session.get("animal_weight_prior"))
    strain = given.get("strain") or given.get("background_strain")
    stated = (outer, session, _part(record, "data_description"), _part(record, "procedures"))
    return {
        "id": next((id_ for part in stated if (id_ := _text(part.get("subject_id")))), None),
        "species": _term(given.get("species")),
        "sex": _text(given.get("sex")),
        "date_of_birth": _text(given.get("date_of_birth")),
        "strain": _term(strain),
        "genotype": _text(given.get("genotype")),
        "weight_g": _positive(weight),
        "description": _text(given.get("notes")),
    }


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e8 else None


def _procedures(given: Mapping[str, Any]) -> dict[str, Any]:
    surgeries: list[dict[str, Any]] = []
    injections: list[dict[str, Any]] = []
    protocols: list[str | None] = []
    for surgery in _items(given.get("subject_procedures")):
        day = _text(surgery.get("start_date"))
        protocols.append(_text(surgery.get("protocol_id")))
        for one in _items(surgery.get("procedures")) or [surgery]:
            procedure = _procedure(one, day)
            target = injections if "injection" in procedure["kind"].lower() else surgeries
            target.append(procedure)
    return {
        "surgeries": surgeries,
        "injections": injections,
        "protocol": "; ".join(dict.fromkeys(filter(None, protocols))) or None,
    }


def _procedure(given: Mapping[str, Any], day: str | None) -> dict[str, Any]:
    kind = _text(given.get("procedure_type")) or _text(given.get("object_type")) or "procedure"
    area = given.get("targeted_structure")
    if isinstance(area, Mapping):
        area = area.get("acronym") or area.get("name")
    materials = _items(given.get("injection_materials"))
    names = filter(None, (_text(one.get("name")) for one in materials))
    return {
        "kind": kind,
        "when": _text(given.get("start_date")) or day,
        "areas": _terms(area) if area else [],
        "material": _term("; ".join(names)),
        "description": _text(given.get("notes")),
    }


def _instrument(rig: Mapping[str, Any]) -> dict[str, Any]:
    devices = [one for key in _DEVICE_LISTS for one in _items(rig.get(key))]
    found: dict[str, dict[str, Any]] = {}
    probes: dict[str, dict[str, Any]] = {}
    for device in (one for outer in devices for one in _with_parts(outer)):
        entry = _device(device)
        if entry is not None:
            target = probes if "probe" in str(entry["kind"]).lower() else found
            target.setdefault(entry["name"], entry)
    for assembly in _items(rig.get("ephys_assemblies")):
        for probe in _items(assembly.get("probes")):
            entry = _device({"object_type": "Ephys probe", **probe})
            if entry is not None:
                probes.setdefault(entry["name"], entry)
    return {
        "id": _text(rig.get("instrument_id")) or _text(rig.get("rig_id")),
        "devices": [entry for name, entry in found.items() if name not in probes],
        "probes": list(probes.values()),
    }


def _with_parts(device: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a device and, where it is an assembly, the devices it is made of."""
    yield device
    for key in ("probes", "camera", "lens", "manipulator"):
        yield from _items(device.get(key))


def _device(given: Mapping[str, Any]) -> dict[str, Any] | None:
    name = _text(given.get("name"))
    if name is None:
        return None
    kind = given.get("object_type") or given.get("device_type")
    model = given.get("probe_model") or given.get("model")
    return {
        "name": name,
        "kind": _text(kind),
        "manufacturer": _term(given.get("manufacturer")),
        "model": _term(model),
        "serial": _text(given.get("serial_number")),
    }


def _acquisition(session: Mapping[str, Any]) -> dict[str, Any]:
    start = _either(session, "acquisition_start_time", "session_start_time")
    origin = _moment(start)
    streams = _items(session.get("data_streams"))
    epochs = _items(session.get("stimulus_epochs"))
    return {
        "session_start": start,
        "session_stop": _either(session, "acquisition_end_time", "session_end_time"),
        "task": _term(session.get("session_type") or session.get("acquisition_type")),
        "protocol": _text(session.get("protocol_id")),
        "stimulus_notes": _text([one.get("notes") for one in epochs]),
        "areas": _terms(list(dict.fromkeys(_areas(streams)))),
        "streams": [
            _stream(stream, modality, number, origin)
            for number, stream in enumerate(streams)
            for modality in _modalities(stream.get("modalities") or stream.get("stream_modalities"))
        ],
        "epochs": [_epoch(epoch, number, origin) for number, epoch in enumerate(epochs)],
    }


def _either(values: Mapping[str, Any], *names: str) -> str | None:
    return next((text for name in names if (text := _text(values.get(name)))), None)


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _since(origin: datetime | None, text: str | None) -> float | None:
    moment = _moment(text)
    if origin is None or moment is None or (origin.tzinfo is None) != (moment.tzinfo is None):
        return None
    return (moment - origin).total_seconds()


def _stream(
    given: Mapping[str, Any], modality: str, number: int, origin: datetime | None
) -> dict[str, Any]:
    return {
        "name": f"{modality}-{number}",
        "modality": modality,
        "start_s": _since(origin, _text(given.get("stream_start_time"))),
        "stop_s": _since(origin, _text(given.get("stream_end_time"))),
    }


def _epoch(given: Mapping[str, Any], number: int, origin: datetime | None) -> dict[str, Any]:
    return {
        "name": f"{_text(given.get('stimulus_name')) or 'stimulus'}-{number}",
        "start_s": _since(origin, _text(given.get("stimulus_start_time"))),
        "stop_s": _since(origin, _text(given.get("stimulus_end_time"))),
        "description": _text(given.get("notes")),
    }


def _areas(streams: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the acronyms of the structures that probes and fields of view were aimed at."""
    for stream in streams:
        modules = _items(stream.get("ephys_modules")) + _items(stream.get("ophys_fovs"))
        for outer in _items(stream.get("configurations")):
            modules += [outer, *_items(outer.get("probes")), *_items(outer.get("images"))]
        for module in modules:
            area = module.get("primary_targeted_structure") or module.get("targeted_structure")
            named = area.get("acronym") if isinstance(area, Mapping) else area
            text = _text(named)
            if text and text.lower() not in ("none", "unknown"):
                yield text


def _runs(processing: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    inner = _part(processing, "processing_pipeline") or processing
    for process in _items(inner.get("data_processes")):
        code = _part(process, "code")
        step = _text(process.get("name")) or _text(process.get("process_type")) or "processing"
        parameters = code.get("parameters") or process.get("parameters")
        yield {
            "step": step,
            "version": _text(code.get("version")) or _text(process.get("software_version")),
            "code": _text(code.get("url")) or _text(process.get("code_url")),
            "when": _either(process, "end_date_time", "start_date_time"),
            "parameters": dict(parameters) if isinstance(parameters, Mapping) else {},
        }


def _evaluations(quality: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one evaluation per metric: version 1 groups them by evaluation, version 2 does not."""
    for metric in _items(quality.get("metrics")):
        yield _evaluation(metric, "")
    for evaluation in _items(quality.get("evaluations")):
        group = _text(evaluation.get("name")) or ""
        for metric in _items(evaluation.get("metrics")):
            yield _evaluation(metric, f"{group}: " if group else "")


def _evaluation(metric: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {
        "name": f"{group}{_text(metric.get('name')) or 'metric'}",
        "description": _text(metric.get("description")),
        "history": [
            {
                "status": _STATUS.get(str(one.get("status")).lower(), "pending"),
                "author": _term(one.get("evaluator")),
                "when": _text(one.get("timestamp")),
            }
            for one in _items(metric.get("status_history"))
        ],
    }
