"""Dotted paths to fields, with quotes round a name that has dots of its own.

``acquisition.streams."imec0.ap".rate_hz`` is the rate of the stream called ``imec0.ap``.
"""

from __future__ import annotations

import re

from panneuro.core.errors import DocumentError

_PART = re.compile(r'"([^"]*)"|([^."]*)')


def split_path(path: str) -> list[str]:
    """Split a path into its parts.

    Raises
    ------
    DocumentError
        If a quote is left open or stands inside a part.

    Examples
    --------
    >>> split_path('acquisition.streams."imec0.ap".rate_hz')
    ['acquisition', 'streams', 'imec0.ap', 'rate_hz']
    """
    parts, position = [], 0
    while True:
        found = _PART.match(path, position)
        position = found.end() if found else len(path)
        parts.append((found[1] if found[1] is not None else found[2]) if found else "")
        if position >= len(path):
            return parts
        if path[position] != ".":
            raise DocumentError(
                f"reading the path {path[:80]!r}: a quote in the wrong place",
                hint="""quote a whole name, as in 'acquisition.streams."imec0.ap".rate_hz'""",
            )
        position += 1


def join_path(*parts: str) -> str:
    """Join parts, of which the first may already be a path, quoting names where they need it.

    Examples
    --------
    >>> join_path("acquisition.streams", "imec0.ap", "rate_hz")
    'acquisition.streams."imec0.ap".rate_hz'
    """
    return ".".join([parts[0], *map(_quoted, parts[1:])])


def _quoted(part: str) -> str:
    return f'"{part.replace(chr(34), "")}"' if "." in part or '"' in part else part
