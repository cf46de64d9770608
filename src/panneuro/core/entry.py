"""Entry: one asset version as the index sees it."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from panneuro.core.errors import InputError
from panneuro.core.fields import FIELDS, Kind, stored_field

Value = str | float | int | bool | tuple[str, ...]
"""What a field of an entry may hold."""

_ATTRIBUTES = frozenset({"name", "version", "created", "text"})
_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"(\d+)", re.ASCII)
_MAX_NAME = 1_000
_EXACT = 1 << 53
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_KINDS: Mapping[str, Kind] = {known.name: known.kind for known in FIELDS.values()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset version as the index sees it.

    Values that say nothing (``None``, NaN, infinities, empty lists and empty strings) are left
    out of ``fields``; lists become tuples, and a number is kept as precisely as a 64-bit float.

    Parameters
    ----------
    name : str
        The asset's name.
    version : str
        The asset's version.
    created : str
        When this version was committed: ISO time, taken as UTC where it names no zone. The
        latest version of a name is the one created last; at equal times, the higher version,
        where numbers inside it count as numbers.
    digest : str
        The digest of the manifest.
    fields : mapping of str to str, float, int, bool or tuple of str
        What the asset is found by; see `panneuro.core.fields.FIELDS`.
    text : str
        Free text for full-text search.
    doc : mapping, optional
        Small JSON object of what a table row shows.

    Raises
    ------
    InputError
        If a name is empty, a time is no time, or a value is not of its field's kind.

    Examples
    --------
    >>> entry = Entry("ecephys_625463", "1", "2024-05-01T10:00:00Z", "sha256:…", {"units": 310})
    >>> entry.number("units")
    310.0
    """

    name: str
    version: str
    created: str
    digest: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    text: str = ""
    doc: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for what in ("name", "version", "digest"):
            _check_identifier(what, getattr(self, what))
        seconds(self.created)
        object.__setattr__(self, "text", well_formed(self.text))
        values = {
            key: value
            for key, raw in self.fields.items()
            if (value := _value(key, raw)) is not None
        }
        object.__setattr__(self, "fields", MappingProxyType(values))

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.digest))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.name, self.version, self.created, self.digest, dict(self.fields))
        return Entry, (*values, self.text, self.doc)

    @property
    def age_key(self) -> tuple[float, tuple[tuple[bool, int, str], ...]]:
        """What decides which version of a name is the latest: the greatest."""
        parts = _DIGITS.split(self.version)
        natural = ((p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts if p)
        return seconds(self.created), tuple(natural)

    def keywords(self) -> Iterator[tuple[str, str]]:
        """Yield every (field, value) that is looked up as a string, names left out."""
        yield "version", self.version
        for key, value in self.fields.items():
            if isinstance(value, str):
                if _KINDS.get(key) != "date":
                    yield key, value
            elif isinstance(value, tuple):
                for item in value:
                    yield key, item
            elif isinstance(value, bool):
                yield key, str(value).lower()

    def numbers(self) -> Iterator[tuple[str, float]]:
        """Yield every (field, value) that is compared as a number; dates in seconds since 1970."""
        yield "created", seconds(self.created)
        for key, value in self.fields.items():
            if isinstance(value, str):
                if _KINDS.get(key) == "date":
                    yield key, seconds(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                yield key, float(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """Return the strings of one field, as they were given."""
        if name == "name":
            return (self.name,)
        return tuple(value for key, value in self.keywords() if key == name)

    def number(self, name: str) -> float | None:
        """Return one field as a number, or None where it has none."""
        return next((value for key, value in self.numbers() if key == name), None)

    def words(self) -> str:
        """Return the searchable words: runs of folded words, one run a line.

        A phrase never reaches over the end of a run: the name, the text and each keyword are runs.

        Examples
        --------
        >>> Entry("a_1", "1", "2024-01-01", "d", {"area": ("CA1",)}, "Müller cells").words()
        ' a 1 \\n muller cells \\n ca1 '
        """
        runs = [_run(self.name), _run(self.text)]
        for key, value in self.fields.items():
            if isinstance(value, tuple):
                runs.extend(map(run_of, value))
            elif isinstance(value, str) and _KINDS.get(key) != "date":
                runs.append(run_of(value))
        return "\n".join(run for run in runs if run)

    def to_json(self) -> str:
        """Return the entry as one line of JSON."""
        parts = {
            "name": self.name,
            "version": self.version,
            "created": self.created,
            "digest": self.digest,
            "fields": dict(self.fields),
            "text": self.text,
        }
        if self.doc is not None:
            parts["doc"] = self.doc
        return _ENCODER.encode(parts)

    @classmethod
    def from_json(cls, text: str | bytes) -> Entry:
        """Return the entry that `to_json` wrote.

        Raises
        ------
        InputError
            If the text is not that of an entry.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(f"cannot read an entry from {text[:80]!r}: {error}") from error


def fold(text: str) -> str:
    """Return the form in which keywords are compared: compatible characters and case unified.

    Examples
    --------
    >>> fold("VISp") == fold("visP")
    True
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", well_formed(text)).casefold()


def tokens(text: str) -> list[str]:
    """Return the words of a text, folded, without accents.

    Examples
    --------
    >>> tokens("Sharp-wave ripples in CA1_sp")
    ['sharp', 'wave', 'ripples', 'in', 'ca1', 'sp']
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", well_formed(text)).casefold()
        text = "".join(c for c in apart if not unicodedata.combining(c))
    return _WORD.findall(text.lower())


def seconds(text: str) -> float:
    """Return the seconds since 1970 of an ISO time, taken as UTC where it names no zone.

    Raises
    ------
    InputError
        If the text is not an ISO date or time.
    """
    return _timestamp(text) if isinstance(text, str) else _no_time(text)


def well_formed(text: str) -> str:
    """Return the text with what cannot be written as UTF-8 replaced by U+FFFD."""
    return (
        text
        if text.isascii()
        else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


@lru_cache(maxsize=1 << 14)
def _timestamp(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return _no_time(text)


def _no_time(found: object) -> float:
    raise InputError(
        f"cannot index the time {found!r}: it is not an ISO time",
        hint="write it as 2024-05-01T10:00:00Z",
    )


def run_of(text: str) -> str:
    """Return the words of a text as one run, with a space before, between and after."""
    return _short_run(text) if len(text) < 64 else _run(text)


def _run(text: str) -> str:
    found = tokens(text)
    return f" {' '.join(found)} " if found else ""


_short_run = lru_cache(maxsize=1 << 14)(_run)


def _check_identifier(what: str, value: object) -> None:
    if not isinstance(value, str) or not value or len(value) > _MAX_NAME:
        raise InputError(
            f"cannot index an entry with the {what} {str(value)[:80]!r}",
            hint=f"the {what} is a string of 1 to {_MAX_NAME} characters",
        )
    if well_formed(value) != value:
        raise InputError(f"cannot index an entry with the {what} {value!r}: it is not valid text")


def _value(name: str, raw: object) -> Value | None:
    if raw is None or raw == "":
        return None
    _refuse_attribute(name, raw)
    kind = _KINDS.get(name) or stored_field(name).kind
    value = _typed(kind, raw)
    if value is None:
        raise InputError(f"cannot index {name}={raw!r}: the field holds a {kind}")
    return None if value == () or (isinstance(value, float) and not math.isfinite(value)) else value


def _refuse_attribute(name: str, raw: object) -> None:
    if name in _ATTRIBUTES:
        raise InputError(
            f"cannot index the field {name!r}={raw!r} of an entry",
            hint=f"{name!r} is an attribute of the entry, not one of its fields",
        )


def _typed(kind: Kind, raw: object) -> Value | None:
    if isinstance(raw, str):
        return _string(kind, raw)
    if isinstance(raw, bool):
        return raw if kind == "any" else None
    if isinstance(raw, int | float):
        return _number(raw) if kind in {"number", "any"} else None
    if isinstance(raw, list | tuple) and kind in {"keyword-list", "any"}:
        return _strings(raw)
    return None


def _string(kind: Kind, raw: str) -> Value | None:
    if kind == "number":
        return None
    if kind == "date":
        seconds(raw)
    return (well_formed(raw),) if kind == "keyword-list" else well_formed(raw)


def _number(raw: float) -> float:
    try:
        return raw if abs(raw) <= _EXACT else float(raw)
    except OverflowError:
        return math.inf


def _strings(raw: list[Any] | tuple[Any, ...]) -> tuple[str, ...] | None:
    if not all(isinstance(item, str) for item in raw):
        return None
    return tuple(well_formed(item) for item in raw if item)
