"""Single fields, by dotted path: what a person types becomes a typed value in a dictionary."""

from __future__ import annotations

import copy
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from panneuro.core.errors import DocumentError, LimitError
from panneuro.documents.envelope import (
    MAX_DEPTH,
    Documents,
    parse_json,
    refuse_unbounded,
    unknown_field,
)
from panneuro.documents.paths import join_path, split_path
from panneuro.documents.slots import SLOTS
from panneuro.documents.terms import Term
from panneuro.documents.vocabularies import Tables

_COMMA_LISTS = frozenset(
    ("areas", "companions", "coordinates_mm", "keywords", "modalities", "parents", "signals")
)
"""Lists whose items hold no comma of their own; people's names do, as in ``Doe, Jane``."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a dotted path leads.

    Parameters
    ----------
    path : str
        The path.
    name : str
        Its last field; empty for a place inside `extensions`.
    annotation : type or None
        What the field holds, with its constraints; None for free JSON.
    many : bool
        Whether it is a list.
    """

    path: str
    name: str = ""
    annotation: Any = None
    many: bool = False


def field_at(path: str) -> Field:
    """Return the field at a dotted path.

    Parameters
    ----------
    path : str
        ``slot.field``, and on into values: ``instrument.probes.A.model`` is the model of the probe
        called A, ``subject.extensions.smithlab.cage`` a place in a lab's own block.

    Raises
    ------
    DocumentError
        If there is no such field; the nearest is suggested.

    Examples
    --------
    >>> field_at("description.modalities").many
    True
    """
    parts = split_path(path)
    if len(parts) > MAX_DEPTH:
        raise LimitError(f"looking for the field {path[:80]!r}…: deeper than {MAX_DEPTH}")
    model: type[BaseModel] = Documents
    position = 0
    while True:
        part = parts[position]
        info = model.model_fields.get(part)
        if info is None:
            raise unknown_field(path, part, model)
        inner, many = _content(info.annotation)
        rest = len(parts) - position - 1
        if inner is dict:
            return Field(path)
        if rest == 0:
            return Field(path, part, _whole(info), many)
        if many and rest == 1:
            return Field(path, part, _item(info.annotation))
        if not _is_model(inner):
            raise DocumentError(
                f"looking for the field {path!r}: {part!r} holds a value, with nothing inside",
                hint=f"--set {join_path(*parts[: position + 1])}=…   ({info.description})",
            )
        model = inner
        position += 2 if many else 1


def _item(annotation: Any) -> Any:
    """Return what one item of a list is, with its constraints."""
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    inner = next(one for one in get_args(annotation) if one is not types.NoneType)
    return _item(inner)


def _whole(info: FieldInfo) -> Any:
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _content(annotation: Any) -> tuple[Any, bool]:
    """Return what an annotation holds inside ``Annotated``, ``| None`` and ``tuple``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _content(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return _content(next(one for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return _content(arguments[0])[0], True
    return (origin or annotation), False


def _is_model(inner: Any) -> bool:
    return isinstance(inner, type) and issubclass(inner, BaseModel)


def set_field(
    values: Mapping[str, Any], path: str, text: str, *, vocabularies: Tables | None = None
) -> dict[str, Any]:
    """Return a copy of a dictionary of documents with one field set from text.

    Parameters
    ----------
    values : Mapping
        Documents as JSON values, possibly incomplete.
    path : str
        Where, as in `field_at`. An item of a list that is not there yet is appended.
    text : str
        What, as typed: a word, a number, a time; several separated by ``;`` (or ``,`` where items
        hold no comma); JSON for anything larger. Nothing at all empties the field.
    vocabularies : Mapping, optional
        A lab's own words.

    Raises
    ------
    DocumentError
        If there is no such field, or it cannot hold that.

    Examples
    --------
    >>> set_field({}, "subject.species", "mouse")
    {'subject': {'species': {'label': 'Mus musculus', 'id': 'NCBITaxon:10090'}}}
    >>> set_field({}, "description.modalities", "lfp, behavior")["description"]["modalities"]
    [{'label': 'lfp'}, {'label': 'behavior'}]
    """
    field = field_at(path)
    value = _typed(field, text.strip(), vocabularies) if text.strip() else None
    result = copy.deepcopy(dict(values))
    _put(result, split_path(path), value)
    return result


def empty_field(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of a dictionary of documents without one field, or one item of a list.

    Raises
    ------
    DocumentError
        If documents have no such field; that it is empty already is no error.

    Examples
    --------
    >>> empty_field({"subject": {"id": "7", "sex": "male"}}, "subject.sex")
    {'subject': {'id': '7'}}
    """
    field_at(path)
    result = copy.deepcopy(dict(values))
    *above, last = split_path(path)
    here: Any = result
    for part in above:
        here = _found(here, part)
    if _found(here, last) is not None:
        del here[_position(here, last) if isinstance(here, list) else last]
    return result


