"""Checking runs: every record is what it was, and what it names is in the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from panneuro.core.errors import CorruptionError, StoreError
from panneuro.core.manifest import is_version, prefix_of
from panneuro.core.run import Run
from panneuro.core.store import Store
from panneuro.lake.indexing import RUNS, refill_runs
from panneuro.lake.problems import Report
from panneuro.lake.runs import record_key, recorded

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

Versions = set[tuple[str, str]]
"""Name and version of assets."""

_AT_ONCE = 16
_RESTORE = "restore it from a copy, or delete it: the same run is recorded when it is done again"


def check_runs(
    lake: Lake, held: Versions, report: Report, *, indexed: bool, quick: bool, repair: bool
) -> None:
    """Note records that are not what they were, and what runs made or took that is not there.

    Parameters
    ----------
    lake : Lake
        Whose.
    held : set of tuple
        Versions that the store holds.
    report : Report
        Where to.
    indexed : bool
        Whether the index over assets can be relied on, which learns what runs made.
    quick : bool
        Take the word of the index for every record that it knows.
    repair : bool
        Put records right that the index knows, and the index.
    """
    knows = indexed and _can_use_index(lake, report, repair=repair)
    stored = recorded(lake.store)
    report.checked_runs = len(stored)
    found = {} if quick and knows else _read_all(lake.store, stored)
    for key, run in found.items():
        if isinstance(run, str):
            _damaged(lake if knows else None, key, run, report, repair=repair)
    if knows:
        _index(lake, set(stored), report, repair=repair)
    runs = lake.runs.find() if quick and knows else found.values()
    _named((run for run in runs if isinstance(run, Run) and run.is_done), held, report)


def _can_use_index(lake: Lake, report: Report, *, repair: bool) -> bool:
    """Learn what others ran; where the index cannot be used, as on a full disk, note that."""
    try:
        lake.refresh()
    except StoreError as error:
        report.note("unreadable", "", RUNS, f"{error.message}; {error.hint}")
        return False
    except CorruptionError as error:
        if repair:
            refill_runs(lake)
        what = error.message + ("" if repair else "; --repair makes it again")
        report.note("unreadable", "", RUNS, what, repaired=repair)
        return repair
    return True


def _read_all(store: Store, keys: list[str]) -> dict[str, Run | str]:
    with ThreadPoolExecutor(_AT_ONCE, "panneuro-check") as threads:
        return dict(zip(keys, threads.map(lambda key: _read(store, key), keys), strict=True))


def _read(store: Store, key: str) -> Run | str:
    """Return the run recorded at a key, or what is wrong with its record."""
    try:
        run = Run.decode(store.get(key))
    except CorruptionError as error:
        return error.message
    return _fault(key, run) or run


def _fault(key: str, run: Run) -> str:
    if record_key(run) != key:
        return f"this is the record of another run: {run.key!r}"
    if run.key_of_content != run.key:
        return "its key does not follow from what it tells"
    return ""


def _damaged(lake: Lake | None, key: str, what: str, report: Report, *, repair: bool) -> None:
    """Note a record that is damaged; put it back as the index knows it."""
    known = lake.runs.record(key) if lake else None
    if lake is None or known is None or _fault(key, known):
        report.note("corrupt", "", key, f"{what}; {_RESTORE}")
        return
    if repair:
        lake.store.put(key, known.encode())
    done = (
        "written again as the index knew it" if repair else "--repair writes what the index knows"
    )
    report.note("corrupt", known.step, key, f"{what}; {done}", repaired=repair)


def _index(lake: Lake, stored: set[str], report: Report, *, repair: bool) -> None:
    """Compare the index of runs with the store."""
    known = lake.runs.records()
    for key in sorted(known - stored):
        done = "" if repair else "; --repair forgets it"
        what = f"the index knows a run whose record the store does not hold{done}"
        report.note("index-only", "", key, what, repaired=repair)
    missing = {key: run for key in stored - known if isinstance(run := _read(lake.store, key), Run)}
    for key, run in sorted(missing.items()):
        done = "" if repair else "; --repair indexes it"
        what = f"the index does not know this run{done}"
        report.note("not-indexed", run.step, key, what, repaired=repair)
    if repair and known - stored:
        lake.runs.clear()
        lake.refresh()
    elif repair:
        lake.learn(missing.values())


def _named(runs: Iterable[Run], held: Versions, report: Report) -> None:
    """Note versions that runs made or took and that the lake does not hold."""
    made: dict[tuple[str, str], Run] = {}
    taken: Counter[tuple[str, str]] = Counter()
    for run in runs:
        made |= dict.fromkeys(run.outputs.items(), run)
        taken.update({pair for slot in run.inputs.values() for pair in slot.items()})
    for name, version in sorted((made.keys() | taken.keys()) - held):
        if is_version(version):
            what = _gone(made.get((name, version)), taken[name, version])
            report.note("gone", f"{name}@{version}", prefix_of(name, version), what)


def _gone(maker: Run | None, taken: int) -> str:
    """Return what is to be said of a version that is not in the lake any more."""
    told = f"a run of {maker.step!r} made it and it is gone" if maker else "it is gone"
    if taken:
        who = "a run" if taken == 1 else f"{taken} runs"
        told += f"; {who} took it and cannot be repeated without it"
    if maker and maker.code:
        return f"{told}; the step makes it again when it is run"
    return f"{told}; restore it from a copy of the lake, if it is to be here"
