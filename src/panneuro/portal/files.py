"""Bytes of objects: whole or in part, by the server or by a short-lived link to the store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

from panneuro.core.store import Store
from panneuro.portal.doors import MEDIA, Visit

_BLOCK_BYTES = 4 << 20
_DIRECT_BYTES = 1 << 20
"""Smaller objects are not worth a redirection."""

_LINK_SECONDS = 900
_SANDBOX = "sandbox; default-src 'none'"
"""Files are what people put there: no page of theirs runs under our name."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class Piece:
    """An object that is sent.

    Parameters
    ----------
    store : Store
        That holds it.
    key : str
        Where.
    size : int
        Bytes.
    tag : str
        Of its content: a digest.
    name : str
        Under which it is saved.
    media : str
        What kind of file it is said to be.
    """

    store: Store
    key: str
    size: int
    tag: str
    name: str
    media: str = MEDIA["binary"]


def send(visit: Visit, piece: Piece, *, direct: bool) -> Response:
    """Answer with an object or the range of it that is asked for.

    Parameters
    ----------
    visit : Visit
        Of who asks.
    piece : Piece
        What is sent.
    direct : bool
        Whether the store's own link may be given out.
    """
    return visit.unless_known(piece.tag, lambda: _sent(visit, piece, direct))


def _sent(visit: Visit, piece: Piece, direct: bool) -> Response:
    if direct and visit.request.method == "GET" and piece.size >= _DIRECT_BYTES:
        link = getattr(piece.store, "link", lambda *_: None)(piece.key, _LINK_SECONDS)
        if link:
            return RedirectResponse(link, 307, {"cache-control": "private, no-store"})
    name = f'attachment; filename="{_quoted(piece.name)}"'
    headers = {
        "content-type": piece.media,
        "content-disposition": name,
        "content-security-policy": _SANDBOX,
    }
    return _ranged(visit, piece.size, piece.tag, lambda *ends: _blocks(piece, *ends), headers)


def send_bytes(visit: Visit, data: bytes, tag: str) -> Response:
    """Answer with bytes in memory or the range of them that is asked for."""
    return visit.unless_known(
        tag, lambda: _ranged(visit, len(data), tag, lambda first, last: iter([data[first:last]]))
    )


def _ranged(
    visit: Visit,
    size: int,
    tag: str,
    cut: Callable[[int, int], Iterator[bytes]],
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    part = asked_range(visit.request.headers, size, tag)
    if part is None:
        raise HTTPException(416, f"there are {size} bytes", {"content-range": f"bytes */{size}"})
    first, last = part
    said = {**headers, "accept-ranges": "bytes", "content-length": str(last - first)}
    # Who asks for a range is told one, were it all of it: clients of stores refuse a 200.
    is_partial = _ends(visit.request.headers, tag) is not None
    if is_partial:
        said["content-range"] = f"bytes {first}-{last - 1}/{size}"
    said.setdefault("content-type", MEDIA["binary"])
    return StreamingResponse(cut(first, last), 206 if is_partial else 200, said)


def asked_range(headers: Headers, size: int, tag: str) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last.

    What is no single range of bytes asks for everything, as HTTP has it; so does a range of what
    the object was before it changed.

    Returns
    -------
    (int, int) or None
        None where no such bytes are in the object.

    Examples
    --------
    >>> asked_range(Headers({"range": "bytes=2-5"}), 10, "tag")
    (2, 6)
    >>> asked_range(Headers({"range": "bytes=-3"}), 10, "tag")
    (7, 10)
    >>> asked_range(Headers({"range": "bytes=10-"}), 10, "tag") is None
    True
    """
    ends = _ends(headers, tag)
    if ends is None:
        return 0, size
    start, stop = ends
    if not start:
        return (max(0, size - int(stop)), size) if int(stop) and size else None
    first, last = int(start), min(int(stop) + 1 if stop else size, size)
    return (first, last) if first < size else None


def _ends(headers: Headers, tag: str) -> tuple[str, str] | None:
    """Return the ends of the range that is asked for, as they are written; None for everything."""
    found = _RANGE.fullmatch(headers.get("range", "").strip())
    meant = headers.get("if-range", f'"{tag}"') == f'"{tag}"'
    if not found or not meant:
        return None
    start, stop = found.groups()
    is_range = start or stop
    is_backwards = start and stop and int(stop) < int(start)
    return (start, stop) if is_range and not is_backwards else None


def _blocks(piece: Piece, first: int, last: int) -> Iterator[bytes]:
    for start in range(first, last, _BLOCK_BYTES):
        yield piece.store.get_range(piece.key, start, min(_BLOCK_BYTES, last - start))


def _quoted(name: str) -> str:
    """Return a file's name as it may stand in a header."""
    plain = name.rpartition("/")[2].encode("ascii", "replace").decode()
    return re.sub(r"[^\w. ()=+-]", "_", plain, flags=re.ASCII) or "file"
