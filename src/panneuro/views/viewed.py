"""A view of a lake: its table as it is now or was, and its figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from panneuro.core.edition import Edition
from panneuro.core.errors import InputError, NotFoundError
from panneuro.core.progress import Progress
from panneuro.storage import tables
from panneuro.views.editions import ASSET, FAILED
from panneuro.views.keeping import Keeper, State
from panneuro.views.view import View, find_view

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

Visible = Callable[[Iterable[str]], set[str]]
"""Of some names of assets, those that may be seen."""


class Viewed:
    """The table of a view, as one edition has it.

    Parameters
    ----------
    keeper : Keeper
        Of the view in its lake.
    edition : Edition
        Which.
    visible : callable, optional
        Leaves out the rows of what may not be seen.
    """

    def __init__(self, keeper: Keeper, edition: Edition, visible: Visible | None = None) -> None:
        self._keeper = keeper
        self._visible = visible
        self.edition = edition

    @property
    def view(self) -> View:
        """The view."""
        return self._keeper.view

    @cached_property
    def df(self) -> pd.DataFrame:
        """The rows: ``asset``, ``version`` and the view's own columns, sorted by asset."""
        return self._seen(self._keeper.editions.rows(self.edition))

    @cached_property
    def failed(self) -> pd.DataFrame:
        """The assets whose rows could not be computed: ``asset``, ``version`` and ``error``."""
        told = self._keeper.editions.told(self.edition)
        failed = told[told["status"] == FAILED].drop(columns="status")
        return self._seen(failed.reset_index(drop=True))

    def _seen(self, rows: pd.DataFrame) -> pd.DataFrame:
        if self._visible is None:
            return rows
        seen = set() if self.view.of_runs else self._visible(rows[ASSET].unique().tolist())
        return rows[rows[ASSET].isin(seen)].reset_index(drop=True)

    @property
    def history(self) -> list[Edition]:
        """Every edition of the view, oldest first."""
        return self._keeper.editions.all()

    @property
    def state(self) -> State:
        """How the newest edition stands to the lake now."""
        return self._keeper.state()

    def at(self, number: int) -> Viewed:
        """Return the table as an earlier edition has it.

        Raises
        ------
        NotFoundError
            If there is none of that number.
        """
        for edition in self.history:
            if edition.number == number:
                return Viewed(self._keeper, edition, self._visible)
        raise NotFoundError(
            f"view {self.view.name!r} has no edition {number!r}",
            hint=f"the newest is {self.edition.number}",
        )

    def figure(self) -> Any:
        """Draw the table, as the view says.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            If the view does not say how, or has no rows to draw.
        """
        if self.view.draw is None:
            raise InputError(
                f"view {self.view.name!r} does not say how it is drawn",
                hint=f"@{self.view.step.function.__name__}.figure on a function of its table",
            )
        if self.df.empty:
            raise InputError(f"view {self.view.name!r} has no rows to draw")
        return self.view.draw(self.df)

    def to_parquet(self, path: str | Path) -> Path:
        """Write the table as Parquet."""
        Path(path).write_bytes(tables.encode(self.df))
        return Path(path)

    def __len__(self) -> int:
        return len(self.df)

    def __repr__(self) -> str:
        assets = self.df[ASSET].nunique()
        return f"<Viewed {self.view.name}: {len(self)} rows of {assets} assets>"

    def _repr_html_(self) -> str:
        return self.df.to_html(max_rows=20)


def view_of(
    lake: Lake,
    view: str | View,
    *,
    refresh: bool = True,
    again: bool = False,
    executor: str = "",
    workers: int | None = None,
    progress: Progress | None = None,
    visible: Visible | None = None,
    **parameters: Any,
) -> Viewed:
    """Return a view's table, brought up to date first: only what changed is computed.

    Known as ``panneuro.view``.

    Parameters
    ----------
    lake : Lake
        Of which.
    view : str or View
        A view, its name, or ``path/to/file.py:function``.
    refresh : bool
        Whether it is brought up to date; else the newest edition is returned.
    again : bool
        Whether assets that failed are tried again.
    executor : {"", "inline", "processes", "dask"}
        Where rows are computed; what ``lake.toml`` says where not given.
    workers : int, optional
        How many.
    progress : Progress, optional
        Told of assets as they are done.
    visible : callable, optional
        Of some names, returns those that may be seen: rows of others are left out.
    **parameters
        Of the view; other parameters make another table beside.

    Raises
    ------
    NotFoundError
        If there is no such view, or it was never computed and is not to be now.

    Examples
    --------
    >>> import panneuro
    >>> lake = panneuro.open("memory://example-lake", create=True)
    >>> panneuro.view(lake, "session-overview")
    <Viewed session-overview: 0 rows of 0 assets>
    """
    keeper = Keeper(lake, find_view(view), parameters)
    if refresh:
        edition: Edition | None = keeper.refresh(
            again=again, executor=executor, workers=workers, progress=progress
        )
    else:
        edition = keeper.editions.newest()
    if edition is None:
        raise NotFoundError(
            f"view {keeper.view.name!r} was not computed yet", hint=f"panneuro view {view}"
        )
    return Viewed(keeper, edition, visible)


def known(lake: Lake) -> Mapping[str, str]:
    """Return every view that is known to a lake, by name: where it is found.

    Those that are installed, and those that ``lake.toml`` names under ``[views]``.
    """
    from panneuro.core import plugins
    from panneuro.views.view import GROUP

    installed = {name: name for name in plugins.names(GROUP)}
    return {**installed, **{str(name): str(where) for name, where in lake.settings.views.items()}}
