"""Steps for the command line, and a pipeline of them."""

from __future__ import annotations

import panneuro


@panneuro.step(takes="units", gives="counts")
def count(units, at_least: int = 0) -> dict:
    """Count the spikes of each unit."""
    counts = units.counts.tolist()
    return {str(unit): n for unit, n in zip(units.ids, counts, strict=True) if n >= at_least}


@panneuro.step(takes="counts", gives="total")
def total(counts) -> int:
    """Add up what was counted."""
    return sum(counts.values())


@panneuro.step(takes="units", gives="nothing")
def fail(units) -> int:
    """Fail."""
    raise ValueError("not today")


pipeline = panneuro.Pipeline("spikes", on="has:units kind=raw", steps=[count, total])
