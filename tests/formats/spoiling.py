"""Damage to a file, as hypothesis draws it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from panneuro.core.errors import PanneuroError
from panneuro.signals.recording import Recording


def spoil(place: Path, data: st.DataObject) -> None:
    """Cut a file short, or change some of its bytes."""
    content = bytearray(place.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    place.write_bytes(bytes(content))


def refused_or_read(read: Any, *arguments: Any) -> None:
    """Read a recording and the beginning of its signals; only errors of ours may come of it."""
    with contextlib.suppress(PanneuroError):
        found: Recording = read(*arguments)
        for signal in found.signals:
            if hasattr(signal, "data"):
                signal.data[:2]
