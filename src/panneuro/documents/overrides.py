"""Files in which a person says what recordings do not: YAML, JSON or CSV.

A YAML or JSON file holds documents (``subject: {id: mouse-7}``) or dotted paths
(``subject.id: mouse-7``), and may hold ``sessions``, one such block per session name. For CSV see
`panneuro.documents.sheets`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml

from panneuro.core.errors import DocumentError, LimitError
from panneuro.documents.envelope import parse_json
from panneuro.documents.fields import from_person
from panneuro.documents.sheets import parse_sheet
from panneuro.documents.vocabularies import Tables

MAX_BYTES = 4 << 20
"""The longest file that is read."""
MAX_YAML_BYTES = 512 << 10
"""The longest YAML file that is read."""

_SHOWN = 5


@dataclass(frozen=True)
class Overrides:
    """What a file says, for all sessions and for single ones.

    Parameters
    ----------
    common : dict
        Documents said of every session.
    sessions : tuple of (str or None, dict)
        Name of a session (None for a row told only by its subject), and what is said of it.
    """

    common: dict[str, Any]
    sessions: tuple[tuple[str | None, dict[str, Any]], ...] = ()

    @property
    def needs_subject(self) -> bool:
        """Whether some sessions are told by their subject alone."""
        return any(key is None for key, _ in self.sessions)

    def for_session(
        self, names: str | Iterable[str] = (), subject: str | None = None
    ) -> dict[str, Any]:
        """Return what the file says of one session.

        Parameters
        ----------
        names : str or iterable of str
            What the session is called: its file, with or without the ending, its folder, its asset.
        subject : str, optional
            Its subject, for rows that name no session.

        Raises
        ------
        DocumentError
            If several rows fit and differ, or none does in a file that speaks of single sessions
            alone.
        """
        wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))
        found = [v for key, v in self.sessions if key is not None and _names_in(key) & {*wanted}]
        if not found and subject is not None:
            found = [v for key, v in self.sessions if key is None and _subject(v) == subject]
        if any(values != found[0] for values in found):
            raise DocumentError(
                f"looking for session {_either(wanted, subject)}: {len(found)} rows fit",
                hint="add a column 'session' with the name of each recording's file or folder",
            )
        if not found and self.sessions and not self.common:
            raise DocumentError(
                f"looking for session {_either(wanted, subject)}: no row fits; "
                f"there are {self._shown()}",
                hint="a column 'session' holds the name of each recording's file, folder or asset; "
                "without one, rows are told by their subject",
            )
        return _over(self.common, found[0]) if found else dict(self.common)

    def _shown(self) -> str:
        told = [
            f"subject {_subject(values)!r}" if key is None else repr(key)
            for key, values in self.sessions[:_SHOWN]
        ]
        left = len(self.sessions) - len(told)
        return ", ".join(told) + (f" and {left:,} more" if left else "")


def _names_in(cell: str) -> set[str]:
    """Return the names that a cell holds: one, or several with ``;`` or ``,`` in between."""
    parts = (cell, *re.split("[;,]", cell))
    return {PureWindowsPath(part.strip()).name for part in parts}


def _either(names: Sequence[str], subject: str | None) -> str:
    told = " or ".join(map(repr, names[:_SHOWN])) or "of no name"
    return told + ("" if subject is None else f" of subject {subject!r}")


def _subject(values: Mapping[str, Any]) -> Any:
    return values.get("subject", {}).get("id")


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: {**below.get(kind, {}), **above.get(kind, {})} for kind in {**below, **above}}


def load_overrides(path: Path, *, vocabularies: Tables | None = None) -> Overrides:
    """Read what a person says in a file.

    Parameters
    ----------
    path : Path
        A ``.yaml``, ``.yml``, ``.json`` or ``.csv`` file of at most `MAX_BYTES`.
    vocabularies : Mapping, optional
        A lab's own words.

    Raises
    ------
    DocumentError
        If the file cannot be read, or says what no field can hold; the message names the line or
        the field.
    LimitError
        If it is too large.
    """
    suffix = path.suffix.lower()
    readers = {".yaml": _yaml, ".yml": _yaml, ".json": _json, ".csv": _csv}
    if suffix not in readers:
        raise DocumentError(
            f"reading {str(path)!r}: its name ends in {suffix!r}",
            hint=f"give a file that ends in {', '.join(readers)}",
        )
    text = _text(path, MAX_YAML_BYTES if readers[suffix] is _yaml else MAX_BYTES)
    try:
        return readers[suffix](text, vocabularies)
    except DocumentError as error:
        raise DocumentError(f"in {str(path)!r}: {error.message}", hint=error.hint) from error


def _text(path: Path, limit: int) -> str:
    try:
        if not path.is_file():
            raise DocumentError(f"reading {str(path)!r}: there is no such file")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise DocumentError(f"reading {str(path)!r}: {error}") from error
    if len(data) > limit:
        raise LimitError(f"reading {str(path)!r}: it is longer than {limit:,} bytes")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"reading {str(path)!r}: byte {error.start} is not UTF-8", hint="save it as UTF-8"
        ) from error


def _json(text: str, vocabularies: Tables | None) -> Overrides:
    return _overrides(parse_json(text), vocabularies)


def _yaml(text: str, vocabularies: Tables | None) -> Overrides:
    return _overrides(parse_yaml(text), vocabularies)


def _overrides(value: Any, vocabularies: Tables | None) -> Overrides:
    if not isinstance(value, Mapping):
        raise DocumentError(f"found {type(value).__name__}, not fields with values")
    sessions = value.get("sessions") or {}
    if not isinstance(sessions, Mapping) or not all(
        isinstance(v, Mapping) for v in sessions.values()
    ):
        raise DocumentError("'sessions' does not hold one block per session name")
    common = {key: item for key, item in value.items() if key != "sessions"}
    return Overrides(
        from_person(common, vocabularies=vocabularies),
        tuple((name, from_person(v, vocabularies=vocabularies)) for name, v in sessions.items()),
    )


class _Loader(yaml.SafeLoader):
    """A loader that refuses aliases, which can make a short file into a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read")
        return super().compose_node(parent, index)


