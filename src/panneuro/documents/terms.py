"""A term is a word with, where one is known, the identifier that says exactly what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from panneuro.documents.vocabularies import curie, look_up, tables_of

_NAMED_ID = re.compile(
    r"^(?P<label>[^<>()]+?)\s*[<(]\s*(?P<id>(?:https?://|[A-Za-z]+:)?[\w.:/-]+)\s*[>)]$"
)
_BARE_ORCID = re.compile(r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")
_LONGEST = 1000
_CURIE = re.compile(r"^[A-Za-z][A-Za-z0-9_]*:[^\s/][^\s]*$")


class Value(BaseModel):
    """What every value in a document obeys: immutable, finite, and honest about unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


_INVISIBLE = dict.fromkeys({*range(32), *range(127, 160)} - {*map(ord, "\t\n\r")})


def _visible(value: Any) -> Any:
    """Drop control characters: recorders pad their text with zeros, and terminals obey escapes."""
    return value.translate(_INVISIBLE) if isinstance(value, str) else value


Visible = BeforeValidator(_visible)


def word_for(field: str) -> Any:
    """Return a validator that lets one word stand for a value with only that field."""

    def spell_out(data: Any) -> Any:
        return {field: data} if isinstance(data, str) else data

    return model_validator(mode="before")(spell_out)


class Term(Value):
    """A word and its identifier.

    Parameters
    ----------
    label : str
        The word people read, as in ``Mus musculus``.
    id : str, optional
        A short identifier (CURIE): ``NCBITaxon:10090``, ``MBA:385``, ``ROR:00jmfr291``,
        ``ORCID:0000-0002-1825-0097``.

    Examples
    --------
    >>> str(Term(label="Jane Doe", id="ORCID:0000-0002-1825-0097"))
    'Jane Doe'
    """

    label: Annotated[str, Visible] = Field(min_length=1, max_length=500)
    id: str | None = Field(default=None, max_length=200)

    def __str__(self) -> str:
        return self.label


def split_text(text: str) -> dict[str, str]:
    """Read a term written as one line of text.

    Examples
    --------
    >>> split_text("Jane Doe <0000-0002-1825-0097>")
    {'label': 'Jane Doe', 'id': 'ORCID:0000-0002-1825-0097'}
    >>> split_text("NCBITaxon:10090")
    {'label': 'NCBITaxon:10090', 'id': 'NCBITaxon:10090'}
    >>> split_text("tetrode (12 um wire)")
    {'label': 'tetrode (12 um wire)'}
    """
    text = _visible(text).strip()
    found = _NAMED_ID.match(text) if len(text) < _LONGEST else None
    if found and (id_ := _as_id(found["id"])):
        return {"label": found["label"], "id": id_}
    id_ = _as_id(text)
    return {"label": text, "id": id_} if id_ else {"label": text}


def _as_id(text: str) -> str | None:
    if _BARE_ORCID.match(text):
        return f"ORCID:{text}"
    short = curie(text)
    return short if _CURIE.match(short) else None


def completing(name: str) -> Callable[[Any, ValidationInfo], Any]:
    """Return a validator that reads a term from text and fills it from a vocabulary."""

    def complete(value: Any, info: ValidationInfo) -> Any:
        given = _as_mapping(value)
        if given is None:
            return value
        return _fill(name, given, info)

    return complete


def _as_mapping(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Term):
        return value.model_dump(exclude_none=True)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return dict(split_text(str(value)))
    return dict(value) if isinstance(value, Mapping) else None


def _fill(name: str, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if isinstance(given.get("id"), str):
        given["id"] = curie(given["id"])
    for key in ("id", "label"):
        text = _visible(given.get(key))
        word = look_up(name, text, tables_of(info.context)) if isinstance(text, str) else None
        if word is not None:
            own_id = given.get("id")
            return given | {"label": word.label, "id": own_id if own_id else word.id}
    return given


PlainTerm = Annotated[Term, BeforeValidator(completing(""))]
"""A term of no vocabulary: a laboratory, a project, a person, a brain area."""
Species = Annotated[Term, BeforeValidator(completing("species"))]
"""A term of the species vocabulary."""
Sex = Annotated[Term, BeforeValidator(completing("sexes"))]
"""A term of the sexes vocabulary."""
Modality = Annotated[Term, BeforeValidator(completing("modalities"))]
"""A term of the modalities vocabulary."""
Licence = Annotated[Term, BeforeValidator(completing("licences"))]
"""A term of the licences vocabulary."""
ProbeModel = Annotated[Term, BeforeValidator(completing("probes"))]
"""A term of the probes vocabulary."""