def _found(here: Any, part: str) -> Any:
    """Return what is called `part`, None where nothing is."""
    if isinstance(here, list):
        named = (item for item in here if isinstance(item, dict) and item.get("name") == part)
        numbered = here[int(part)] if part.isdecimal() and int(part) < len(here) else None
        return next(named, numbered)
    return here.get(part) if isinstance(here, dict) else None


def _typed(field: Field, text: str, vocabularies: Tables | None) -> Any:
    raw = _parsed(field, text)
    refuse_unbounded(raw)
    if field.name == "":
        return raw
    adapter = _adapter(field.path)
    try:
        value = adapter.validate_python(raw, context={"vocabularies": vocabularies or {}})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        raise DocumentError(f"setting {field.path} to {text!r}: {message}") from error
    return adapter.dump_python(value, mode="json", by_alias=True, exclude_none=True)


@lru_cache(maxsize=1000)
def _adapter(path: str) -> TypeAdapter[Any]:
    """Return what validates a field: kept, for building one is slow and tables have many cells."""
    return TypeAdapter(field_at(path).annotation)


def _parsed(field: Field, text: str) -> Any:
    """Read text as JSON where it looks like it, as items of a list where one is wanted."""
    if text[0] in "[{" or field.name == "":
        try:
            return parse_json(text)
        except DocumentError:
            if text[0] in "[{" and field.name:
                raise
            return text
    if not field.many:
        return text
    separator = "," if ";" not in text and field.name in _COMMA_LISTS else ";"
    return [item.strip() for item in text.split(separator) if item.strip()]


def _put(values: dict[str, Any], parts: list[str], value: Any) -> None:
    here: Any = values
    for part in parts[:-1]:
        here = _child(here, part)
        if not isinstance(here, (dict, list)):
            raise DocumentError(f"setting {join_path(*parts)}: at {part!r} there is {here!r}")
    last: Any = _position(here, parts[-1]) if isinstance(here, list) else parts[-1]
    if value is not None:
        here[last] = value
    elif isinstance(here, list) or last in here:
        del here[last]


def _child(here: Any, part: str) -> Any:
    if isinstance(here, list):
        return here[_position(here, part)]
    found = here.get(part)
    if isinstance(found, str) and part not in _LISTS:
        found = here[part] = {"label": found}
    if found is None:
        found = here[part] = [] if part in _LISTS else {}
    return found


def _position(items: list[Any], part: str) -> int:
    """Return the index of the item called `part`, or numbered so; append it if there is none."""
    for index, item in enumerate(items):
        if isinstance(item, dict) and item.get("name") == part:
            return index
    if part.isdecimal() and int(part) < len(items):
        return int(part)
    items.append({} if part.isdecimal() else {"name": part})
    return len(items) - 1


def _lists_of(model: type[BaseModel]) -> set[str]:
    found: set[str] = set()
    for name, info in model.model_fields.items():
        inner, many = _content(info.annotation)
        if many:
            found.add(name)
        if _is_model(inner) and inner is not Term:
            found |= _lists_of(inner)
    return found


_LISTS = frozenset(name for model in SLOTS.values() for name in _lists_of(model))


def from_person(values: Mapping[str, Any], *, vocabularies: Tables | None = None) -> dict[str, Any]:
    """Read what a person wrote in a file: slots with fields, or dotted paths, text anywhere.

    Text is read as `set_field` reads it; lists, numbers and objects are taken as they are.

    Raises
    ------
    DocumentError
        If a field does not exist or cannot hold what was written.

    Examples
    --------
    >>> from_person({"subject": {"id": "7"}, "description.keywords": "sleep, ripples"})
    {'subject': {'id': '7'}, 'description': {'keywords': ['sleep', 'ripples']}}
    """
    result: dict[str, Any] = {}
    for path, value in _flat(values):
        if isinstance(value, str) and not path.endswith(".schema"):
            result = set_field(result, path, value, vocabularies=vocabularies)
        elif value is not None:
            if not path.endswith(".schema"):
                field_at(path)
            _put(result, split_path(path), copy.deepcopy(value))
    return result


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key in SLOTS and isinstance(value, Mapping):
            pairs += [(join_path(key, name), inner) for name, inner in value.items()]
        else:
            pairs.append((key, value))
    return pairs


def as_text(value: Any) -> str:
    """Return a value the way `set_field` reads it back."""
    if isinstance(value, Term):
        return f"{value.label} <{value.id}>" if value.id else value.label
    if isinstance(value, tuple) and all(isinstance(item, (str, Term)) for item in value):
        return "; ".join(as_text(item) for item in value)
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_none=True, by_alias=True)
    if isinstance(value, (tuple, dict)):
        return json.dumps(value, default=lambda one: one.model_dump(mode="json", exclude_none=True))
    return "" if value is None else str(value)
