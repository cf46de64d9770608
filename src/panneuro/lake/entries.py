"""What the index is told of an asset, from its ``asset.json`` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from panneuro.core.digests import digest_bytes
from panneuro.core.entry import Entry, Value
from panneuro.core.errors import CorruptionError
from panneuro.core.manifest import Manifest
from panneuro.documents import atlas
from panneuro.documents.ages import age_days
from panneuro.lake.wording import synonyms


def entry_of(manifest: Manifest) -> Entry:
    """Return the index's entry of a version.

    Raises
    ------
    CorruptionError
        If its documents or signals are not what documents and signals are.
    """
    try:
        return _entry(manifest)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CorruptionError(
            f"the documents of {manifest.name!r}, version {manifest.version}, cannot be indexed: "
            f"{error!r}",
            hint=f"panneuro check {manifest.name}",
        ) from error


def _entry(manifest: Manifest) -> Entry:
    data = manifest.encode()
    own = [file.size for file in manifest.files if not file.key]
    return Entry(
        name=manifest.name,
        version=manifest.version,
        created=manifest.created,
        digest=digest_bytes(data),
        fields={key: value for key, value in _fields(manifest).items() if value},
        text=_text(manifest),
        doc={
            "title": manifest.documents.get("description", {}).get("title"),
            "stored_bytes": sum(own) + len(data),
            "stored_objects": len(own) + 1,
            "source_bytes": manifest.source_bytes,
            "words": _words(manifest),
        },
    )


def _fields(manifest: Manifest) -> dict[str, Value | None]:
    documents = manifest.documents
    description = documents.get("description", {})
    subject = documents.get("subject", {})
    acquisition = documents.get("acquisition", {})
    return {
        "kind": description.get("kind", "raw"),
        "modality": _labels(description.get("modalities")),
        "subject": subject.get("id"),
        "species": _label(subject.get("species")),
        "sex": _label(subject.get("sex")),
        "strain": _label(subject.get("strain")),
        "genotype": subject.get("genotype"),
        "age_days": _age_days(subject, acquisition),
        "lab": _label(description.get("lab")),
        "institution": _label(description.get("institution")),
        "project": _label(description.get("project")),
        "experimenter": _labels(description.get("experimenters")),
        "licence": _label(description.get("licence")),
        "tag": tuple(description.get("keywords") or ()),
        "protocol": acquisition.get("protocol"),
        "session": acquisition.get("session_id"),
        "date": _utc(acquisition.get("session_start")),
        "area": atlas.expand(_areas(manifest)),
        "probe": _probes(documents.get("instrument", {})),
        "format": manifest.format,
        "size_bytes": sum(file.size for file in manifest.files),
        "access": documents.get("access", {}).get("policy"),
        "embargo_until": documents.get("access", {}).get("embargo_until"),
        "quality": _quality(documents.get("quality", {})),
        "has": tuple(sorted({*_names(manifest), *_words(manifest)})),
        **_counts(manifest.signals),
        **_extensions(documents),
    }


def _counts(signals: Iterable[Mapping[str, Any]]) -> dict[str, Value | None]:
    """Return what can be counted in the signals."""
    signals = list(signals)
    series = [said for said in signals if said["kind"] == "timeseries"]
    by_name = {said["name"]: said for said in signals}
    electrical = [said for said in series if said["neurodata_type"] == "ElectricalSeries"]
    widths = [said["shape"][1] if len(said["shape"]) > 1 else 1 for said in electrical or series]
    spans = [
        said["stop_s"] - said["start_s"]
        for said in series
        if said["stop_s"] is not None and said["start_s"] is not None
    ]
    spans += [
        said["frames"] / said["rate_hz"]
        for said in signals
        if said["kind"] == "frames" and said["rate_hz"]
    ]
    # Sorted sessions hold no samples: they last from the first interval to the end of the last.
    spans = spans or [
        said["stop_s"] - said["start_s"]
        for said in signals
        if said["kind"] == "intervals" and said.get("stop_s") is not None
    ]
    return {
        "duration_s": max(spans, default=None),
        "channels": max(widths, default=None),
        "units": by_name.get("units", {}).get("units"),
        "trials": by_name.get("trials", {}).get("rows"),
    }


def _names(manifest: Manifest) -> set[str]:
    return {said["name"] for said in manifest.signals} | set(manifest.extra.get("products", {}))


def _words(manifest: Manifest) -> dict[str, list[str]]:
    """Return names of signals by further words for what they are: ``lfp``, the low bands of probes.

    A word that is itself a name stands for that alone.
    """
    words: dict[str, list[str]] = {}
    names = _names(manifest)
    for said in manifest.signals:
        kinds = {said["kind"]}
        if said["kind"] == "timeseries":
            kinds.add(said["neurodata_type"])
            if said["attributes"].get("band") == "lf" or "lfp" in said["path"].lower():
                kinds.add("lfp")
        for kind in kinds - names:
            words.setdefault(kind, []).append(said["name"])
    return dict(sorted(words.items()))


def _areas(manifest: Manifest) -> tuple[str, ...]:
    acquisition = manifest.documents.get("acquisition", {})
    instrument = manifest.documents.get("instrument", {})
    said = [*_labels(acquisition.get("areas"))]
    for probe in instrument.get("probes") or ():
        said += _labels(probe.get("areas"))
    said += manifest.extra.get("areas", ())
    return tuple(dict.fromkeys(said))


def _probes(instrument: Mapping[str, Any]) -> tuple[str, ...]:
    probes = instrument.get("probes") or ()
    return tuple(_label(probe.get("model")) or probe["name"] for probe in probes)


def _quality(quality: Mapping[str, Any]) -> str | None:
    """Return the worst of the latest judgements."""
    latest = [
        evaluation["history"][-1]["status"]
        for evaluation in quality.get("evaluations") or ()
        if evaluation.get("history")
    ]
    return next((status for status in ("fail", "pending", "pass") if status in latest), None)


def _extensions(documents: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the plain values of lab extensions, as ``extensions.<lab>.<field>``."""
    found: dict[str, Value | None] = {}
    for slot in documents.values():
        for lab, block in (slot.get("extensions") or {}).items():
            if isinstance(block, Mapping):
                for key, value in block.items():
                    if isinstance(value, (str, int, float)):
                        found[f"extensions.{lab}.{key}"] = value
    return found


