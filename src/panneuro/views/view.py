"""View: a plain function from an asset to rows, kept for every asset that a query finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Any

import pandas as pd

from panneuro.compute.finding import find
from panneuro.compute.planning import Source
from panneuro.compute.products import names_in, product
from panneuro.compute.step import ASSET, Resources, Step
from panneuro.core.errors import InputError, NotFoundError
from panneuro.core.query import Query, parse
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.lake.entries import entry_of
from panneuro.signals.table import Table

GROUP = "panneuro.views"
ENTRY, RUN = "entry", "run"
"""Taken under these names: what the index says of an asset, or the record of a run."""

Rows = pd.DataFrame | list[Mapping[str, Any]]
Draw = Callable[[pd.DataFrame], Any]


class View:
    """A table over a lake. Made by `view`; called, it is the function it was made of.

    Parameters
    ----------
    step : Step
        The function, with what it takes and its parameters.
    over : Query
        Which assets it is of.
    """

    def __init__(self, step: Step, over: Query) -> None:
        self.step = step
        self.over = over
        self.draw: Draw | None = None
        update_wrapper(self, step.function)
        if RUN in step.takes.values() and (over.conditions or len(step.takes) > 1):
            raise InputError(
                f"view {step.name!r} takes runs, which no search finds, and nothing beside them",
                hint='takes="run", without over',
            )

    @property
    def name(self) -> str:
        """Of the view."""
        return self.step.name

    @property
    def of_runs(self) -> bool:
        """Whether it is over the records of runs, not over assets."""
        return RUN in self.step.takes.values()

    @property
    def reference(self) -> str:
        """Where it is found, from any process: ``module:function`` or ``path.py:function``."""
        return self.step.reference

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Call the function."""
        return self.step.function(*values, **named)

    def __repr__(self) -> str:
        return f"<View {self.name}: over {str(self.over) or 'everything'!r}>"

    def __reduce__(self) -> tuple[Callable[[str], View], tuple[str]]:
        return find_view, (self.reference,)

    def figure(self, draw: Draw) -> Draw:
        """Say how the view is drawn: decorates a function from its table to a figure."""
        self.draw = draw
        return draw

    def rows(self, source: Asset | Run, parameters: Mapping[str, Any]) -> Rows:
        """Return what the function makes of an asset, or of a run.

        Parameters
        ----------
        source : Asset or Run
            Of which.
        parameters : mapping
            All of them, validated.

        Returns
        -------
        DataFrame or list of mapping
            As many rows as the function gave, none if it gave None.
        """
        values = {slot: self._value(slot, wanted, source) for slot, wanted in self._takes()}
        return _rows(self.name, self.step.function(**values, **parameters))

    def _takes(self) -> Iterable[tuple[str, str]]:
        return self.step.takes.items()

    def _value(self, slot: str, wanted: str, source: Asset | Run) -> Any:
        if isinstance(source, Run) or wanted == ASSET:
            return source
        if wanted == ENTRY:
            return entry_of(source.manifest)
        found = product(source, _named(source, wanted))
        as_frame = self.step.annotations.get(slot) is pd.DataFrame
        return found.df if as_frame and isinstance(found, Table) else found


def _named(asset: Asset, wanted: str) -> str:
    names = names_in(asset)
    found = [wanted] if wanted in names else Source.of(entry_of(asset.manifest)).meant(wanted)
    if len(found) != 1:
        raise NotFoundError(
            f"{asset.name!r} has {len(found)} signals {wanted!r}",
            hint=f"it has: {', '.join(names)}",
        )
    return found[0]


def _rows(name: str, made: Any) -> Rows:
    if made is None:
        return []
    if isinstance(made, pd.DataFrame):
        return made.reset_index(drop=made.index.name is None and made.index.nlevels == 1)
    rows = [made] if isinstance(made, Mapping) else made
    if isinstance(rows, Iterable) and not isinstance(rows, str):
        rows = list(rows)
        if all(isinstance(row, Mapping) for row in rows):
            return rows
    raise InputError(
        f"view {name!r} gave {type(made).__name__}",
        hint="return a dict, several of them, a DataFrame, or None",
    )


def view(
    *,
    over: str | Query = "",
    takes: str | Iterable[str] | Mapping[str, str] = ENTRY,
    name: str = "",
    resources: Resources | None = None,
) -> Callable[[Callable[..., Any]], View]:
    """Turn a function from an asset to rows into a table that keeps itself up to date.

    Parameters
    ----------
    over : str or Query
        Which assets it is of; all of them by default.
    takes : str, iterable of str, or mapping of str to str
        As for `panneuro.step`: names of signals of the asset, or ``"asset"`` for the whole; or
        ``"entry"``, what the index says of it. ``"run"`` makes it a table of runs.
    name : str, optional
        The function's, with ``-`` for ``_``.
    resources : Resources, optional
        What computing the rows of one asset needs.

    Examples
    --------
    >>> @view(over="has:units", takes="units")
    ... def busiest_unit(units):
    ...     most = units.counts.argmax()
    ...     return {"unit": units.ids[most], "spikes": units.counts[most]}
    >>> busiest_unit
    <View busiest-unit: over 'has=units'>
    """
    if isinstance(takes, str):
        takes = (takes,)
    wanted = dict(takes) if isinstance(takes, Mapping) else {one: one for one in takes}

    def decorate(function: Callable[..., Any]) -> View:
        made = Step(
            function,
            name=name or function.__name__.replace("_", "-"),
            takes=wanted,
            gives=("rows",),
            resources=resources or Resources(),
            tolerance=0.0,
            gathers=False,
        )
        return View(made, over if isinstance(over, Query) else parse(over))

    return decorate


def find_view(reference: str | View) -> View:
    """Return a view; see `panneuro.compute.finding.find`."""
    return reference if isinstance(reference, View) else find(reference, View, GROUP)