# YAML 1.1, which PyYAML reads, takes 1e-6 for a text: it wants a point and a sign.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+\Z", re.ASCII),
    [*"-+0123456789"],
)


def parse_yaml(text: str) -> Any:
    """Read YAML without its surprises: text stays text, so ``0123`` and ``no`` mean themselves.

    Only inside ``extensions``, where no field has a type, plain numbers, ``true``, ``false`` and
    ``null`` are read as in JSON.

    Raises
    ------
    DocumentError
        If it is not YAML, repeats a key, or uses aliases or tags.

    Examples
    --------
    >>> parse_yaml("subject: {id: 0123, sex: F}")
    {'subject': {'id': '0123', 'sex': 'F'}}
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        return _value(node, free=False) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        said = (getattr(error, name, None) for name in ("context", "problem"))
        raise DocumentError(f"{where}{', '.join(filter(None, said)) or 'not YAML'}") from error
    except RecursionError as error:
        raise DocumentError("it is nested too deep") from error


def parse_typed_yaml(text: str) -> Any:
    """Read YAML with its types: numbers, dates, ``true``.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, or uses aliases or tags.

    Examples
    --------
    >>> parse_typed_yaml("{rate_hz: 30000, gain: 1e-6}")
    {'rate_hz': 30000, 'gain': 1e-06}
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _value(node: yaml.Node, *, free: bool) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, free=free) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, free=free)
    text = str(node.value)
    plain = getattr(node, "style", None) is None
    if plain and text in ("", "~", "null"):
        return None
    return _json_word(text) if free and plain else text


def _mapping(node: yaml.MappingNode, *, free: bool) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key, str) or key in result:
            raise DocumentError(f"line {line}: the key {key!r} is not text or is there twice")
        inside = free or key == "extensions" or ".extensions" in key
        result[key] = _value(value_node, free=inside)
    return result


def _json_word(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def _csv(text: str, vocabularies: Tables | None) -> Overrides:
    common, sessions = parse_sheet(text, vocabularies)
    return Overrides(common, tuple(sessions))
