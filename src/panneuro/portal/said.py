"""What is said of assets and signals, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from panneuro.portal.pages import in_figures


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field of documents by its path, as text.

    Examples
    --------
    >>> dict(flat({"subject": {"id": "m1", "species": {"label": "Mus musculus"}}}))
    {'subject.id': 'm1', 'subject.species': 'Mus musculus'}
    """
    for key, value in values.items():
        if isinstance(value, Mapping) and "label" not in value:
            yield from flat(value, f"{prefix}{key}.")
        elif key != "schema" and value not in (None, "", []):
            yield f"{prefix}{key}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        label = value.get("label") or value.get("name")
        return str(label) if label else "; ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return str(value)


def size_of(said: Mapping[str, Any]) -> str:
    """Return how large a signal is.

    Parameters
    ----------
    said : mapping
        What the manifest says of it.

    Examples
    --------
    >>> size_of({"kind": "events", "units": 12, "events": 3400, "path": "units"})
    '12 units, 3\\u202f400 events'
    >>> size_of({"kind": "table", "rows": 1})
    '1 row'
    """
    match said["kind"]:
        case "timeseries":
            return " × ".join(map(in_figures, said["shape"]))
        case "events":
            events = _some(said["events"], "event")
            if not are_units(said):
                return f"{events} of {_some(said['units'], 'kind')}"
            return f"{_some(said['units'], 'unit')}, {events}"
        case "frames":
            return " × ".join([in_figures(said["frames"]), *map(in_figures, said["shape"])])
    return _some(said["rows"], "row")


def are_units(said: Mapping[str, Any]) -> bool:
    """Tell whether events are spikes of units, and not of what is stamped besides: lines, licks."""
    return said["kind"] == "events" and not said["path"].startswith("processing/events/")


def unit_of(said: Mapping[str, Any]) -> str:
    """Return in what a signal is measured; empty where that is not told.

    Examples
    --------
    >>> unit_of({"unit": "volts"}), unit_of({"unit": "n.a."}), unit_of({})
    ('volts', '', '')
    """
    unit = str(said.get("unit") or "")
    return "" if unit.lower() in ("unknown", "n.a.", "n/a") else unit


def _some(count: int, what: str) -> str:
    return f"{in_figures(count)} {what}{'' if count == 1 else 's'}"
