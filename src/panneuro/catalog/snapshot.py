"""A slim snapshot of a catalog in one Parquet file, so that a bucket is searched with no index.

A column holds each field (`field:species`, …; dates also as `seconds:date`, since 1970), so that a
search reads the columns that it asks about and nothing else; `words` holds what full-text search
looks at, `shown` what a table row shows, and which numbers are whole. Documents and raw text
stay behind. Anything that reads Parquet reads a snapshot.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import RawIOBase
from itertools import batched, groupby
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from panneuro.catalog.facets import facet_field
from panneuro.catalog.rank import rarity, score
from panneuro.core.catalog import Facet, Page
from panneuro.core.conditions import AnyOf, Condition, Match, Words, fits
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import CorruptionError, InputError
from panneuro.core.fields import FIELDS, asked_field, is_extension
from panneuro.core.query import Query

LAYOUT = "3"
"""Number of the layout, in the file's metadata."""

_ROW_GROUP = 65_536
_MARK = b"panneuro.catalog"
_PREFIX = "field:"
_SECONDS = "seconds:"
_EXTENSIONS = "extensions"
_DISPLAY = "shown"
_IDENTITY = ("name", "version", "created", "digest")
_RANKED = 2_000
_SHOWN = [name for name in FIELDS if name not in {"name", "version", "created", "text"}]

_DATES = [name for name, field in FIELDS.items() if field.kind == "date"]

Mask = npt.NDArray[np.bool_]


def _type(kind: str) -> pa.DataType:
    if kind == "number":
        return pa.float64()
    return pa.list_(pa.string()) if kind == "keyword-list" else pa.string()


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _IDENTITY]
    + [("latest", pa.bool_()), ("words", pa.large_string())]
    + [(_EXTENSIONS, pa.string()), (_DISPLAY, pa.string())]
    + [(f"{_PREFIX}{name}", _type(FIELDS[name].kind)) for name in _SHOWN]
    + [(f"{_SECONDS}{name}", pa.float64()) for name in _DATES],
    metadata={_MARK: LAYOUT.encode()},
)


