"""Write docs/reference/http.md anew from the portal's own doors.

Usage: ``python scripts/http_reference.py``. A test keeps the page in step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panneuro
from panneuro.portal.app import doors_of
from panneuro.portal.openapi import document_of

PAGE = Path(__file__).parents[1] / "docs/reference/http.md"

INTRODUCTION = """\
# HTTP

What `panneuro serve` answers. This page is written by `scripts/http_reference.py` from the routes
themselves, and so is the OpenAPI document at `/openapi.json`.

- Every page is also data: `Accept: application/json`, or `?format=json`; a browser gets HTML.
- `NAME` is an asset's latest version, `NAME@VERSION` a certain one, whose answers never change and
  are cached for ever. Every answer about an asset has an `ETag`.
- Files and `/store/…` answer ranges of bytes. Where the store can, a large object is answered by a
  redirection to a link that holds for fifteen minutes.
- Programs sign in with `Authorization: Bearer TOKEN`. What is not for them is not there: `404`. To
  change anything takes a token or a session: `401`.
- What went wrong is a `application/problem+json` document: `type`, `title`, `status`, `detail`,
  `hint`, and `code`, one of the stable codes of [errors](errors.md).
- `panneuro.open("https://lake.example/store")` opens a served lake like any other.

What is posted is a form or a JSON object; a browser's must come from the server's own pages.
"""


def page() -> str:
    """Return the text of the page."""
    lake = panneuro.open("memory://http-reference", create=True)
    document = document_of(doors_of(lake))
    sections = [
        _section(method, path, said)
        for path, operations in sorted(document["paths"].items())
        for method, said in operations.items()
    ]
    return "\n".join([INTRODUCTION, *sections])


def _section(method: str, path: str, said: dict[str, Any]) -> str:
    lines = [f"## `{method.upper()} {path}`", "", f"{said['summary']}."]
    if said["description"]:
        lines += ["", said["description"]]
    asked = [_row(one["name"], one["schema"], one["description"]) for one in _queried(said)]
    asked += [
        _row(name, schema, schema.get("description", "")) for name, schema in _posted(said).items()
    ]
    if asked:
        lines += ["", "| asked | | |", "|---|---|---|", *asked]
    answered = next(iter(said["responses"].values()))
    media = ", ".join(f"`{one}`" for one in answered["content"])
    return "\n".join([*lines, "", f"Answers in {media}.", ""])


def _queried(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in said["parameters"] if one["in"] == "query"]


def _posted(said: dict[str, Any]) -> dict[str, Any]:
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {})
    properties: dict[str, Any] = body.get("schema", {}).get("properties", {})
    return properties


def _row(name: str, schema: dict[str, Any], about: str) -> str:
    kinds = [one.get("type") for one in schema.get("anyOf", [schema])]
    kind = next((one for one in kinds if one and one != "null"), "")
    usual = schema.get("default")
    told = f"{kind}, `{usual}` if not said" if usual not in (None, "") else kind
    return f"| `{name}` | {told} | {about.replace('|', ' or ')} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
