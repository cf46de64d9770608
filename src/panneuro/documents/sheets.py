"""CSV files as spreadsheets write them: what they say, in the words of documents."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from panneuro.core.errors import DocumentError
from panneuro.documents.fields import field_at, set_field
from panneuro.documents.slots import SLOTS
from panneuro.documents.vocabularies import Tables

Row = tuple[int, list[str]]
"""A row with the number of its line."""

_SESSIONS = ("session", "session_name", "name", "folder", "file", "recording", "path", "asset")
_PLAIN = {"subject": "subject.id", "animal": "subject.id", "mouse": "subject.id"}
_DELIMITERS = ",;\t"
_DATE_HINT = (
    "write days as 2024-05-01 and times as 2024-05-01T09:30:00+02:00; format the column as text "
    "first, since spreadsheets write numbers or the country's own way"
)


def parse_sheet(
    text: str, vocabularies: Tables | None = None
) -> tuple[dict[str, Any], list[tuple[str | None, dict[str, Any]]]]:
    """Read a CSV file of two columns ``field,value``, or of one row per session.

    Cells are separated by commas, semicolons or tabs. Headers are fields (``subject.sex``), or what
    people call them: ``Sex``, ``Date of birth``, ``Weight (g)``.

    Parameters
    ----------
    text : str
        The file.
    vocabularies : Mapping, optional
        A lab's own words.

    Returns
    -------
    common : dict
        What is said of every session.
    sessions : list of tuple
        Name of a session (None where no column holds it), and what is said of it.

    Raises
    ------
    DocumentError
        If it is not CSV, or says what no field can hold; the message names the row and column.

    Examples
    --------
    >>> parse_sheet("Session;Sex\\nday-1;F")[1][0][0]
    'day-1'
    """
    rows = _rows(text)
    if not rows:
        return {}, []
    header = [cell.strip() for cell in rows[0][1]]
    if [_plain(cell) for cell in header] == ["field", "value"]:
        return _common(rows[1:], vocabularies), []
    return {}, list(_sessions(header, rows[1:], vocabularies))


def _rows(text: str) -> list[Row]:
    """Return the rows that are not empty."""
    told, _, rest = text.partition("\n")
    named = re.fullmatch(r"sep=(.)\s*", told)
    text, delimiter = (rest, named[1]) if named else (text, _delimiter(text))
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise DocumentError(f"not CSV: line {reader.line_num}: {error}") from error


def _delimiter(text: str) -> str:
    """Return what separates the cells of the first line that has any."""
    header = next(filter(str.strip, text.splitlines()), "")
    return max(_DELIMITERS, key=header.count)


def _plain(header: str) -> str:
    """Return a header in the letters that names of fields have.

    Examples
    --------
    >>> _plain(" Weight (g)"), _plain("Subject.ID")
    ('weight_g', 'subject.id')
    """
    return re.sub(r"[^\w.]+", "_", header.casefold()).strip("_")


@lru_cache(maxsize=1)
def _fields_by_name() -> dict[str, list[str]]:
    """Return the fields that a header may mean: by their own name, or after that of their slot."""
    found: dict[str, list[str]] = defaultdict(list)
    for slot, model in SLOTS.items():
        for name in model.model_fields.keys() - {"schema_", "extensions"}:
            found[name].append(f"{slot}.{name}")
            found[f"{slot}_{name}"].append(f"{slot}.{name}")
    return dict(found)


def _path(header: str) -> str:
    """Return the field that a header means."""
    plain = _plain(header)
    if "." in plain and plain.partition(".")[0] in SLOTS:
        with suppress(DocumentError):
            return field_at(header).path
        return field_at(plain).path
    if plain in _PLAIN:
        return _PLAIN[plain]
    meant = _fields_by_name().get(plain, [])
    if len(meant) > 1:
        raise DocumentError(
            f"the column {header!r} may be any of {', '.join(sorted(meant))}",
            hint=f"call it {min(meant)}, for one",
        )
    if not meant:
        near = difflib.get_close_matches(plain, _fields_by_name(), 3)
        paths = sorted({path for one in near for path in _fields_by_name()[one]})
        raise DocumentError(
            f"the column {header!r} is no field",
            hint=f"did you mean {' or '.join(paths)}?"
            if paths
            else f"leave it out, or keep it in a block of your own: subject.extensions.LAB.{plain}",
        )
    return meant[0]


def _common(rows: list[Row], vocabularies: Tables | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for number, row in rows:
        field, text = _even(number, row, 2)
        if text.strip():
            values = _set(values, _path(field.strip()), text, f"row {number}", vocabularies)
    return values


def _sessions(
    header: list[str], rows: list[Row], vocabularies: Tables | None
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    columns = list(map(_plain, header))
    named = next((columns.index(one) for one in _SESSIONS if one in columns), None)
    used = [at for at, column in enumerate(columns) if column and at != named]
    paths = {at: _path(header[at]) for at in used}
    for number, row in rows:
        cells = _even(number, row, len(header))
        if lost := next((at for at, cell in enumerate(cells) if cell and not columns[at]), None):
            raise DocumentError(f"row {number}: {cells[lost]!r} is in a column with no name")
        values: dict[str, Any] = {}
        for at, path in paths.items():
            if cells[at]:
                where = f"row {number}, column {header[at]!r}"
                values = _set(values, path, cells[at], where, vocabularies)
        yield (cells[named] or None if named is not None else None), values


def _even(number: int, row: list[str], width: int) -> list[str]:
    if len(row) != width:
        raise DocumentError(f"row {number} has {len(row)} cells and the header {width}")
    return [cell.strip() for cell in row]


def _set(
    values: dict[str, Any], path: str, text: str, where: str, vocabularies: Tables | None
) -> dict[str, Any]:
    try:
        return set_field(values, path, text, vocabularies=vocabularies)
    except DocumentError as error:
        hint = _DATE_HINT if " date" in error.message else error.hint
        raise DocumentError(f"{where}: {error.message}", hint=hint) from error
