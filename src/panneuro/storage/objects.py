"""One store over every backend of obstore, and the extra care that a folder needs."""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from panneuro.core.errors import (
    InputError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreDeniedError,
    StoreError,
)
from panneuro.core.store import ObjectInfo, Usage, check_key, check_prefix, is_key
from panneuro.storage.refusals import NO_BUCKET, refusal

if TYPE_CHECKING:
    from obstore import Bytes, ObjectMeta
    from obstore.store import ObjectStore as Backend

MERGE_GAP = 256 * 1024
"""Ranges of one object that are closer than this many bytes are read in one request."""

PART = 16 * 1024 * 1024
"""Objects above this many bytes are sent in parts of this size."""

_PAGE = 1000


class ObjectStore:
    """A store on any backend of obstore.

    Parameters
    ----------
    connect : callable
        What makes the backend, at the first request.
    url : str
        How the store is opened again.
    opener : callable
        What opens it again from `url`, in this process or another. A pickle carries these two
        alone, so that credentials stay in the environment of each process.
    writable : bool
        Whether the backend can be written to at all.
    """

    def __init__(
        self,
        connect: Callable[[], Backend],
        url: str,
        opener: Callable[[str], ObjectStore],
        *,
        writable: bool = True,
    ) -> None:
        self._connect = connect
        self._opener = opener
        self._writable = writable
        self.url = url
        self.usage = Usage()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._opener, (self.url,)

    @cached_property
    def _backend(self) -> Backend:
        return self._connect()

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        with self._asking("read", check_key(key)):
            return self._received(obstore.get(self._backend, key).bytes())

    async def get_async(self, key: str) -> bytes:
        """Return what :meth:`get` returns."""
        with self._asking("read", check_key(key)):
            answer = await obstore.get_async(self._backend, key)
            return self._received(await answer.bytes_async())

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        if not _wanted(check_key(key), start, length):
            return b""
        with self._asking("read", key):
            data = obstore.get_range(self._backend, key, start=start, length=length)
            return _whole(self._received(data), key, start, length)

    async def get_range_async(self, key: str, start: int, length: int) -> bytes:
        """Return what :meth:`get_range` returns."""
        if not _wanted(check_key(key), start, length):
            return b""
        with self._asking("read", key):
            data = await obstore.get_range_async(self._backend, key, start=start, length=length)
            return _whole(self._received(data), key, start, length)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return many ranges, in the order asked; near ones come in one request."""
        spans = merge_ranges([pair for pair in ranges if _wanted(check_key(key), *pair)])
        if not spans:
            return [b""] * len(ranges)
        starts = [start for start, _ in spans]
        sizes = [length for _, length in spans]
        with self._asking("read", key, requests=len(spans)):
            parts = obstore.get_ranges(self._backend, key, starts=starts, lengths=sizes, coalesce=0)
            blocks = [
                _whole(self._received(part), key, *span)
                for part, span in zip(parts, spans, strict=True)
            ]
        return [_cut(starts, blocks, *pair) for pair in ranges]

    def link(self, key: str, seconds: int) -> str | None:
        """Return an address by which anyone may read an object for a while.

        Parameters
        ----------
        key : str
            Of the object, which need not be there.
        seconds : int
            How long it may be read.

        Returns
        -------
        str or None
            None where the backend gives out no such addresses.
        """
        backend = self._backend
        if not isinstance(backend, (S3Store, GCSStore, AzureStore)):
            return None
        with self._asking("sign a link to", check_key(key), requests=0):
            return obstore.sign(backend, "GET", key, timedelta(seconds=seconds))

    def put(self, key: str, data: bytes | memoryview, *, create: bool = False) -> None:
        """Write an object whole or not at all; with `create`, only where there is none."""
        self._check_writable(check_key(key))
        raw = data.cast("B") if isinstance(data, memoryview) else data
        # A condition on an object sent in parts is ignored by some servers.
        parted = len(raw) > PART and not create
        with self._asking("write", key, requests=_requests(len(raw)) if parted else 1):
            obstore.put(
                self._backend,
                key,
                raw,
                mode="create" if create else "overwrite",
                use_multipart=parted,
                chunk_size=PART,
            )
            self.usage.add(bytes_written=len(raw))

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file of any size, whole or not at all; a part is in memory."""
        self._check_writable(check_key(key))
        size = _file_size(path)
        with self._asking("write", key, requests=_requests(size)):
            obstore.put(self._backend, key, path, use_multipart=size > PART, chunk_size=PART)
            self.usage.add(bytes_written=size)

    @property
    def has_classes(self) -> bool:
        """Whether objects can be kept in classes of storage: in S3."""
        return isinstance(self._backend, S3Store)

    def keep_as(self, key: str, storage_class: str) -> None:
        """Keep an object in another class of storage: it is written again, whole or not at all.

        Parameters
        ----------
        key : str
            Of the object.
        storage_class : str
            As the provider calls it: ``GLACIER_IR``.

        Raises
        ------
        InputError
            If the store has no classes.
        """
        if not self.has_classes:
            raise InputError(f"keeping {key!r} as {storage_class!r}: {self.url} has no classes")
        self._check_writable(check_key(key))
        with self._asking("move", key), NamedTemporaryFile() as held:
            for part in obstore.get(self._backend, key).stream(min_chunk_size=PART):
                held.write(part)
            held.seek(0)
            size = os.fstat(held.fileno()).st_size
            attributes = {"Storage-Class": storage_class}
            parted = size > PART
            obstore.put(self._backend, key, held, attributes=attributes, use_multipart=parted)
            self.usage.add(requests=_requests(size), bytes_read=size, bytes_written=size)

    def info(self, key: str) -> ObjectInfo:
        """Return what is known of an object without reading it."""
        with self._asking("look at", check_key(key)):
            return _info(obstore.head(self._backend, key))

    def delete(self, key: str) -> None:
        """Delete an object; that it is already gone is no error."""
        self._check_writable(check_key(key))
        with suppress(ObjectNotFoundError), self._asking("delete", key):
            obstore.delete(self._backend, key)

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder: whole keys, sorted."""
        folder = check_prefix(prefix)
        with self._asking("list", folder):
            found = obstore.list_with_delimiter(self._backend, prefix=folder or None)
            return sorted(filter(is_key, found["common_prefixes"]))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object below a folder, in no promised order."""
        folder = check_prefix(prefix)
        with self._asking("list", folder):
            pages = obstore.list(self._backend, prefix=folder or None, chunk_size=_PAGE)
        while True:
            with self._asking("list", folder, requests=0):
                page = next(pages, None)
            if page is None:
                return
            self.usage.add(requests=int(len(page) == _PAGE))
            yield from (_info(meta) for meta in page if is_key(meta["path"]))

    def _check_writable(self, key: str) -> None:
        if not self._writable:
            raise StoreDeniedError(
                f"cannot write {key!r} to {self.url!r}: places behind http(s) are read-only",
                hint="copy what you need to a folder or a bucket, and write there",
            )

    def _received(self, data: Bytes) -> bytes:
        self.usage.add(bytes_read=len(data))
        return data.to_bytes()

    @contextmanager
    def _asking(self, verb: str, key: str, requests: int = 1) -> Iterator[None]:
        """Count requests, and turn what obstore raises into errors of ours."""
        self.usage.add(requests=requests)
        try:
            yield
        except FileNotFoundError:
            raise self._absent(verb, key) from None
        except AlreadyExistsError:
            raise ObjectExistsError(
                f"cannot create {key!r}: {self.url!r} already holds an object under that key"
            ) from None
        except (BaseError, OSError, ValueError, NotImplementedError) as error:
            # The cause is dropped: its text may quote the request, signed address and all.
            raise refusal(verb, key, self.url, error) from None

    def _absent(self, verb: str, key: str) -> StoreError:
        if verb in {"write", "list"}:
            return StoreError(f"cannot {verb} {key!r}: {self.url!r} does not exist", hint=NO_BUCKET)
        return ObjectNotFoundError(
            f"cannot {verb} {key!r}: {self.url!r} holds nothing under that key"
        )


