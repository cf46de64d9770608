"""The inner side of a process beside the server: what it is given, what it says, when it ends.

It reads one line of JSON and says in lines of JSON how far it is; what is printed goes to its
standard error. When its standard input ends, or it is interrupted, it ends.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, NoReturn

from panneuro.core.errors import PanneuroError

GRACE_S = 15.0
"""So long it may take to clean up after it was interrupted."""

INTERRUPTED = 130

Say = Callable[..., None]
"""Called with a word and what belongs to it."""


def attend(act: Callable[[dict[str, Any], Say], None]) -> int:
    """Do what standard input asks for, and return the exit status."""
    say = _voice()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("panneuro").setLevel(logging.INFO)
    signal.signal(signal.SIGINT, _interrupted)
    try:
        said = json.loads(sys.stdin.readline())
        Thread(target=_end_with_server, daemon=True).start()
        act(said, say)
    except KeyboardInterrupt:
        return INTERRUPTED
    except PanneuroError as error:
        say("error", code=error.code, message=error.message, hint=error.hint)
        return 1
    return 0


def _voice() -> Say:
    """Return what speaks to the server, and let all that is printed go elsewhere."""
    onward = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    lock = Lock()

    def say(what: str, **more: Any) -> None:
        with lock:
            onward.write(json.dumps({"what": what, **more}) + "\n")

    return say


def _interrupted(*_: object) -> NoReturn:
    """End once: cleaning up is not interrupted again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_server() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_S)
    os._exit(1)
