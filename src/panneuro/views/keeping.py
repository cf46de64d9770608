"""Keeping a view up to date: what is missing, changed or gone, computed and put as an edition."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import batched
from typing import TYPE_CHECKING, Any

import pandas as pd

from panneuro.compute import executors
from panneuro.compute.needs import need_of
from panneuro.compute.packages import reached
from panneuro.core.digests import digest_json
from panneuro.core.edition import Edition
from panneuro.core.errors import ConflictError, InputError, ObjectExistsError, PanneuroError
from panneuro.core.progress import Progress, Silence
from panneuro.core.run import Run, run_key
from panneuro.core.store import Store
from panneuro.documents.names import slug
from panneuro.lake.asset import Asset
from panneuro.lake.runs import Attempt
from panneuro.storage.stores import open_store
from panneuro.views.editions import ASSET, FAILED, GONE, MADE, VERSION, Editions, Made
from panneuro.views.view import Rows, View, find_view

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_AT_ONCE = 32
"""Assets that are sent to a worker together."""

_PUT_EVERY_S = 60.0
"""A first filling that takes long is put now and then: interrupted, the rest is left to do."""

_TRIES = 8

Versions = dict[str, str]
"""By name, the version of an asset; of a run, by the key of its record, nothing."""


@dataclass(frozen=True)
class State:
    """How a view stands to its lake.

    Parameters
    ----------
    edition : Edition, optional
        The newest there is.
    todo : dict of str to str
        Version by name of the assets that are to be computed.
    gone : dict of str to str
        Those that are not found any more.
    why : tuple of str
        In words, what changed of the view itself.
    """

    edition: Edition | None
    todo: Versions
    gone: Versions
    why: tuple[str, ...] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is to be done."""
        return self.edition is not None and not (self.todo or self.gone or self.why)


