"""Documents from several sources made into one, knowing where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from panneuro.core.errors import DocumentError
from panneuro.documents.envelope import Documents, read
from panneuro.documents.findings import Finding, Severity, flag
from panneuro.documents.paths import join_path
from panneuro.documents.vocabularies import Tables

Source = Literal["lab", "template", "reader", "user"]
"""Who said it: the lake's defaults, a rig's template, the recording's own files, a person."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says.

    Parameters
    ----------
    source : Source
        Who says it.
    values : Mapping or Documents
        What it says: documents, usually incomplete.
    """

    source: Source
    values: Mapping[str, Any] | Documents


@dataclass(frozen=True)
class Merged:
    """Documents made of several layers.

    Parameters
    ----------
    documents : Documents
        The result.
    provenance : Mapping
        Field path -> who said the value that stands there.
    findings : list of Finding
        Where sources contradicted each other.
    """

    documents: Documents
    provenance: Mapping[str, Source] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def merge(base: Layer, *overrides: Layer, vocabularies: Tables | None = None) -> Merged:
    """Lay documents over each other; what is said later stands.

    Objects are merged field by field, and lists of named things (devices, streams, epochs) thing by
    thing; any other value replaces what was there. The usual order is lab, template, reader, user.

    Parameters
    ----------
    base, *overrides : Layer
        From weakest to strongest.
    vocabularies : Mapping, optional
        A lab's own words.

    Returns
    -------
    Merged
        A person who contradicts the recording is followed, and told (``should``); a recording that
        contradicts a template is followed, and told (``tip``).

    Raises
    ------
    DocumentError
        If a layer is not made of documents; the message says which.

    Examples
    --------
    >>> merged = merge(
    ...     Layer("reader", {"subject": {"id": "7", "species": "mouse"}}),
    ...     Layer("user", {"subject": {"id": "mouse-7"}}),
    ... )
    >>> merged.documents.subject.id, merged.provenance["subject.species"]
    ('mouse-7', 'reader')
    >>> [finding.code for finding in merged.findings]
    ['contradicts-recording']
    """
    work = _Work()
    for layer in (base, *overrides):
        values = _said(layer, vocabularies)
        work.result = work.lay(work.result, values, "", layer.source)
    documents = read(work.result, vocabularies=vocabularies)
    return Merged(documents, work.provenance, work.findings)


def _said(layer: Layer, vocabularies: Tables | None) -> dict[str, Any]:
    """Return only what a layer says itself, in the one spelling that terms and times have."""
    try:
        documents = read(layer.values, vocabularies=vocabularies)
    except DocumentError as error:
        raise DocumentError(f"from the {layer.source}: {error.message}", hint=error.hint) from error
    said: dict[str, Any] = documents.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {kind: slot for kind, slot in said.items() if slot.keys() - {"schema"}}


class _Work:
    """The state of one merge."""

    def __init__(self) -> None:
        self.result: Any = {}
        self.provenance: dict[str, Source] = {}
        self.findings: list[Finding] = []

    def lay(self, below: Any, above: Any, path: str, source: Source) -> Any:
        if _is_plain_object(above) and (below is None or _is_plain_object(below)):
            return self._object(below or {}, above, path, source)
        if _is_named_list(above) and (not below or _is_named_list(below)):
            return self._named(below or [], above, path, source)
        return self._value(below, above, path, source)

    def _object(self, below: Any, above: Any, path: str, source: Source) -> dict[str, Any]:
        result = dict(below)
        said = (
            above
            if _is_extension(path)
            else {k: v for k, v in above.items() if v not in (None, [])}
        )
        for key, value in said.items():
            inner = join_path(path, key) if path else key
            result[key] = self.lay(result.get(key), value, inner, source)
        return result

    def _named(self, below: Any, above: Any, path: str, source: Source) -> list[Any]:
        result = {item["name"]: item for item in below}
        for item in above:
            name = item["name"]
            result[name] = self.lay(result.get(name), item, join_path(path, name), source)
        return list(result.values())

    def _value(self, below: Any, above: Any, path: str, source: Source) -> Any:
        if _is_term(below) and _is_term(above) and below["label"] == above["label"]:
            above = {**below, **{key: value for key, value in above.items() if value is not None}}
        elif below is not None and below != above and not path.endswith(".schema"):
            self.findings += _contradiction(path, below, above, self.provenance.get(path), source)
        if not path.endswith(".schema"):
            self.provenance[path] = source
        return above


def _is_extension(path: str) -> bool:
    """Say whether a path is in a lab's own block, where even an empty value is the lab's."""
    return ".extensions" in path


def _is_term(value: Any) -> bool:
    return isinstance(value, dict) and "label" in value


def _is_plain_object(value: Any) -> bool:
    return isinstance(value, dict) and not _is_term(value)


def _is_named_list(value: Any) -> bool:
    """Tell a list of things with names, each its own, from any other value."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return False
    names = [item.get("name") for item in value]
    return bool(names) and None not in names and len(set(names)) == len(names)


def _contradiction(
    path: str, below: Any, above: Any, said_by: Source | None, source: Source
) -> Iterator[Finding]:
    if said_by == "reader" and source == "user":
        yield Finding(
            Severity.SHOULD,
            path,
            "contradicts-recording",
            f"the recording says {_plain(below)}; what you gave is used",
            _plain(above),
            "leave it out to use what the recording says",
        )
    if said_by in ("lab", "template") and source == "reader":
        yield Finding(
            Severity.TIP,
            path,
            "contradicts-template",
            f"the {said_by} says {_plain(below)}; what the recording says is used",
            _plain(above),
            f"correct the {said_by}, or: {flag(path, 'VALUE')}",
        )


def _plain(value: Any) -> str:
    said = value if isinstance(value, list) else [value]
    text = ", ".join(_quoted(one["label"] if _is_term(one) else one) for one in said)
    return text if len(text) <= 80 else text[:79] + "…"


def _quoted(one: Any) -> str:
    return repr(one[:76] + "…") if isinstance(one, str) and len(one) > 76 else repr(one)
