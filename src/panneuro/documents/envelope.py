"""The eight documents of one asset, read from and written to JSON."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError

from panneuro.core.errors import DocumentError, LimitError
from panneuro.documents import atlas
from panneuro.documents.mapping import mapping
from panneuro.documents.paths import split_path
from panneuro.documents.slots import (
    SLOTS,
    Access,
    Acquisition,
    Description,
    Instrument,
    Procedures,
    Processing,
    Quality,
    Slot,
    Subject,
)
from panneuro.documents.terms import Term, Value
from panneuro.documents.versions import CURRENT, parse_schema, schema_of, upgrade
from panneuro.documents.vocabularies import Tables

MAX_BYTES = 32 << 20
"""The longest JSON text that is read as documents."""
MAX_DEPTH = 60
"""How deep a document may be nested."""
MAX_VALUES = 1_000_000
"""How many values a set of documents may hold."""


class Documents(Value):
    """What is known about an asset: eight documents, any of which may still be empty.

    Examples
    --------
    >>> documents = read({"subject": {"id": "mouse-7", "species": "mouse"}})
    >>> documents.subject.species
    Term(label='Mus musculus', id='NCBITaxon:10090')
    >>> documents.get("subject.species.id")
    'NCBITaxon:10090'
    """

    description: Description = Field(default_factory=Description)
    subject: Subject = Field(default_factory=Subject)
    procedures: Procedures = Field(default_factory=Procedures)
    instrument: Instrument = Field(default_factory=Instrument)
    acquisition: Acquisition = Field(default_factory=Acquisition)
    processing: Processing = Field(default_factory=Processing)
    quality: Quality = Field(default_factory=Quality)
    access: Access = Field(default_factory=Access)

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """Yield the eight documents with their kinds, in order."""
        for kind in SLOTS:
            yield kind, getattr(self, kind)

    def get(self, path: str) -> Any:
        """Return the value at a dotted path, or None where nothing is known.

        Parameters
        ----------
        path : str
            As in ``subject.species.label``. Items of a list are chosen by name or position:
            ``instrument.probes.A.model``.

        Raises
        ------
        DocumentError
            If the path names a field that no document has.
        """
        value: Any = self
        for part in split_path(path):
            value = _step_into(value, part, path)
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the documents as JSON values, without what is empty."""
        whole = self.model_dump(mode="json", by_alias=True)
        slots = {kind: _without_empty(slot, whole[kind]) for kind, slot in self.slots()}
        return {kind: slot for kind, slot in slots.items() if slot.keys() - {"schema"}}

    def to_json(self) -> str:
        """Return the documents as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def replacing(self, **slots: Slot) -> Self:
        """Return a copy with some of the eight documents replaced."""
        return self.model_copy(update=slots)


def _step_into(value: Any, part: str, path: str) -> Any:
    if value is None:
        return None
    if isinstance(value, BaseModel):
        field = "schema_" if part == "schema" else part
        if field in type(value).model_fields:
            return getattr(value, field)
        raise unknown_field(path, part, type(value))
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, tuple):
        named = {getattr(item, "name", None): item for item in value}
        positions = {str(index): item for index, item in enumerate(value)}
        return named.get(part, positions.get(part))
    return None


def unknown_field(path: str, part: str, model: type[BaseModel]) -> DocumentError:
    """Return the error for a field that does not exist, with the nearest that does."""
    names = [name.rstrip("_") for name in model.model_fields]
    near = _called_elsewhere(path) or difflib.get_close_matches(part, names, n=3, cutoff=0.5)
    return DocumentError(
        f"looking for the field {_short(path)}: there is no {_short(part)}",
        hint=f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else f"fields here: {', '.join(names)}",
    )


def _called_elsewhere(path: str) -> list[str]:
    """Return the fields of a document that another standard calls by the name in a path."""
    slot, _, field = path.partition(".")
    return [
        ours
        for known in mapping()
        for kind, _, ours in [known.path.partition(".")]
        if kind == slot and field in known.words
    ]


def _without_empty(value: Any, dumped: Any) -> Any:
    """Leave out fields that hold nothing; free blocks and unknown fields stay as they are."""
    if isinstance(value, tuple):
        return [_without_empty(item, inner) for item, inner in zip(value, dumped, strict=True)]
    if not isinstance(value, Value):
        return dumped
    result = {}
    for name, field in type(value).model_fields.items():
        item, key = getattr(value, name), field.alias or name
        if item not in (None, (), {}):
            result[key] = _without_empty(item, dumped[key])
    return result | {name: dumped[name] for name in value.model_extra or {}}


def read(data: Any, *, vocabularies: Tables | None = None) -> Documents:
    """Read documents from JSON text or JSON values, upgrading what is old.

    Parameters
    ----------
    data : str, bytes, Mapping or Documents
        An object with any of the eight slots. A slot without a ``schema``, as a person writes it,
        is taken to be of today's version.
    vocabularies : Mapping, optional
        A lab's own words, as in ``{"species": {"Mus pahari": "NCBITaxon:10093"}}``.

    Returns
    -------
    Documents
        With terms completed from the vocabularies.

    Raises
    ------
    DocumentError
        If anything in it is not what its field holds; the message lists every such field.
    LimitError
        If it is larger than `MAX_BYTES`, deeper than `MAX_DEPTH` or longer than `MAX_VALUES`.
    """
    if isinstance(data, Documents):
        return data
    value = parse_json(data) if isinstance(data, (str, bytes)) else data
    if not isinstance(value, Mapping):
        raise DocumentError(
            f"reading documents: found {type(value).__name__} {_short(value)}, not an object",
            hint=f"write an object with any of: {', '.join(SLOTS)}",
        )
    refuse_unbounded(value)
    upgraded = {str(kind): _upgraded(str(kind), slot) for kind, slot in value.items()}
    try:
        documents = Documents.model_validate(upgraded, context={"vocabularies": vocabularies or {}})
    except ValidationError as error:
        raise _all_problems(error) from error
    _refuse_unknown(documents)
    return _with_atlas_ids(documents)


def parse_json(text: str | bytes) -> Any:
    """Parse JSON text, refusing what is too large, NaN and infinities."""
    if len(text) > MAX_BYTES:
        raise LimitError(f"reading documents: {len(text):,} bytes, more than {MAX_BYTES:,}")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"reading documents: not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def refuse_unbounded(value: Any) -> None:
    """Refuse values that are too deep, too many, not finite or not JSON.

    Raises
    ------
    DocumentError
        For NaN, infinities and keys that are not text.
    LimitError
        For too much of it.
    """
    level, depth, count = [value], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_VALUES:
            raise LimitError(
                f"reading documents: nested deeper than {MAX_DEPTH} or more than "
                f"{MAX_VALUES:,} values"
            )
        level = [child for item in level for child in _children(item)]


def _children(item: Any) -> Iterator[Any]:
    if isinstance(item, float) and not math.isfinite(item):
        raise DocumentError(f"reading documents: {item!r} is not a finite number")
    if isinstance(item, Mapping):
        if not all(isinstance(key, str) for key in item):
            raise DocumentError("reading documents: a key is not text")
        yield from item.values()
    elif isinstance(item, (list, tuple)):
        yield from item


def _upgraded(kind: str, slot: Any) -> Any:
    if not isinstance(slot, Mapping):
        return slot
    if kind not in CURRENT:
        return dict(slot)
    label = slot.get("schema") or schema_of(kind)
    if parse_schema(label)[0] != kind:
        raise DocumentError(f"reading the {kind} document: its schema is {label!r}")
    return upgrade({**slot, "schema": label})


def _all_problems(error: ValidationError) -> DocumentError:
    lines = [
        f"{'.'.join(map(str, one['loc'])) or 'documents'}: {_plain(one['msg'])}, "
        f"found {_short(one['input'])}"
        for one in error.errors(include_url=False, include_context=False)
    ]
    shown = lines[:20] + ([f"… and {len(lines) - 20} more"] if len(lines) > 20 else [])
    return DocumentError("reading documents:\n  " + "\n  ".join(shown))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input should be ").rstrip(".")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _refuse_unknown(documents: Documents) -> None:
    """Refuse fields nobody knows, unless the document says it is newer than this release."""
    if documents.model_extra:
        part = next(iter(documents.model_extra))
        raise unknown_field(part, part, Documents)
    for kind, slot in documents.slots():
        if parse_schema(slot.schema_)[1] > CURRENT[kind]:
            continue
        for path, part, model in unknown_fields(slot, kind):
            raise unknown_field(path, part, model)


def unknown_fields(value: Any, path: str) -> Iterator[tuple[str, str, type[BaseModel]]]:
    """Yield the path, name and owner of every field that the models do not have."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from unknown_fields(item, f"{path}.{index}")
    if isinstance(value, Value):
        for name in value.model_extra or {}:
            yield f"{path}.{name}", name, type(value)
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{path}.{name}")


def _with_atlas_ids(documents: Documents) -> Documents:
    """Give areas of the mouse brain their atlas identifiers."""
    species = documents.subject.species
    areas = documents.acquisition.areas
    if not areas or species is None or species.id != "NCBITaxon:10090":
        return documents
    known = tuple(_with_atlas_id(area) for area in areas)
    return documents.replacing(
        acquisition=documents.acquisition.model_copy(update={"areas": known})
    )


def _with_atlas_id(area: Term) -> Term:
    structure = atlas.find(area.label) if area.id is None else None
    if structure is None:
        return area
    return Term(label=structure.acronym, id=f"MBA:{structure.id}")
