"""The fields an asset can be found by: one table of names, kinds, units and meanings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from panneuro.core.errors import InputError, QueryError

Kind = Literal["keyword", "keyword-list", "number", "date", "text", "any"]
"""What a field holds; ``any`` is a lab's own field, typed by each value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that assets are found by.

    Parameters
    ----------
    name : str
        What one types before the operator.
    kind : {"keyword", "keyword-list", "number", "date", "text", "any"}
        What it holds.
    about : str
        One line for people.
    unit : {"", "s", "bytes", "days"}
        The unit of a bare number.
    """

    name: str
    kind: Kind
    about: str
    unit: str = ""


_TABLE = (
    Field("name", "keyword", "the asset's name"),
    Field("version", "keyword", "the asset's version"),
    Field("created", "date", "when this version was committed, UTC"),
    Field("kind", "keyword", "raw, derived, analysis, model or simulation"),
    Field("modality", "keyword-list", "how it was recorded: ecephys, ophys, behavior, …"),
    Field("subject", "keyword", "the subject's identifier"),
    Field("species", "keyword", "the subject's species"),
    Field("sex", "keyword", "the subject's sex"),
    Field("strain", "keyword", "the subject's background strain"),
    Field("genotype", "keyword", "the subject's genotype"),
    Field("age_days", "number", "the subject's age at the session", "days"),
    Field("lab", "keyword", "the laboratory"),
    Field("institution", "keyword", "the institution"),
    Field("project", "keyword", "the project that pays and publishes"),
    Field("experimenter", "keyword-list", "who recorded"),
    Field("protocol", "keyword", "the protocol that was followed"),
    Field("session", "keyword", "the session's identifier"),
    Field("date", "date", "when the session started, UTC"),
    Field("duration_s", "number", "how long the session lasted", "s"),
    Field("units", "number", "number of sorted units"),
    Field("channels", "number", "number of recorded channels"),
    Field("trials", "number", "number of trials"),
    Field("size_bytes", "number", "bytes stored", "bytes"),
    Field("area", "keyword-list", "brain areas, each with the areas that contain it"),
    Field("probe", "keyword-list", "probe models"),
    Field("format", "keyword", "the format it was recorded in"),
    Field("has", "keyword-list", "signals it holds, by name and by kind: lfp, units, trials, ap"),
    Field("licence", "keyword", "the licence it is shared under"),
    Field("access", "keyword", "what its makers wish it to be: private, embargo or public"),
    Field("embargo_until", "date", "the day on which their embargo ends, UTC"),
    Field("tag", "keyword-list", "labels that people gave"),
    Field("quality", "keyword", "the outcome of quality control"),
    Field("text", "text", "free text: the same as plain words"),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.name: field for field in _TABLE})
"""Every known field by its name, in the order in which people should meet them."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {"duration": "duration_s", "size": "size_bytes", "age": "age_days", "license": "licence"}
)
"""Other spellings that a query may use."""

_WORDED = ("title", "summary", "description", "notes")
"""What people look for in a field, and plain words find."""

_EXTENSION = re.compile(r"[A-Za-z][\w-]*(\.[\w-]+)+", re.ASCII)
_MAX_NAME = 200


def is_extension(name: str) -> bool:
    """Tell whether a name is a lab's own dotted field, such as ``extensions.smith.rig``."""
    return len(name) <= _MAX_NAME and _EXTENSION.fullmatch(name) is not None


def stored_field(name: str) -> Field:
    """Return the field under which a value is stored.

    Raises
    ------
    InputError
        If the name is neither known nor dotted.
    """
    field = FIELDS.get(name)
    if field is not None:
        return field
    if is_extension(name):
        return Field(name, "any", "a lab's own field")
    raise InputError(
        f"cannot index the field {name!r}: it is not a known field",
        hint="a lab's own fields have dotted names, such as extensions.<lab>.rig",
    )


def asked_field(name: str, word: str) -> Field:
    """Return the field that a query means.

    Parameters
    ----------
    name : str
        What stands before the operator; letter case is ignored for known fields.
    word : str
        The whole word, for the error.

    Raises
    ------
    QueryError
        If the name is neither known nor dotted; it suggests the nearest known one.

    Examples
    --------
    >>> asked_field("duration", "duration>10min").name
    'duration_s'
    """
    known = FIELDS.get(ALIASES.get(name.lower(), name.lower()))
    if known is not None:
        return known
    if is_extension(name):
        return stored_field(name)
    raise QueryError(f"cannot understand {word!r}: no field {name!r}", hint=_suggestion(name))


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), [*FIELDS, *ALIASES], n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if name.lower() in _WORDED:
        return f'the words of a {name.lower()} are found without a field: "sharp wave"'
    return f"known fields: {', '.join(FIELDS)}; a lab's own fields are dotted"
