"""Progress on stderr: a bar on a terminal, elsewhere a plain line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from threading import Event, Lock, Thread
from typing import Any

import click

from panneuro.cli.answers import Answers
from panneuro.cli.texts import in_bytes, in_time
from panneuro.core.progress import Progress, Silence

_LINE_EVERY_S = 10.0
_BAR_EVERY_S = 0.2
_BAR_WIDTH = 24
_CLEAR = "\r\x1b[K"


@dataclass
class Phase:
    """A stretch of work of a known size.

    Parameters
    ----------
    name : str
        What is being done.
    total, done : int
        In `unit`; a total of 0 is not known.
    unit : str
        ``"bytes"``, or what is counted.
    began : float
        When, in seconds of a clock that only goes forward.
    """

    name: str
    total: int
    unit: str = "bytes"
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def told(self, now: float) -> str:
        """Return how far it is.

        Examples
        --------
        >>> Phase("compressing", 4_000_000, done=1_000_000, began=0.0).told(2.0)
        'compressing: 1 MB of 4 MB, 25 %, 500 kB/s, 6 s left'
        """
        amount: Callable[[float], str] = (
            in_bytes if self.unit == "bytes" else lambda count: f"{count:,.0f} {self.unit}"
        )
        spent = now - self.began
        if not self.total:
            sofar = f"{amount(self.done)} in " if self.done else ""
            return f"{self.name}: {sofar}{in_time(spent)} so far"
        parts = [
            f"{amount(self.done)} of {amount(self.total)}",
            f"{100 * self.done // self.total} %",
        ]
        if self.done and spent > 0:
            rate = self.done / spent
            parts += [f"{amount(rate)}/s"] if self.unit == "bytes" or rate >= 1 else []
            parts.append(f"{in_time(round((self.total - self.done) / rate))} left")
        return f"{self.name}: {', '.join(parts)}"

    def bar(self) -> str:
        """Return a bar that fills as the work is done.

        Examples
        --------
        >>> Phase("hashing", 4, done=1).bar()
        '[######..................]'
        """
        filled = min(_BAR_WIDTH, _BAR_WIDTH * self.done // self.total) if self.total else 0
        return f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}]"


class Lines:
    """Says how far the work is whenever it is ticked; `watched` ticks it every ten seconds."""

    every_s = _LINE_EVERY_S

    def __init__(self) -> None:
        self.phase: Phase | None = None
        self._lock = Lock()

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin a phase of `total` bytes or items."""
        with self._lock:
            self.phase = Phase(phase, total, unit)

    def advance(self, amount: int) -> None:
        """Note that so much more of the phase is done; any thread may."""
        with self._lock:
            if self.phase:
                self.phase.done += amount

    def tick(self) -> None:
        """Say how far the phase is."""
        if self.phase:
            click.echo(self.phase.told(time.monotonic()), err=True)

    def close(self) -> None:
        """Stop."""
        self.phase = None


class Bar(Lines):
    """Draws the same line over and over."""

    every_s = _BAR_EVERY_S

    def tick(self) -> None:
        """Draw the line anew."""
        if self.phase:
            text = f"{self.phase.bar()} {self.phase.told(time.monotonic())}"
            click.echo(f"{_CLEAR}{text}", err=True, nl=False)

    def close(self) -> None:
        """Wipe the line."""
        if self.phase:
            click.echo(_CLEAR, err=True, nl=False)
        super().close()


class RichBar:
    """A bar drawn by rich, which draws it on a clock of its own."""

    every_s = 0.0

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        columns = (progress.BarColumn(), progress.TextColumn("{task.description}"))
        self._bar: Any = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: Any = None
        self._phase: Phase | None = None
        self._lock = Lock()
        self._bar.start()

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin a phase of `total` bytes or items."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._phase = Phase(phase, total, unit)
        self._task = self._bar.add_task(phase, total=total or None)

    def advance(self, amount: int) -> None:
        """Note that so much more of the phase is done; any thread may."""
        if self._phase is None:
            return
        with self._lock:
            self._phase.done += amount
        told = self._phase.told(time.monotonic())
        self._bar.update(self._task, completed=self._phase.done, description=told)

    def tick(self) -> None:
        """Draw: rich does so by itself."""

    def close(self) -> None:
        """Wipe the bar."""
        self._bar.stop()


@contextmanager
def watched(answers: Answers, phase: str) -> Iterator[Progress]:
    """Give what work is told to, and show it while the work goes on.

    Parameters
    ----------
    answers : Answers
        Of the command; a quiet one shows nothing.
    phase : str
        What is being done until the work says more.
    """
    if answers.quiet:
        yield Silence()
        return
    shown = _display()
    shown.start(phase, 0)
    stop = Event()
    ticker = Thread(target=_tick, args=(shown, stop), daemon=True)
    if shown.every_s:
        ticker.start()
    try:
        yield shown
    finally:
        stop.set()
        if shown.every_s:
            ticker.join()
        shown.close()


def _display() -> Lines | RichBar:
    if not sys.stderr.isatty():
        return Lines()
    return RichBar() if find_spec("rich") else Bar()


def _tick(shown: Lines | RichBar, stop: Event) -> None:
    while not stop.wait(shown.every_s):
        shown.tick()
