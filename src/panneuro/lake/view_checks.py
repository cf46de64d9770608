"""Checking views: every edition can be read whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from panneuro.core.edition import ASSETS, FOLDER, ROWS, Edition, Part
from panneuro.core.errors import CorruptionError
from panneuro.core.store import ObjectInfo, Store
from panneuro.lake.problems import Report

_AT_ONCE = 16


def check_views(
    store: Store, report: Report, before: datetime, *, quick: bool, repair: bool, sweep: bool
) -> None:
    """Note editions that cannot be read whole, and parts that none of them names.

    Parameters
    ----------
    store : Store
        The lake's.
    report : Report
        Where to.
    before : datetime
        What was put since may be of a refresh at work.
    quick : bool
        Read the editions only, not what they name.
    repair : bool
        Forget editions that cannot be read: the next refresh computes what is missing.
    sweep : bool
        Delete what no edition names.
    """
    for folder in store.folders(FOLDER):
        view = _ViewCheck(store, folder, report, quick=quick)
        view.editions(repair=repair)
        view.strays(before, sweep=sweep)


class _ViewCheck:
    def __init__(self, store: Store, folder: str, report: Report, *, quick: bool) -> None:
        self.store = store
        self.name = folder.rpartition("/")[2]
        self.report = report
        self.quick = quick
        self.editions_folder = f"{folder}/editions/"
        self.objects = {found.key: found for found in store.list(folder)}
        self.named: set[str] = set()
        self.unknown = False
        """Whether an edition cannot be read and stays, so that it is not known what it names."""

    def editions(self, *, repair: bool) -> None:
        keys = sorted(key for key in self.objects if key.startswith(self.editions_folder))
        self.report.checked_editions += len(keys)
        read = {key: self._read(key) for key in keys}
        parts = {part for one in read.values() if isinstance(one, Edition) for part in one.parts}
        with ThreadPoolExecutor(_AT_ONCE, "panneuro-check") as threads:
            faults = dict(zip(parts, threads.map(self._fault, parts), strict=True))
        for key, one in read.items():
            if isinstance(one, str):
                self._damaged("unreadable", key, one, repair=repair)
                self.unknown |= not repair
                continue
            self.named |= {part.key_of(table) for part in one.parts for table in (ASSETS, ROWS)}
            if wrong := next((part for part in one.parts if faults[part]), None):
                what = f"its part {wrong.key!r} is {faults[wrong]}"
                self._damaged(faults[wrong], key, what, repair=repair)
        self.objects = {key: found for key, found in self.objects.items() if key not in read}

    def _read(self, key: str) -> Edition | str:
        try:
            edition = Edition.decode(self.store.get(key))
        except CorruptionError as error:
            return error.message
        if key != f"{self.editions_folder}{edition.number:09d}.json":
            return f"it is told to be edition {edition.number}"
        return edition

    def _fault(self, part: Part) -> str:
        """Return what a part is, nothing if it is what it was."""
        keys = [part.key_of(table) for table in (ASSETS, ROWS)]
        if not all(key in self.objects for key in keys):
            return "missing"
        if not self.quick and not part.holds(*map(self.store.get, keys)):
            return "corrupt"
        return ""

    def _damaged(self, kind: str, key: str, what: str, *, repair: bool) -> None:
        if repair:
            self.store.delete(key)
            done = "forgotten"
        else:
            done = "--repair forgets this edition"
        message = f"{what}; {done}, and the next refresh of the view computes what is missing"
        self.report.note(kind, self.name, key, message, repaired=repair)

    def strays(self, before: datetime, *, sweep: bool) -> None:
        stray = [] if self.unknown else self._stray(before)
        if not stray:
            return
        for found in stray if sweep else ():
            self.store.delete(found.key)
        size = sum(found.size for found in stray)
        done = "deleted" if sweep else "--sweep deletes them"
        what = f"{len(stray)} objects ({size} bytes) that no edition names; {done}"
        folder = f"{FOLDER}/{self.name}"
        self.report.note("unfinished", self.name, folder, what, repaired=sweep)

    def _stray(self, before: datetime) -> list[ObjectInfo]:
        return [
            found
            for key, found in self.objects.items()
            if key not in self.named and found.modified < before
        ]
