"""Why a run is due: what differs from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from panneuro.core.run import Run


def differences(before: Run, now: Run) -> tuple[str, ...]:
    """Return in words what differs between what was run and what would be.

    Examples
    --------
    >>> before = Run("0a", "tune", {"window_s": 0.25}, {"units": {"m1": "1"}})
    >>> differences(before, Run("0b", "tune", {"window_s": 0.5}, {"units": {"m1": "1"}}))
    ('parameter window_s 0.25 → 0.5',)
    """
    found = [
        *_changes("parameter ", before.parameters, now.parameters),
        *_changes("", {"seed": before.seed}, {"seed": now.seed}),
        *_changes("signal for ", before.takes, now.takes),
        *_changes("package ", before.packages, now.packages),
    ]
    old = {name: version for slot in before.inputs.values() for name, version in slot.items()}
    new = {name: version for slot in now.inputs.values() for name, version in slot.items()}
    found += _changes("input ", old, new)
    if before.code != now.code:
        found.append(f"code of {now.step}")
    return tuple(found)


def _changes(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{kind}{name} {_shown(before.get(name))} → {_shown(now.get(name))}"


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else repr(value)
