"""A lake as one actor sees it: every route takes its lake from here, and nowhere else."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

from panneuro.core.entry import Entry
from panneuro.core.errors import NotFoundError
from panneuro.core.manifest import Manifest
from panneuro.core.query import Query
from panneuro.lake.asset import Asset, parse_reference
from panneuro.lake.finding import Found
from panneuro.lake.lake import Lake

_OPEN_ASSETS = 32


class Shelf:
    """What is kept in memory because it is asked for again: the least recently used goes first.

    Parameters
    ----------
    room : int
        How much fits, in the measure of `size`.
    size : callable, optional
        How much room a value takes; one where not given.

    Examples
    --------
    >>> shelf = Shelf(2)
    >>> [shelf.take(key, lambda: key.upper()) for key in "abca"]
    ['A', 'B', 'C', 'A']
    >>> len(shelf)
    2
    """

    def __init__(self, room: int, size: Callable[[Any], int] = lambda _: 1) -> None:
        self._room = room
        self._size = size
        self._used = 0
        self._lock = Lock()
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def take[T](self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what lies under a key, making it where it is missing; two may make it at once."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                found: T = self._held[key][0]
                return found
        value = make()
        with self._lock:
            self._put(key, value)
        return value

    def _put(self, key: Hashable, value: Any) -> None:
        size = self._size(value)
        if key in self._held or size > self._room:
            return
        self._held[key] = (value, size)
        self._used += size
        while self._used > self._room:
            self._used -= self._held.popitem(last=False)[1][1]


class Seen:
    """A lake as one actor sees it: what is not visible is not there.

    Parameters
    ----------
    lake : Lake
        The whole.
    visible : Query
        What the actor may see; the empty query is everything.
    opened : Shelf
        Of assets that were opened before, by anybody.

    Examples
    --------
    >>> import panneuro
    >>> from panneuro.core.query import parse
    >>> lake = panneuro.open("memory://seen", create=True)
    >>> Seen(lake, parse("project=ripples"), Shelf(8)).find("CA1").query
    Query(conditions=(Words(tokens=('ca1',), prefix=False, negated=False), \
Match(field='project', operator='=', values=(('ripples',),))))
    """

    def __init__(self, lake: Lake, visible: Query, opened: Shelf) -> None:
        self.lake = lake
        self.visible = visible
        self._opened = opened

    def find(self, text: str = "") -> Found:
        """Search what is visible."""
        return Found(self.lake.index, self.lake.find(text).query & self.visible)

    def entry(self, reference: str) -> Entry:
        """Return what the index says of ``NAME`` or ``NAME@VERSION``.

        Raises
        ------
        NotFoundError
            If there is none, or none that is visible: the two are told alike.
        """
        name, version = parse_reference(reference)
        entry = self.lake.index.get(name, version or None)
        if entry is None or not self.visible.matches(entry):
            raise NotFoundError(
                f"there is no asset {reference!r}", hint=self._suggestion(name, reference)
            )
        return entry

    def asset(self, reference: str, verb: str = "find") -> Asset:  # noqa: ARG002
        """Open ``NAME`` (its latest version) or ``NAME@VERSION``.

        Parameters
        ----------
        reference : str
            What is opened.
        verb : {"find", "read"}
            Whether documents and lists are looked at, or signals and files are read.
        """
        entry = self.entry(reference)
        return self._opened.take(
            (entry.name, entry.version, entry.digest),
            lambda: Asset.open(self.lake.store, entry.name, entry.version),
        )

    def versions(self, name: str) -> list[Manifest]:
        """Return the visible versions of an asset, oldest first."""
        return [
            manifest
            for manifest in self.lake.versions(self.entry(name).name)
            if (entry := self.lake.index.get(manifest.name, manifest.version)) is not None
            and self.visible.matches(entry)
        ]

    def complete(self, prefix: str, limit: int = 12) -> list[str]:
        """Return words of a search that begin so, of what is visible."""
        return self.lake.catalog.complete(prefix, limit, self.visible)

    def _suggestion(self, name: str, reference: str) -> str:
        close = difflib.get_close_matches(name, self.complete(name[:3], 200), 1)
        return f"did you mean {close[0]!r}?" if close and "@" not in reference else ""


def shelf_of_assets() -> Shelf:
    """Return the shelf on which a server keeps its opened assets."""
    return Shelf(_OPEN_ASSETS)