class FolderStore(ObjectStore):
    """A store on a folder, which the first put makes.

    Symbolic links below the root are never followed. Objects are written beside their final name
    (``name#1``) and then renamed; such half-written files are never listed.

    Parameters
    ----------
    root : Path
        The folder.
    opener : callable
        What opens it again from its URL.
    """

    def __init__(self, root: Path, opener: Callable[[str], ObjectStore]) -> None:
        self.root = Path(os.path.realpath(root))
        super().__init__(self._make, self.root.as_uri(), opener)

    def _make(self) -> LocalStore:
        return LocalStore(self.root, mkdir=True, automatic_cleanup=True)

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder: whole keys, sorted."""
        folder = check_prefix(prefix)
        with self._asking("list", folder):
            return [key for key, entry in _entries(self.root, folder) if _is_folder(entry)]

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object below a folder, in no promised order."""
        pending = [check_prefix(prefix)]
        self.usage.add(requests=1)
        while pending:
            folder = pending.pop()
            with self._asking("list", folder, requests=0):
                entries = _entries(self.root, folder)
            for key, entry in entries:
                if _is_folder(entry):
                    pending.append(key)
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        yield _stat(key, entry)

    @contextmanager
    def _asking(self, verb: str, key: str, requests: int = 1) -> Iterator[None]:
        with super()._asking(verb, key, requests):
            self._stay_inside(verb, key)
            yield

    def _stay_inside(self, verb: str, key: str) -> None:
        path, mode = str(self.root), stat.S_IFDIR
        for segment in filter(None, key.split("/")):
            path = f"{path}/{segment}"
            # The links alone are asked for: a resolved path hides those that lead in circles.
            try:
                mode = os.lstat(path).st_mode
            except (FileNotFoundError, NotADirectoryError):
                mode = 0
                break
            if stat.S_ISLNK(mode):
                raise StoreError(
                    f"cannot {verb} {key!r} at {self.url!r}: {path!r} is a symbolic link",
                    hint="replace the link by what it points to",
                )
        if verb in {"read", "look at", "delete"} and not stat.S_ISREG(mode):
            raise FileNotFoundError(path)


