"""The outer side of a process beside the server: begun, heard, interrupted, and its end told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import TIMEOUT_MAX, Thread, Timer
from typing import Any

from panneuro.portal.attending import GRACE_S

_LINE = 20_000
_LAST_WORDS_S = 2.0
_NOT_PASSED_ON = ("PANNEURO_OIDC_SECRET",)


class Beside:
    """A process that does one thing for a visitor, apart from the server.

    Parameters
    ----------
    module : str
        That is run; see `panneuro.portal.attending.attend`.
    said : mapping
        What it is given.
    note : callable
        Told what it says, a word and what belongs to it, in a thread of its own.
    hear : callable
        Told what it prints, in another.
    conclude : callable
        Told how it ended: its exit status.
    quiet_s : float
        Where it says nothing for as long, it is ended: a library that loops hears no interrupt.
    """

    def __init__(
        self,
        module: str,
        said: dict[str, Any],
        *,
        note: Callable[[dict[str, Any]], None],
        hear: Callable[[str], None],
        conclude: Callable[[int], None],
        quiet_s: float = TIMEOUT_MAX,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._note, self._told, self._conclude = note, hear, conclude
        self._quiet_s = quiet_s
        self._tell(json.dumps(said))
        self._killing = Timer(GRACE_S, self.process.kill)
        self._hearing = Thread(target=self._hear, daemon=True)
        self._watching = Thread(target=self._watch, daemon=True)
        self._hearing.start()
        self._watching.start()

    def _tell(self, line: str) -> None:
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.write(line + "\n")
                self.process.stdin.flush()

    def end(self) -> None:
        """Interrupt it, once; where it does not end within the grace time, end it."""
        self._killing.start()
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Return when it has ended, and that was told."""
        self._watching.join()

    def _hear(self) -> None:
        said = self.process.stderr
        for line in iter(lambda: said.readline(_LINE) if said else "", ""):
            self._told(line)

    def _watch(self) -> None:
        with self.process as process:
            silence = self._silence()
            for line in process.stdout or ():
                silence.cancel()
                silence = self._silence()
                self._note(json.loads(line))
            silence.cancel()
            # Not for ever: processes that outlive it may hold its end of the pipe.
            self._hearing.join(_LAST_WORDS_S)
        self._killing.cancel()
        self._conclude(process.returncode)

    def _silence(self) -> Timer:
        """Begin to wait for its next word."""
        silence = Timer(self._quiet_s, self.process.kill)
        silence.daemon = True
        silence.start()
        return silence


def environment() -> dict[str, str]:
    """Return the environment of a process that works for visitors.

    Nothing of how people sign in is in it.
    """
    own = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    return {**own, "PYTHONUNBUFFERED": "1"}
