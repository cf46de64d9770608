"""Statements about access as objects in the lake, each put once; and packs of many of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from panneuro.access.statements import Statement, decode
from panneuro.core.digests import digest_bytes
from panneuro.core.errors import CorruptionError, ObjectExistsError
from panneuro.core.store import Store
from panneuro.storage.durability import make_durable

FOLDER = "grants"

_NAME = re.compile(rf"{FOLDER}/([0-9a-f]{{64}})\.json")
_PACK = re.compile(rf"{FOLDER}/packs/([0-9a-f]{{64}})\.jsonl")
_UNPACKED = 100
_AT_ONCE = 16


class Statements:
    """All that was ever said in a lake: what is known is not read again.

    Its caller lets in one thread at a time.

    Parameters
    ----------
    store : Store
        The lake's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Statement] = {}
        self._packed: set[str] = set()
        self._packs: set[str] = set()

    def listed(self) -> dict[str, Statement]:
        """List what there is, read what is not known, and return it by its id, in order.

        Raises
        ------
        CorruptionError
            If one cannot be read.
        """
        listed = [found.key for found in self._store.list(FOLDER)]
        ids = {match[1] for key in listed if (match := _NAME.fullmatch(key))}
        missing = ids - self._known.keys()
        packs = {key for key in listed if _PACK.fullmatch(key)} - self._packs
        if packs and len(missing) > len(packs):
            self._read_packs(sorted(packs))
            missing = ids - self._known.keys()
        with ThreadPoolExecutor(_AT_ONCE, "panneuro-grants") as threads:
            for one in threads.map(self._read, sorted(missing)):
                self._known[one.id] = one
        return {id_: self._known[id_] for id_ in sorted(ids)}

    def put(self, statement: Statement) -> None:
        """Put a statement into the lake, on the disk; that it is there already is no error."""
        key = f"{FOLDER}/{statement.id}.json"
        with suppress(ObjectExistsError):
            self._store.put(key, statement.encode(), create=True)
        make_durable(self._store, [key])

    def pack(self, statements: Iterable[Statement]) -> None:
        """Put many statements into one object beside them, for those who come and know none."""
        loose = {one.id: one for one in statements if one.id not in self._packed}
        if len(loose) < max(_UNPACKED, len(self._packed)):
            return
        data = b"\n".join(one.encode() for one in loose.values())
        key = f"{FOLDER}/packs/{digest_bytes(data).partition(':')[2]}.jsonl"
        with suppress(ObjectExistsError):
            self._store.put(key, data, create=True)
        self._packed |= loose.keys()
        self._packs.add(key)

    def _read(self, id_: str) -> Statement:
        return _decode_as(self._store.get(f"{FOLDER}/{id_}.json"), id_)

    def _read_packs(self, keys: Iterable[str]) -> None:
        for key in keys:
            for line in self._store.get(key).splitlines():
                id_ = digest_bytes(line).partition(":")[2]
                self._known[id_] = _decode_as(line, id_)
                self._packed.add(id_)
            self._packs.add(key)


def _decode_as(data: bytes, id_: str) -> Statement:
    statement = decode(data)
    if statement.id != id_:
        raise CorruptionError(
            f"the statement {id_!r} about access is not what its name says",
            hint="until it is put right nobody but who holds the store may anything",
        )
    return statement
