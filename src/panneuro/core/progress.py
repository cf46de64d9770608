"""How long work tells how far it is: bytes or items of a known total."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of work as it goes."""

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin a phase of `total` bytes or items."""
        ...

    def advance(self, amount: int) -> None:
        """Note that so much more of the phase is done."""
        ...


class Silence:
    """Tells nobody."""

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin a phase."""

    def advance(self, amount: int) -> None:
        """Go on."""
