"""Which runs are there for a visitor: those of which every asset is."""

from __future__ import annotations

from panneuro.core.digests import PREFIX
from panneuro.core.run import Run
from panneuro.lake.acting import LakeFor


def inputs_of(run: Run) -> list[tuple[str, str]]:
    """Return the name and version of each asset that a run took; files are none."""
    pairs = (pair for slot in run.inputs.values() for pair in slot.items())
    return [pair for pair in dict.fromkeys(pairs) if not pair[1].startswith(PREFIX)]


def is_visible(seen: LakeFor, run: Run) -> bool:
    """Tell whether every asset that a run took or made is there for an actor.

    A run that names no asset is there for who may see everything.
    """
    names = {name for name, _ in (*inputs_of(run), *run.outputs.items())}
    if not names:
        return seen.actor.is_local
    return seen.only(names) == names
