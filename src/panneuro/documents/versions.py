"""Schema identifiers, and the chain of pure functions that brings an old document to today.

Stored bytes never change: a document is upgraded each time it is read. Nothing is relabelled
unless a migration has run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from panneuro.core.errors import DocumentError

Document = dict[str, Any]
Migrate = Callable[[Document], Document]

_SCHEMA = re.compile(r"^panneuro/(?P<kind>[a-z]+)/(?P<major>\d{1,6})\.(?P<minor>\d{1,6})$")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """The version of a document kind: a new minor adds fields, a new major changes them."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Migration:
    """A pure function from one version of a document to a later one.

    Parameters
    ----------
    to : Version
        The version of what `migrate` returns.
    migrate : callable
        Takes the document's fields (a copy it may change) and returns the new fields. The label
        is not its business.
    """

    to: Version
    migrate: Migrate


Chain = Mapping[tuple[str, Version], Migration]
"""(kind, version) -> the migration that leads on from there."""

MIGRATIONS: Chain = {}
"""The migrations of this release. 1.0 is the first version, so there are none yet."""

CURRENT: Mapping[str, Version] = dict.fromkeys(
    (
        "description",
        "subject",
        "procedures",
        "instrument",
        "acquisition",
        "processing",
        "quality",
        "access",
    ),
    Version(1, 0),
)
"""The version in which this release writes each kind."""


def parse_schema(text: Any) -> tuple[str, Version]:
    """Split a schema identifier into kind and version.

    Raises
    ------
    DocumentError
        If it is not of the form ``panneuro/<kind>/<major>.<minor>``.

    Examples
    --------
    >>> parse_schema("panneuro/subject/1.0")
    ('subject', Version(major=1, minor=0))
    """
    found = _SCHEMA.match(text) if isinstance(text, str) else None
    if found is None:
        raise DocumentError(
            f"reading a document: its schema is {text!r}",
            hint="a schema reads like 'panneuro/subject/1.0'",
        )
    return found["kind"], Version(int(found["major"]), int(found["minor"]))


def schema_of(kind: str, version: Version | None = None) -> str:
    """Return the schema identifier of a kind, at today's version unless another is given.

    Examples
    --------
    >>> schema_of("subject")
    'panneuro/subject/1.0'
    """
    return f"panneuro/{kind}/{version or CURRENT[kind]}"


def upgrade(
    document: Mapping[str, Any],
    *,
    migrations: Chain = MIGRATIONS,
    current: Mapping[str, Version] = CURRENT,
) -> Document:
    """Bring a document to the version of this release.

    Parameters
    ----------
    document : Mapping
        A document with its ``schema``. It is not changed.
    migrations, current : Mapping, optional
        Where to go and how, for document kinds other than the package's.

    Returns
    -------
    dict
        The document, relabelled only as far as migrations led. A newer *minor* version than this
        release knows is returned as it is.

    Raises
    ------
    DocumentError
        For an unknown kind, a newer major version, or an older one with no way forward.
    """
    kind, version = parse_schema(document.get("schema"))
    if kind not in current:
        raise DocumentError(
            f"reading a document: its kind is {kind!r}", hint=f"kinds are: {', '.join(current)}"
        )
    fields = {key: value for key, value in document.items() if key != "schema"}
    while version < current[kind]:
        step = _next_step(kind, version, migrations)
        fields, version = step.migrate(dict(fields)), step.to
    if version.major > current[kind].major:
        raise DocumentError(
            f"reading a {kind} document: it is version {version}, and this release of panneuro "
            f"reads up to {current[kind]}",
            hint="pip install --upgrade panneuro",
        )
    return {"schema": schema_of(kind, version), **fields}


def _next_step(kind: str, version: Version, migrations: Chain) -> Migration:
    step = migrations.get((kind, version))
    if step is None or step.to <= version:
        raise DocumentError(
            f"reading a {kind} document: it is version {version}, from which no upgrade leads on",
            hint="the document was left as it is; check its 'schema' line",
        )
    return step
