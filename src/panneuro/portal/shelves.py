"""What a server keeps in memory because it is asked for again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

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
        self._making: dict[Hashable, Lock] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def take[T](self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what lies under a key, making it where it is missing.

        Whoever asks for what another is making waits for it.
        """
        return self.take_all([key], lambda _: [make()])[0]

    def take_all[K: Hashable, T](
        self, keys: Sequence[K], make: Callable[[list[K]], Sequence[T]]
    ) -> list[T]:
        """Return what lies under some keys, making at once what is missing; see `take`.

        Parameters
        ----------
        keys : sequence
            In an order that is the same for all who ask, so that none waits for each other.
        make : callable
            Given those that are missing, returns a value for each.
        """
        held: dict[K, T] = {}
        with ExitStack() as claims:
            missing = []
            for key in keys:
                found = self._found(key)
                if not found:
                    claims.enter_context(self._claimed(key))
                    found = self._found(key)
                if found:
                    held[key] = found[0]
                else:
                    missing.append(key)
            if missing:
                held |= zip(missing, make(missing), strict=True)
            with self._lock:
                for key in missing:
                    self._put(key, held[key])
        return [held[key] for key in keys]

    @contextmanager
    def _claimed(self, key: Hashable) -> Iterator[None]:
        """Have others who miss a key wait."""
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            try:
                yield
            finally:
                with self._lock:
                    if self._making.get(key) is making:
                        del self._making[key]

    def _found(self, key: Hashable) -> list[Any]:
        """Return what lies under a key, none where nothing does."""
        with self._lock:
            if key not in self._held:
                return []
            self._held.move_to_end(key)
            return [self._held[key][0]]

    def _put(self, key: Hashable, value: Any) -> None:
        size = self._size(value)
        if key in self._held or size > self._room:
            return
        self._held[key] = (value, size)
        self._used += size
        while self._used > self._room:
            self._used -= self._held.popitem(last=False)[1][1]


def shelf_of_assets() -> Shelf:
    """Return the shelf on which a server keeps its opened assets."""
    return Shelf(_OPEN_ASSETS)
