"""The process that adds one delivery to a lake, apart from the server that it came to."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from panneuro.lake.lake import open_lake
from panneuro.portal.attending import Say, attend
from panneuro.portal.orders import actor_from_json
from panneuro.portal.staging import Delivery

_TOLD_EVERY_S = 0.5


class _Telling:
    """Tells the server how far the work is, twice a second at most."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._phase, self._total, self._unit = "", 0, ""
        self._done, self._last = 0, 0.0

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin a phase."""
        self._phase, self._total, self._unit, self._done = phase, total, unit, 0
        self._tell()

    def advance(self, amount: int) -> None:
        """Note that so much more of the phase is done."""
        self._done += amount
        if time.monotonic() - self._last > _TOLD_EVERY_S:
            self._tell()

    def _tell(self) -> None:
        self._last = time.monotonic()
        self._say("phase", phase=self._phase, total=self._total, done=self._done, unit=self._unit)


def _receive(said: dict[str, Any], say: Say) -> None:
    lake = open_lake(said["place"]).as_(actor_from_json(said["actor"]))
    delivery, telling = Delivery.load(Path(said["folder"])), _Telling(say)
    telling.start("verifying", sum(delivery.sizes.values()))
    path = delivery.put_together(telling.advance)
    added = lake.add(path, progress=telling, **delivery.asked.options)
    say(
        "added",
        name=added.manifest.name,
        version=added.manifest.version,
        is_new=added.is_new,
        sent_bytes=added.sent_bytes,
        findings=[finding.to_dict() for finding in added.findings],
    )


if __name__ == "__main__":
    sys.exit(attend(_receive))
