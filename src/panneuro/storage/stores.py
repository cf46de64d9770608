"""Opening a store from its place, and committing to one without locks."""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from obstore.store import HTTPStore, MemoryStore, S3Store, from_url

from panneuro.core.errors import (
    ConflictError,
    InputError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreError,
    UnsafeStoreError,
)
from panneuro.core.store import UNFINISHED, Store, check_prefix
from panneuro.storage.objects import FolderStore, ObjectStore

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OPTIONS = ("endpoint", "region", "anonymous")
_YES = frozenset({"true", "1", "yes"})
_ATTEMPTS = 3

# A refused connection fails after about three seconds, a silent server after half a minute.
_RETRY: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=25),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
_CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(minutes=10),
    "user_agent": "panneuro",
}


def open_store(place: str | Path, **options: str) -> ObjectStore:
    """Open a store; nothing is asked of it yet.

    Parameters
    ----------
    place : str or Path
        A folder, ``file://…``, ``memory://name`` (shared by name within the process),
        ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://account/container/prefix``, or
        ``https://…`` (read-only). Credentials come from the environment, never from the place:
        tokens for served lakes from ``PANNEURO_TOKENS``, as ``lake.example=pnr_…``.
    **options : str
        For ``s3://``, also accepted after a ``?`` in the place: ``endpoint`` (else
        ``AWS_ENDPOINT_URL``), ``region``, and ``anonymous="true"`` for public buckets.

    Raises
    ------
    InputError
        The place cannot be understood, holds credentials, or is plain http to another machine.

    Examples
    --------
    >>> store = open_store("memory://example")
    >>> store.put("a/b", b"spikes")
    >>> store.get_range("a/b", 0, 5)
    b'spike'
    >>> open_store("s3://bucket/lake", region="eu-west-1").url
    's3://bucket/lake?region=eu-west-1'
    """
    scheme = str(place).partition("://")[0] if "://" in str(place) else ""
    if isinstance(place, Path) or not scheme:
        return _folder(Path(place), options)
    try:
        address = urlsplit(str(place))
    except ValueError as error:
        raise InputError(
            f"the place {str(place)!r} is no address: {error}",
            hint="name a folder, or s3://bucket/prefix without brackets",
        ) from error
    if address.password is not None or (scheme != "abfss" and address.username is not None):
        raise InputError(
            f"a {scheme}:// place holds credentials",
            hint="leave them out and set them in the environment (AWS_ACCESS_KEY_ID, …)",
        )
    openers = {"file": _file, "memory": _memory, "s3": _s3, "http": _http, "https": _http}
    if scheme in openers:
        return openers[scheme](address, options)
    if scheme in {"gs", "az", "abfss"}:
        return _cloud(address, options)
    raise InputError(
        f"the place {_bare(address)!r} begins with {scheme!r}, which is no kind of store",
        hint="use a folder, or file://, memory://, s3://, gs://, az:// or https://",
    )


def _bare(address: SplitResult) -> str:
    """Return a place without what follows ``?``, where secrets may be."""
    return f"{address.scheme}://{address.netloc}{address.path}"


def _prefix(address: SplitResult) -> str:
    return check_prefix(unquote(address.path).strip("/"))


def _refuse_options(scheme: str, address: SplitResult | None, options: dict[str, str]) -> None:
    if options or (address is not None and (address.query or address.fragment)):
        raise InputError(
            f"a {scheme} place takes no options after '?' and no keywords",
            hint="only s3:// takes them: " + ", ".join(_OPTIONS),
        )


def _folder(path: Path, options: dict[str, str]) -> ObjectStore:
    _refuse_options("folder", None, options)
    return FolderStore(path.expanduser(), open_store)


def _file(address: SplitResult, options: dict[str, str]) -> ObjectStore:
    _refuse_options("file://", address, options)
    if address.netloc not in {"", "localhost"}:
        raise InputError(
            f"the place {_bare(address)!r} names the machine {address.netloc!r}",
            hint=f"an absolute path has three slashes: file:///{address.netloc}{address.path}",
        )
    return FolderStore(Path(unquote(address.path)), open_store)


@cache
def _memories() -> defaultdict[str, MemoryStore]:
    """Return the memories of this process, by name."""
    return defaultdict(MemoryStore)


def _memory(address: SplitResult, options: dict[str, str]) -> ObjectStore:
    _refuse_options("memory://", address, options)
    name = address.netloc + address.path
    return ObjectStore(lambda: _memories()[name], f"memory://{name}", open_store)


def _s3(address: SplitResult, options: dict[str, str]) -> ObjectStore:
    given = {**dict(parse_qsl(address.query, keep_blank_values=True)), **options}
    if unknown := sorted(given.keys() - set(_OPTIONS)):
        raise InputError(
            f"an s3:// place has no option {unknown[0]!r}",
            hint="the options are " + ", ".join(_OPTIONS) + "; credentials go in the environment",
        )
    if not address.netloc:
        raise InputError("an s3:// place names no bucket", hint="s3://bucket/prefix")
    endpoint = given.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        given["endpoint"] = endpoint.rstrip("/")
        _check_endpoint(endpoint)
    prefix = _prefix(address)
    query = "?" + urlencode(given, safe=":/") if given else ""

    def connect() -> S3Store:
        return S3Store(
            address.netloc,
            prefix=prefix or None,
            client_options={**_CLIENT, "allow_http": bool(endpoint and "http://" in endpoint)},
            retry_config=_RETRY,
            config=_s3_config(given),
        )

    return ObjectStore(connect, f"s3://{address.netloc}{address.path}{query}", open_store)