def merge_ranges(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ``(start, length)`` ranges that overlap or lie within `MERGE_GAP` of each other.

    Examples
    --------
    >>> merge_ranges([(1_000_000, 10), (50, 20), (0, 10)])
    [(0, 70), (1000000, 10)]
    """
    merged: list[tuple[int, int]] = []
    for start, length in sorted(ranges):
        if merged and start <= sum(merged[-1]) + MERGE_GAP:
            first, so_far = merged[-1]
            merged[-1] = (first, max(so_far, start + length - first))
        else:
            merged.append((start, length))
    return merged


def _requests(size: int) -> int:
    return 1 if size <= PART else -(-size // PART) + 2


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise StoreError(
            f"cannot read the file {str(path)!r}: {error.strerror}",
            hint="check that it is still there and that you may read it",
        ) from None


def _cut(starts: list[int], blocks: list[bytes], start: int, length: int) -> bytes:
    if not length:
        return b""
    at = bisect_right(starts, start) - 1
    offset = start - starts[at]
    return blocks[at][offset : offset + length]


def _wanted(key: str, start: int, length: int) -> bool:
    if start < 0 or length < 0:
        raise InputError(f"cannot read {length} bytes from {start} of {key!r}: both must be >= 0")
    return length > 0


def _whole(data: bytes, key: str, start: int, length: int) -> bytes:
    if len(data) != length:
        raise StoreError(
            f"cannot read {length} bytes from {start} of {key!r}: got {len(data)} bytes",
            hint="the object is shorter than expected, or the answer was cut off",
        )
    return data


def _info(meta: ObjectMeta) -> ObjectInfo:
    etag = meta["e_tag"]
    return ObjectInfo(
        key=meta["path"],
        size=meta["size"],
        modified=meta["last_modified"],
        etag=etag.removeprefix("W/").strip('"') if etag else None,
    )


def _entries(root: Path, folder: str) -> list[tuple[str, os.DirEntry[str]]]:
    """Return what lies in a folder under names that are keys, which half-written files are not."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / folder) as found:
        named = ((f"{folder}/{entry.name}" if folder else entry.name, entry) for entry in found)
        return sorted((pair for pair in named if is_key(pair[0])), key=itemgetter(0))
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _stat(key: str, entry: os.DirEntry[str]) -> ObjectInfo:
    """Return what the backend itself would say of a file."""
    found = entry.stat(follow_symlinks=False)
    micros = found.st_mtime_ns // 1000
    return ObjectInfo(
        key=key,
        size=found.st_size,
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
        etag=f"{found.st_ino:x}-{micros:x}-{found.st_size:x}",
    )
