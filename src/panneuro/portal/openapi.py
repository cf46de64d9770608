"""The OpenAPI document, made from the doors themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from panneuro.portal.doors import MEDIA, Door
from panneuro.portal.problems import MEDIA as PROBLEM_MEDIA
from panneuro.portal.problems import Problem

_PART = re.compile(r"\{(\w+)(?::\w+)?\}")
_REFERENCE = "#/components/schemas/{model}"
_TOKEN: Mapping[str, list[str]] = {"token": []}
_SCHEMES = {"token": {"type": "http", "scheme": "bearer", "description": "panneuro token"}}


def document_of(doors: Iterable[Door], title: str = "panneuro") -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of some doors.

    Parameters
    ----------
    doors : iterable of Door
        Those that are not listed are left out.
    title : str
        Of the interface.
    """
    listed = [door for door in doors if door.listed]
    models: set[type[BaseModel]] = {Problem}
    models.update(one for door in listed for one in door.gives.values() if one)
    order: list[tuple[type[BaseModel], Any]] = [
        (model, "serialization") for model in sorted(models, key=lambda model: model.__name__)
    ]
    _, schemas = models_json_schema(order, ref_template=_REFERENCE)
    for door in listed:
        schemas["$defs"] |= _posted(door.asked).get("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("panneuro")},
        "paths": _paths(listed),
        "components": {"schemas": schemas["$defs"], "securitySchemes": _SCHEMES},
    }


def _paths(doors: Iterable[Door]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for door in doors:
        at = paths.setdefault(_PART.sub(r"{\1}", door.path), {})
        at[door.method.lower()] = _operation(door)
    return paths


def _operation(door: Door) -> dict[str, Any]:
    summary, _, rest = cleandoc(door.call.__doc__ or "").partition("\n")
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(door.path)
    ]
    return {
        "summary": summary.removesuffix("."),
        "description": rest.strip(),
        "operationId": door.call.__name__,
        **_asked(door, parts),
        "security": [{}, _TOKEN] if door.method == "GET" else [_TOKEN],
        "responses": {
            **_answers(door),
            "default": {
                "description": "what went wrong",
                "content": {PROBLEM_MEDIA: {"schema": _reference(Problem)}},
            },
        },
    }


def _answers(door: Door) -> dict[str, Any]:
    """Return how a door answers where nothing went wrong, by status."""
    given = {"description": "as asked for", "content": _contents(door.gives)}
    if door.method != "GET":
        page = {"description": "a browser is sent to the page that shows it"}
        return {str(door.status): given, **({"303": page} if "html" in door.gives else {})}
    known = {"304": {"description": "it is what the client has"}}
    if "html" in door.gives:
        known["303"] = {"description": "at an address that says the same in fewer words"}
    if door.squeezed:
        return {"200": given, **known}
    link = {"307": {"description": "at a link of the store that holds for fifteen minutes"}}
    return {"200": given, "206": {**given, "description": "the bytes asked for"}, **known, **link}


def _asked(door: Door, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is asked: in the address, or posted."""
    if door.method == "GET":
        return {"parameters": [*parts, *_parameters(door.asked)]}
    if door.method == "PUT":
        content = {MEDIA["binary"]: {"schema": {"type": "string", "format": "binary"}}}
        body = {"required": True, "content": content}
        return {"parameters": [*parts, *_parameters(door.asked)], "requestBody": body}
    schema = {name: said for name, said in _posted(door.asked).items() if name != "$defs"}
    forms = ("application/json", "application/x-www-form-urlencoded")
    body = {"required": True, "content": {form: {"schema": schema} for form in forms}}
    return {"parameters": parts, "requestBody": body}


def _posted(asked: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what is posted."""
    return asked.model_json_schema(ref_template=_REFERENCE)


def _parameters(asked: type[BaseModel]) -> list[dict[str, Any]]:
    schema = asked.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": said.pop("description", ""),
            "schema": said,
        }
        for name, said in schema.get("properties", {}).items()
    ]


def _contents(gives: Mapping[str, type[BaseModel] | None]) -> dict[str, Any]:
    return {
        MEDIA[form]: {"schema": _reference(model) if model else _plain(MEDIA[form])}
        for form, model in gives.items()
    }


def _plain(media: str) -> dict[str, str]:
    """Return the schema of what has no model: text or bytes, or JSON that others define."""
    return {} if media.endswith("json") else {"type": "string"}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