def _s3_config(given: dict[str, str]) -> S3Config:
    config: S3Config = {}
    if "endpoint" in given:
        config["endpoint"] = given["endpoint"]
    if "region" in given:
        config["region"] = given["region"]
    if given.get("anonymous", "").lower() in _YES:
        config["skip_signature"] = True
    return config


def _check_endpoint(endpoint: str) -> None:
    address = urlsplit(endpoint)
    if address.username or address.password or address.query:
        raise InputError(
            "the endpoint of an s3:// place holds credentials or options",
            hint="give only https://host[:port]; credentials go in the environment",
        )
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise InputError(f"the endpoint {endpoint!r} is no address", hint="https://host[:port]")
    _check_encrypted(address)


def _check_encrypted(address: SplitResult) -> None:
    trusted = os.environ.get("AWS_ALLOW_HTTP", "").lower() in _YES
    if address.scheme == "http" and address.hostname not in _LOOPBACK and not trusted:
        raise InputError(
            f"{_bare(address)!r} would send data unencrypted to another machine",
            hint="use https://, or set AWS_ALLOW_HTTP=true on a network that you trust",
        )


def _http(address: SplitResult, options: dict[str, str]) -> ObjectStore:
    _refuse_options("http(s)://", address, options)
    _check_encrypted(address)
    url = _bare(address)
    client: ClientConfig = {**_CLIENT, "allow_http": address.scheme == "http"}
    if token := tokens().get(address.netloc.lower()):
        client["default_headers"] = {"authorization": f"Bearer {token}"}
    return ObjectStore(
        lambda: HTTPStore.from_url(url, client_options=client, retry_config=_RETRY),
        url,
        open_store,
        writable=False,
    )


def tokens() -> dict[str, str]:
    """Return the tokens for served lakes by their hosts: each is sent to its own host alone.

    They are what the environment's ``PANNEURO_TOKENS`` says: ``lake.example=pnr_…``.
    """
    pairs = (word.partition("=") for word in os.environ.get("PANNEURO_TOKENS", "").split())
    return {host.lower(): token for host, _, token in pairs if token}


def _cloud(address: SplitResult, options: dict[str, str]) -> ObjectStore:
    _refuse_options(f"{address.scheme}://", address, options)
    url = _bare(address)
    return ObjectStore(
        lambda: from_url(url, client_options=_CLIENT, retry_config=_RETRY), url, open_store
    )


def put_new(store: Store, key: str, data: bytes | memoryview) -> bool:
    """Commit an object: create it, or find that the same bytes are already there.

    A write whose answer was lost is settled by reading back, so the same call can be made again
    at any time, by any number of writers.

    Parameters
    ----------
    store : Store
        A store that honours create-only puts, see :func:`probe`.
    key : str
        The key.
    data : bytes or memoryview
        The object, whole.

    Returns
    -------
    bool
        True if this call is known to have created the object, False if it was found with
        identical bytes.

    Raises
    ------
    ConflictError
        An object with other bytes is there.
    StoreError
        The store failed, and the object is not there.

    Examples
    --------
    >>> store = open_store("memory://commits")
    >>> put_new(store, "asset.json", b"{}"), put_new(store, "asset.json", b"{}")
    (True, False)
    """
    attempt = 1
    while True:
        try:
            store.put(key, data, create=True)
        except StoreError:
            if _already_there(store, key, data):
                return False
            if attempt == _ATTEMPTS:
                raise
            attempt += 1
        else:
            return True


def _already_there(store: Store, key: str, data: bytes | memoryview) -> bool:
    try:
        found = store.get(key)
    except ObjectNotFoundError:
        return False
    if found == data:
        return True
    raise ConflictError(
        f"cannot commit {key!r} at {store.url!r}: another writer committed other bytes there",
        hint="read what is there; to keep both, commit under another name or version",
    )


@lru_cache(maxsize=64)
def probe(store: Store) -> None:
    """Make sure that a store honours create-only puts; asked once for each handle.

    Several servers that speak S3 answer a create-only put over an existing object with success
    and overwrite it: commits by two writers would be lost there without a word.

    Raises
    ------
    UnsafeStoreError
        The store lets a second create-only put succeed.
    StoreError
        The store cannot be written to.
    """
    key = f"_probe/{uuid.uuid4().hex}"
    store.put(key, b"first", create=True)
    try:
        store.put(key, b"second", create=True)
    except ObjectExistsError:
        return
    finally:
        store.delete(key)
    raise UnsafeStoreError(
        f"{store.url!r} ignores create-only puts, so commits on it could be lost",
        hint="write to a store that honours If-None-Match (AWS S3, Ceph, GCS, Azure, a folder)",
    )


def clear_unfinished(store: Store, older_than: timedelta) -> int:
    """Delete what killed writers left half-written in a folder store.

    Such files are in nobody's way but take space. A bucket keeps its own out of sight, where a
    lifecycle rule clears them.

    Parameters
    ----------
    store : Store
        The store; nothing is done unless it is a folder.
    older_than : timedelta
        Spare what was written to since: its writer may be alive.

    Returns
    -------
    int
        Bytes freed.

    Raises
    ------
    StoreError
        A file cannot be deleted.
    """
    if not isinstance(store, FolderStore):
        return 0
    before = time.time() - older_than.total_seconds()
    return sum(_clear(path, before) for path in _unfinished(store.root))


def _unfinished(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if UNFINISHED.search(name))


def _clear(path: Path, before: float) -> int:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_mtime >= before:
            return 0
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StoreError(
            f"cannot delete the half-written file {str(path)!r}: {error.strerror}",
            hint="check the owner and the mode of its folder",
        ) from None
    return found.st_size
