"""JSON Schema of the documents, for editors, other languages and other institutes."""

from __future__ import annotations

from typing import Any

from panneuro.core.errors import InputError
from panneuro.documents.envelope import Documents
from panneuro.documents.slots import SLOTS
from panneuro.documents.versions import schema_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one document kind, or of all eight together.

    Parameters
    ----------
    kind : str, optional
        ``description``, ``subject``, …; all of them if it is left out.

    Raises
    ------
    InputError
        If there is no such kind.

    Examples
    --------
    >>> json_schema("subject")["$id"]
    'panneuro/subject/1.0'
    """
    if kind is None:
        body = Documents.model_json_schema(by_alias=True)
        return {"$schema": DIALECT, "$id": "panneuro/documents/1.0", **body}
    if kind not in SLOTS:
        raise InputError(
            f"exporting a JSON Schema: there is no document kind {kind!r}",
            hint=f"kinds are: {', '.join(SLOTS)}",
        )
    body = SLOTS[kind].model_json_schema(by_alias=True)
    return {"$schema": DIALECT, "$id": schema_of(kind), **body}