class Keeper:
    """Keeps one view of a lake, with one set of parameters.

    Parameters
    ----------
    lake : Lake
        Which.
    view : View
        Which.
    given : mapping
        Parameters; the view's own defaults where not given.
    """

    def __init__(self, lake: Lake, view: View, given: Mapping[str, Any]) -> None:
        self.lake = lake
        self.view = view
        self.parameters = view.step.validated(given).model_dump(mode="json")
        self._packages = reached(view.step.code.imports)
        self.definition = {
            "view": view.name,
            "over": str(view.over),
            "takes": dict(view.step.takes),
            "code": view.step.code.digest,
            "packages": self._packages,
            "parameters": self.parameters,
        }
        mark = f"-{digest_json(self.parameters)[7:15]}" if given else ""
        self.editions = Editions(lake.store, slug(view.name) + mark)

    def state(self) -> State:
        """Return what there is and what is to be done."""
        edition, wanted = self.editions.newest(), self._wanted()
        why = _changes(edition.definition, self.definition) if edition else ()
        if edition is None or why:
            return State(edition, wanted, {}, why)
        held = _versions(self.editions.told(edition))
        todo = {name: version for name, version in wanted.items() if held.get(name) != version}
        gone = {name: version for name, version in held.items() if name not in wanted}
        return State(edition, todo, gone)

    def said(self, assets: Versions) -> Run:
        """Return what is known beforehand of the run that computes the rows of some assets."""
        step, inputs = self.view.step, {"assets": assets}
        environment, name = digest_json(self._packages), f"view.{step.name}"
        key = run_key(
            name,
            code=step.code.digest,
            environment=environment,
            parameters=self.parameters,
            takes=step.takes,
            inputs=inputs,
        )
        return Run(
            key=key,
            step=name,
            parameters=self.parameters,
            inputs=inputs,
            reference=self.view.reference,
            code=step.code.digest,
            environment=environment,
            packages=self._packages,
            takes=step.takes,
        )

    def _wanted(self) -> Versions:
        if self.view.of_runs:
            return dict.fromkeys(self.lake.runs.records(), "")
        return dict(self.lake.index.latest(self.view.over))

    def refresh(
        self,
        *,
        again: bool = False,
        executor: str = "",
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Edition:
        """Bring the table up to date and return its edition.

        Parameters
        ----------
        again : bool
            Whether assets that failed are tried again.
        executor, workers
            As for `panneuro.run`.
        progress : Progress, optional
            Told of assets as they are done.

        Raises
        ------
        ConflictError
            If others refresh the same view all the time.
        """
        state, progress = self.state(), progress or Silence()
        todo = state.todo | (self._failed(state.edition) if again and state.edition else {})
        if state.edition and not (todo or state.gone or state.why):
            return state.edition
        putting = _Putting(self, None if state.why else state.edition)
        putting.note(Made.of((name, version, GONE, "") for name, version in state.gone.items()))
        progress.start(self.view.name, len(todo), "assets")
        try:
            for made in self._computed(todo, executor, workers):
                putting.note(made)
                progress.advance(len(made.told))
        finally:
            putting.put()
        return putting.edition

    def _failed(self, edition: Edition) -> Versions:
        told = self.editions.told(edition)
        return _versions(told[told["status"] == FAILED])

    def _computed(self, todo: Versions, executor: str, workers: int | None) -> Iterator[Made]:
        settings = self.lake.settings.compute
        kind = executors.kind_of(settings, executor)
        batches = [tuple(batch) for batch in batched(sorted(todo.items()), _AT_ONCE)]
        if kind == executors.INLINE or len(batches) < 2:
            for batch in batches:
                yield computed(self.lake.store, self.view, self.parameters, batch)
            return
        if not self.view.step.is_found or self.lake.store.url.startswith("memory://"):
            raise InputError(
                f"view {self.view.name!r} or its lake is where other processes cannot find it",
                hint="--executor inline",
            )
        place, where = self.lake.store.url, self.view.reference
        needs = [need_of(self.lake, self.view.step)]
        count = executors.workers_of(settings, workers, needs)
        with executors.opened(kind, settings, count, needs) as (make, asked), make() as pool:
            said = asked.get(where, {})
            sent = [
                pool.submit(_computed_there, place, where, self.parameters, batch, **said)
                for batch in batches
            ]
            try:
                for future in sent:
                    yield future.result()
            finally:
                for future in sent:
                    future.cancel()


class _Putting:
    """Gathers what is computed, and puts it as editions."""

    def __init__(self, keeper: Keeper, edition: Edition | None) -> None:
        newest = edition or keeper.editions.newest()
        empty = Edition(newest.number if newest else 0, keeper.definition)
        self.edition = edition or empty
        self._keeper = keeper
        self._waiting: list[Made] = []
        self._since = time.monotonic()
        self._attempt = Attempt(keeper.said({}))

    def note(self, made: Made) -> None:
        """Keep what was computed, and put it if the last time is long ago."""
        if len(made.told):
            self._waiting.append(made)
        if time.monotonic() - self._since > _PUT_EVERY_S:
            self.put()

    def put(self) -> None:
        """Put what was computed since the last time as an edition.

        Raises
        ------
        ConflictError
            If others put other editions all the time.
        """
        made = Made.joined(self._waiting)
        for _ in range(_TRIES):
            run = self._keeper.said(_versions(made.told[made.told["status"] != GONE]))
            try:
                self.edition = self._keeper.editions.put(_following(self.edition, made, run), made)
            except ObjectExistsError:
                made = self._left(made)
                if self.edition.parts and not len(made.told):
                    return
                continue
            if not self._keeper.view.of_runs:  # Else it would never be up to date.
                self._attempt.said = run
                self._attempt.record(self._keeper.lake.store)
            self._waiting, self._since = [], time.monotonic()
            return
        raise ConflictError(
            f"refreshing view {self._keeper.view.name!r}: others refresh it all the time",
            hint="run the same line again",
        )

    def _left(self, made: Made) -> Made:
        """Take up the edition that another put meanwhile; return what it does not know yet."""
        newest = self._keeper.editions.newest()
        if newest is None or newest.definition != self._keeper.definition:
            raise ConflictError(
                f"refreshing view {self._keeper.view.name!r}: another version of it, or of the "
                "packages that it uses, refreshed it meanwhile",
                hint="give all who refresh it the same files and environment",
            )
        self.edition = newest
        known = _versions(self._keeper.editions.told(newest))
        ours = zip(made.told[ASSET].tolist(), made.told[VERSION].tolist(), strict=True)
        left = made.told[[known.get(name) != version for name, version in ours]]
        return Made(left, made.rows[made.rows[ASSET].isin(left[ASSET])])


def _versions(told: pd.DataFrame) -> Versions:
    # A list of texts is made much faster than texts one by one.
    return dict(zip(told[ASSET].tolist(), told[VERSION].tolist(), strict=True))


def _following(edition: Edition, made: Made, run: Run) -> Edition:
    return replace(
        edition,
        number=edition.number + 1,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        run=run.key,
        changes=dict(Counter(made.told["status"])),
    )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words what differs between two definitions of a view."""
    found = []
    for what in sorted(now):
        old, new = before.get(what), now[what]
        if old == new:
            continue
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
            found += [f"{what} {name} {old.get(name)} → {new.get(name)}" for name in names]
        else:
            found.append(what if what == "code" else f"{what} {old} → {new}")
    return tuple(found)


def computed(
    store: Store, view: View, parameters: Mapping[str, Any], batch: Iterable[tuple[str, str]]
) -> Made:
    """Return what a view makes of some assets; one that fails does not stop the others."""
    told, gathered = [], _Gathered()
    values = view.step.validated(parameters)
    given = {name: getattr(values, name) for name in type(values).model_fields}
    for name, version in batch:
        try:
            source = (
                Run.decode(store.get(name)) if view.of_runs else Asset.open(store, name, version)
            )
            gathered.add(name, version, view.rows(source, given))
            told.append((name, version, MADE, ""))
        except Exception as error:  # noqa: BLE001
            told.append((name, version, FAILED, _told(error)))
    return Made.of(told, gathered.frames())


class _Gathered:
    """Rows of one asset after the other; a table is made of many at once, for each is dear."""

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._rows: list[Mapping[str, Any]] = []

    def add(self, name: str, version: str, rows: Rows) -> None:
        if isinstance(rows, pd.DataFrame):
            own = [column for column in rows.columns if column not in (ASSET, VERSION)]
            head = pd.DataFrame({ASSET: name, VERSION: version}, index=rows.index)
            self._frames.append(pd.concat([head, rows[own]], axis="columns"))
        else:
            mark = {ASSET: name, VERSION: version}
            self._rows += [{**mark, **row, **mark} for row in rows]

    def frames(self) -> list[pd.DataFrame]:
        return [pd.DataFrame(self._rows), *self._frames]


def _told(error: Exception) -> str:
    return error.message if isinstance(error, PanneuroError) else f"{type(error).__name__}: {error}"


def _computed_there(
    place: str, where: str, parameters: Mapping[str, Any], batch: tuple[tuple[str, str], ...]
) -> Made:
    return computed(_opened(place), find_view(where), parameters, batch)


@lru_cache(maxsize=4)
def _opened(place: str) -> Store:
    return open_store(place)
