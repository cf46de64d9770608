"""A lab's own fields, checked against schemas that travel with the lake.

Nothing is ever fetched: a ``$ref`` that leads out of the schema is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable

from panneuro.documents.envelope import Documents
from panneuro.documents.findings import Finding, Severity, flag
from panneuro.documents.paths import join_path

Schemas = Mapping[str, Mapping[str, Any]]
"""Namespace, or ``namespace/slot``, -> JSON Schema of the lab's block."""

_MAX_PROBLEMS = 20


def extension_findings(documents: Documents, schemas: Schemas) -> list[Finding]:
    """Check every extension block whose namespace has a schema; leave the others untouched.

    Parameters
    ----------
    documents : Documents
        The documents.
    schemas : Mapping
        JSON Schemas by namespace (``smithlab``, for blocks of any slot) or by namespace and slot
        (``smithlab/subject``), of which the second wins.
    """
    return [
        finding
        for kind, slot in documents.slots()
        for namespace, block in slot.extensions.items()
        if (schema := schemas.get(f"{namespace}/{kind}", schemas.get(namespace))) is not None
        for finding in _check(join_path(kind, "extensions", namespace), block, schema)
    ]


def _check(path: str, block: Any, schema: Mapping[str, Any]) -> list[Finding]:
    try:
        return list(_problems(path, block, schema))
    except (jsonschema.SchemaError, Unresolvable, RecursionError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [
            Finding(
                Severity.ERROR,
                path,
                "extension-schema",
                f"the lake's schema for this block cannot be used: {reason[:200]}",
                fix="correct the schema; only references inside it are followed",
            )
        ]


def _problems(path: str, block: Any, schema: Mapping[str, Any]) -> Iterator[Finding]:
    whole = dict(schema)
    jsonschema.Draft202012Validator.check_schema(whole)
    validator = jsonschema.Draft202012Validator(whole, registry=Registry())
    for number, problem in enumerate(validator.iter_errors(block)):
        if number == _MAX_PROBLEMS:
            return
        where = join_path(path, *map(str, problem.absolute_path))
        yield Finding(
            Severity.ERROR,
            where,
            "extension-invalid",
            problem.message[:300],
            repr(problem.instance)[:80],
            fix=flag(where, "VALUE"),
        )
