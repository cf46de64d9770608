"""What backends raise, as errors of ours: what was found, and what to do about it."""

from __future__ import annotations

import re

from panneuro.core.errors import StoreDeniedError, StoreError

NO_BUCKET = "check the name of the bucket, or make it first"

_KEYS = "check the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …)"
_TOKENS = "PANNEURO_TOKENS says who you are: lake.example=pnr_…"
_SHUT = "the folder's permissions forbid it: check its owner and mode"
_DENIED = {
    "(os error 1)": ("the operation is not permitted", _SHUT),
    "(os error 13)": ("permission denied", _SHUT),
    "(os error 30)": (
        "the file system is read-only",
        "mount it for writing, or name another place",
    ),
    "403 Forbidden": ("the server answers 403 Forbidden", f"{_KEYS} and what they may do there"),
    "AccessDenied": ("the server answers AccessDenied", f"{_KEYS} and what they may do there"),
    "401 Unauthorized": ("the server answers 401 Unauthorized", _KEYS),
}
_HINTS = {
    "(os error 28)": "the disk is full: free some space and run the same line again",
    "(os error 122)": "the disk quota is used up: free some space and run the same line again",
    "NoSuchBucket": NO_BUCKET,
    "169.254.169.254": f"{_KEYS}, or open a public place with ?anonymous=true",
    "Range request not supported": "this web server gives no parts of files: nginx, Apache, a "
    "bucket or panneuro serve do",
    "error sending request": "the server cannot be reached: check the address and the network",
}
_QUERY = re.compile(r"\?\S+")
_PAGE_OF_XML = re.compile(r":?\s*<.*")


def refusal(verb: str, key: str, url: str, error: Exception) -> StoreError:
    """Return what a store raises where its backend raised something.

    Parameters
    ----------
    verb : str
        What was asked: ``"read"``, ``"write"``, ``"look at"``, ``"list"``, …
    key : str
        Of what.
    url : str
        Of the store.
    error : Exception
        Of the backend.

    Returns
    -------
    StoreError
        A `StoreDeniedError` where somebody with other rights would have been let in.

    Examples
    --------
    >>> print(refusal("write", "a", "file:///lake", PermissionError(13, "Permission denied")))
    cannot write 'a' at 'file:///lake': permission denied
      the folder's permissions forbid it: check its owner and mode
    """
    served = url.startswith(("http://", "https://"))
    doing, text = f"cannot {verb} {key!r} at {url!r}", _text(error)
    if served and verb == "list":
        unlisted = "places behind http(s) are not listed"
        return StoreError(f"{doing}: {unlisted}", hint="its pages and HTTP API tell")
    for sign, (reason, hint) in _DENIED.items():
        if sign in text:
            return StoreDeniedError(f"{doing}: {reason}", hint=_TOKENS if served else hint)
    # Without query strings: they may hold a signature.
    reason = _QUERY.sub("?…", _PAGE_OF_XML.sub("", text.partition("\n")[0]))
    hint = next((hint for sign, hint in _HINTS.items() if sign in text), "")
    return StoreError(f"{doing}: {reason}", hint=hint)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"{error.strerror} (os error {error.errno}): {error.filename}"
    return str(error)