def write_snapshot(entries: Iterable[Entry], to: Path | str | IO[bytes]) -> int:
    """Write a snapshot and return how many entries it holds.

    Parameters
    ----------
    entries : iterable of Entry
        All versions of a name next to each other, as ``SqliteCatalog.entries`` yields them.
    to : path or binary file
        Where to write.
    """
    written = 0
    with pq.ParquetWriter(to, _SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for chunk in batched(_told_latest(entries), _ROW_GROUP):
            writer.write_batch(pa.RecordBatch.from_pylist([*map(_row, chunk)], schema=_SCHEMA))
            written += len(chunk)
    return written


def _told_latest(entries: Iterable[Entry]) -> Iterator[tuple[Entry, bool]]:
    for _, group in groupby(entries, lambda entry: entry.name):
        same = list(group)
        latest = max(same, key=lambda entry: entry.age_key)
        yield from ((entry, entry is latest) for entry in same)


def _row(told: tuple[Entry, bool]) -> dict[str, Any]:
    entry, latest = told
    own = {name: value for name, value in entry.fields.items() if is_extension(name)}
    row: dict[str, Any] = {name: getattr(entry, name) for name in _IDENTITY}
    row |= {"latest": latest, "words": entry.words()}
    row |= {_EXTENSIONS: json.dumps(own, sort_keys=True) if own else None}
    whole = [name for name, value in entry.fields.items() if type(value) is int]
    row[_DISPLAY] = json.dumps([list(entry.fields), whole, entry.doc])
    row |= {f"{_SECONDS}{name}": value for name, value in entry.numbers() if name in _DATES}
    for name, value in entry.fields.items():
        if name not in own:
            row[f"{_PREFIX}{name}"] = float(value) if isinstance(value, int) else value
    return row


class SnapshotCatalog:
    """A `panneuro.core.catalog.Searchable` over a snapshot, which it reads column by column.

    Entries are those of the catalog it was made from, without their free text.

    Parameters
    ----------
    source : bytes, path or seekable binary file
        The snapshot.

    Raises
    ------
    CorruptionError
        If the source is no snapshot.

    Examples
    --------
    >>> import io
    >>> from panneuro.core.query import parse
    >>> file = io.BytesIO()
    >>> write_snapshot([Entry("a", "1", "2024-05-01", "sha256:…", {"units": 7})], file)
    1
    >>> SnapshotCatalog(file.getvalue()).count(parse("units>5"))
    1
    """

    def __init__(self, source: bytes | Path | str | IO[bytes] | RawIOBase) -> None:
        try:
            opened = pa.BufferReader(source) if isinstance(source, bytes) else source
            self._file = pq.ParquetFile(opened, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from error
        found = (self._file.schema_arrow.metadata or {}).get(_MARK)
        if found != LAYOUT.encode():
            raise CorruptionError(
                f"cannot read a catalog snapshot of layout {found!r}, only of {LAYOUT!r}",
                hint="panneuro reindex",
            )
        self._columns: dict[str, pa.Array] = {}

    def verify(self) -> None:
        """Read all of it.

        Raises
        ------
        CorruptionError
            If a page is not what its checksum says.
        """
        for name in self._file.schema_arrow.names:
            self._column(name)

    def get(self, name: str, version: str | None = None) -> Entry | None:
        """Return one version of an asset, by default the latest, or None."""
        met = _numpy(pc.equal(self._column("name"), pa.scalar(name, pa.string())))
        met &= (
            self._latest
            if version is None
            else _numpy(pc.equal(self._column("version"), pa.scalar(version, pa.string())))
        )
        return next(iter(self._entries(np.flatnonzero(met))), None)

    def find(
        self,
        query: Query,
        limit: int = 50,
        offset: int = 0,
        sort: str = "-date",
        versions: bool = False,
    ) -> Page:
        """Return a page of what a query finds; see `panneuro.core.catalog.Searchable.find`."""
        if limit < 0 or offset < 0:
            raise InputError(f"cannot show {limit!r} entries from {offset!r} on")
        found = np.flatnonzero(self._matching(query, versions=versions))
        ordered = self._ordered(found, sort, query.words)
        end = offset + limit
        entries = tuple(self._entries(ordered[offset:end]))
        return Page(entries, len(found), following=end if end < len(found) and limit else None)

    def facets(
        self, query: Query, fields: Sequence[str], limit: int = 10, versions: bool = False
    ) -> Mapping[str, Facet]:
        """Return the most frequent values of some keyword fields among what a query finds."""
        names = {field: facet_field(field) for field in fields}
        met = self._matching(query, versions=versions)
        return {field: self._facet(name, met, limit) for field, name in names.items()}

    def count(self, query: Query, bound: int | None = None, versions: bool = False) -> int:
        """Return how many entries a query finds, or ``bound`` if there are at least as many."""
        total = int(np.count_nonzero(self._matching(query, versions=versions)))
        return total if bound is None else min(total, bound)

    def names(self, query: Query) -> Iterator[str]:
        """Yield the names of the assets that a query finds, in no particular order."""
        found = np.flatnonzero(self._matching(query, versions=False))
        yield from self._column("name").take(found).to_pylist()

    def latest(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the name and latest version of the assets that a query finds, in no order."""
        found = np.flatnonzero(self._matching(query, versions=False))
        names, versions = self._column("name").take(found), self._column("version").take(found)
        yield from zip(names.to_pylist(), versions.to_pylist(), strict=True)

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        self._file.close()

    def _column(self, name: str) -> pa.Array:
        found = self._columns.get(name)
        if found is None:
            try:
                column = self._file.read([name]).column(0)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(error) from error
            found = pa.concat_arrays(column.chunks) if column.chunks else pa.array([], column.type)
            self._columns[name] = found
        return found

    @cached_property
    def _latest(self) -> Mask:
        return _numpy(self._column("latest"))

    @cached_property
    def _ages(self) -> npt.NDArray[np.int64]:
        """The place of each row in the order of commits, by which equals are told apart."""
        order = np.argsort(self._column("created").to_numpy(zero_copy_only=False), kind="stable")
        ages = np.empty(len(order), np.int64)
        ages[order] = np.arange(len(order))
        return ages

    @cached_property
    def _own(self) -> list[dict[str, Any]]:
        return [json.loads(text) if text else {} for text in self._column(_EXTENSIONS).to_pylist()]

    def _matching(self, query: Query, *, versions: bool) -> Mask:
        met = self._meeting_all(query.conditions)
        return met if versions else met & self._latest

    def _meeting_all(self, conditions: Iterable[Condition]) -> Mask:
        met = np.ones(len(self._latest), bool)
        for condition in conditions:
            met &= self._meeting(condition) != condition.negated
        return met

    def _meeting(self, condition: Condition) -> Mask:
        if isinstance(condition, AnyOf):
            found = np.zeros(len(self._latest), bool)
            for every in condition.alternatives:
                found |= self._meeting_all(every)
            return found
        if isinstance(condition, Words):
            return _numpy(pc.match_substring(self._column("words"), condition.run))
        met = np.zeros(len(self._latest), bool)
        if condition.patterns:
            met |= self._keyword(condition.field, _fitting(condition))
        if condition.ranges:
            values = self._numbers(condition.field)
            for span in condition.ranges:
                above = values > span.low if span.low_open else values >= span.low
                met |= above & (values < span.high if span.high_open else values <= span.high)
        return met

    def _keyword(self, field: str, fitting: Callable[[str], bool]) -> Mask:
        """Return the rows with a value that fits, asking once for each distinct value."""
        rows, codes, values = self._coded(field)
        wanted = np.fromiter((fitting(value) for value in values), bool, len(values))
        met = np.zeros(len(self._latest), bool)
        if len(values):
            met[rows[wanted[codes]]] = True
        return met

    def _coded(self, field: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[str]]:
        """Return the rows that have values, the code of each value, and what codes stand for."""
        if is_extension(field):
            pairs = [
                (row, v) for row, own in enumerate(self._own) for v in _strings(own.get(field))
            ]
            rows = np.array([row for row, _ in pairs], np.int64)
            flat = pa.array([value for _, value in pairs], pa.string())
        else:
            column = self._column(field if field in _IDENTITY else f"{_PREFIX}{field}")
            if pa.types.is_list(column.type):
                rows, flat = pc.list_parent_indices(column).to_numpy(), pc.list_flatten(column)
            else:
                rows = np.flatnonzero(_numpy(column.is_valid()))
                flat = column.drop_null()
        coded = flat.dictionary_encode()
        return rows, coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()

    def _numbers(self, field: str) -> npt.NDArray[np.float64]:
        """Return a field as numbers, NaN where it has none; dates in seconds since 1970."""
        if is_extension(field):
            return np.array([_number(own.get(field)) for own in self._own], float)
        prefix = _SECONDS if field in _DATES else _PREFIX
        return np.asarray(self._column(f"{prefix}{field}").to_numpy(zero_copy_only=False), float)

    def _facet(self, field: str, met: Mask, limit: int) -> Facet:
        rows, codes, values = self._coded(field)
        folded = [fold(value) for value in values]
        first = {name: at for at, name in reversed(list(enumerate(folded)))}
        if not values:
            return []
        unified = np.array([first[name] for name in folded])[codes]
        inside = met[rows]
        pairs = np.sort(rows[inside] * len(values) + unified[inside])
        distinct = pairs[np.diff(pairs, prepend=-1) > 0]
        counts = np.bincount(distinct % len(values), minlength=len(values))
        found = ((-int(counts[code]), folded[code], code) for code in np.flatnonzero(counts))
        best = heapq.nsmallest(limit, found)
        return [(values[code], -negative) for negative, _, code in best]

    def _ordered(
        self, found: npt.NDArray[np.int64], sort: str, words: tuple[Words, ...]
    ) -> npt.NDArray[np.int64]:
        name, down = sort.removeprefix("-"), sort.startswith("-")
        if name == "rank":
            return self._ranked(found, words)
        ages = self._ages[found]
        if name == "name":
            folded = [fold(one) for one in self._column("name").take(found).to_pylist()]
            pairs = sorted(zip(folded, ages, range(len(found)), strict=True), reverse=down)
            return found[np.array([at for *_, at in pairs], np.int64)]
        field = asked_field(name, f"sort={sort}")
        if field.kind not in {"number", "date", "any"}:
            raise InputError(f"cannot sort by {name!r}: it is a {field.kind}")
        values = self._numbers(field.name)[found]
        newest_first = down | np.isnan(values)
        ties = np.where(newest_first, -ages, ages)
        return found[np.lexsort((ties, -values if down else values))]

    def _ranked(
        self, found: npt.NDArray[np.int64], words: tuple[Words, ...]
    ) -> npt.NDArray[np.int64]:
        """Rank by BM25 the first 2,000; what follows keeps its order."""
        total = len(self._latest)
        wanted = [(one, rarity(int(self._meeting(one).sum()), total)) for one in words]
        head, tail = found[:_RANKED], found[_RANKED:]
        texts = self._column("words").take(head).to_pylist()
        scores = np.array([score(text, wanted) for text in texts], float)
        return np.concatenate([head[np.lexsort((-self._ages[head], -scores))], tail])

    def _entries(self, rows: npt.NDArray[np.int64]) -> Iterator[Entry]:
        if not len(rows):
            return
        shown = [f"{_PREFIX}{name}" for name in _SHOWN]
        columns = {
            name: self._column(name).take(rows).to_pylist()
            for name in (*_IDENTITY, _EXTENSIONS, _DISPLAY, *shown)
        }
        for at in range(len(rows)):
            values = {name: columns[f"{_PREFIX}{name}"][at] for name in _SHOWN}
            own = columns[_EXTENSIONS][at]
            values |= json.loads(own) if own else {}
            order, whole, doc = json.loads(columns[_DISPLAY][at])
            values |= {name: int(values[name]) for name in whole}
            fields = {name: values[name] for name in order}
            name, version, created, digest = (columns[name][at] for name in _IDENTITY)
            yield Entry(name, version, created, digest, fields, doc=doc)


def _fitting(condition: Match) -> Callable[[str], bool]:
    patterns = condition.patterns
    return lambda value: any(fits(pattern, fold(value)) for pattern in patterns)


def _numpy(array: pa.Array) -> Mask:
    return np.asarray(array.to_numpy(zero_copy_only=False), bool)


def _strings(value: Any) -> list[str]:
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if numeric else np.nan


def _damaged(error: Exception) -> CorruptionError:
    return CorruptionError(f"cannot read a catalog snapshot: {error}", hint="panneuro reindex")