def _age_days(subject: Mapping[str, Any], acquisition: Mapping[str, Any]) -> float | None:
    born, start = subject.get("date_of_birth"), acquisition.get("session_start")
    if not born or not start:
        return age_days(subject.get("age") or "")
    first = datetime.fromisoformat(born).replace(tzinfo=UTC)
    return float((datetime.fromisoformat(start).astimezone(UTC) - first).days)


def _utc(moment: str | None) -> str | None:
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat() if moment else None


def _label(term: Any) -> str | None:
    return term.get("label") if isinstance(term, Mapping) else term


def _labels(terms: Any) -> tuple[str, ...]:
    return tuple(label for term in terms or () if (label := _label(term)))


def _text(manifest: Manifest) -> str:
    """Return the words of every document and signal, for full-text search."""
    words: list[str] = []

    def gather(value: Any) -> None:
        if isinstance(value, str):
            words.append(value)
        elif isinstance(value, Mapping):
            for key, inner in sorted(value.items()):
                # Who finds an asset by its parent's name learns that the parent is there.
                if key not in ("schema", "id", "parents"):
                    gather(inner)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                gather(inner)

    gather(manifest.documents)
    species = _label(manifest.documents.get("subject", {}).get("species"))
    words += synonyms("species", species or "")
    words += [f"{said['name']} {said['description']}" for said in manifest.signals]
    return "\n".join(dict.fromkeys(words))
