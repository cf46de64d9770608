"""The end of what a step says, by printing, logging and warning."""

from __future__ import annotations

import io
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, redirect_stderr, redirect_stdout
from types import TracebackType
from typing import Self, TextIO

_KEPT = 20_000
Hear = Callable[[str], None]


class Listener(AbstractContextManager["Listener"]):
    """Keeps the last 20,000 characters that are said while it listens, and passes them on.

    Only the main thread can redirect what is printed; in others, logging alone is heard.

    Examples
    --------
    >>> with Listener() as listener:
    ...     print("17 units")
    17 units
    >>> listener.text
    '17 units\\n'
    """

    def __init__(self) -> None:
        self._said: list[str] = []
        self._length = 0
        self._stack = ExitStack()
        self._handler = _Handler(self._hear)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._handler)
        if threading.current_thread() is threading.main_thread():
            self._stack.enter_context(redirect_stdout(_Tee(sys.stdout, self._hear)))
            self._stack.enter_context(redirect_stderr(_Tee(sys.stderr, self._hear)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self._handler)
        self._stack.close()

    def _hear(self, text: str) -> None:
        self._said.append(text)
        self._length += len(text)
        while self._said and self._length - len(self._said[0]) > _KEPT:
            self._length -= len(self._said.pop(0))

    def note_traceback(self, error: BaseException) -> None:
        """Keep where an error came from."""
        self._hear("".join(traceback.format_exception(error)))

    @property
    def text(self) -> str:
        """What was said last."""
        return "".join(self._said)[-_KEPT:]


class _Tee(io.TextIOBase):
    def __init__(self, onward: TextIO, hear: Hear) -> None:
        self._onward = onward
        self._hear = hear

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            # By this, those who write find out that a stream is one of text.
            raise TypeError(f"text is written here, not {type(text).__name__}")
        self._hear(text)
        self._onward.write(text)
        return len(text)

    def flush(self) -> None:
        self._onward.flush()


class _Handler(logging.Handler):
    """Hears what its own thread logs."""

    def __init__(self, hear: Hear) -> None:
        super().__init__(logging.INFO)
        self._hear = hear
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._hear(f"{record.levelname} {record.name}: {record.getMessage()}\n")
